# Calls one WMI method with named arguments, on the instance whose KeyProperty equals KeyValue or, with an
# empty KeyProperty, on the class itself, on the machine that Identity describes. Code is its ReturnValue.
# Arguments: hashtable name -> value; each is cast to the type that the method's own signature names.
# A SecureString argument becomes text here: a declared exposure.
# Identity: @{ MachineGuid; ComputerName (or $null when it is not yet known) }; another machine changes nothing.
# Gives one object: Outcome (answered, wrong node, refused), MachineGuid, ComputerName, Code, Output, ErrorId, ErrorText.
param([hashtable]$Identity, [string]$Namespace, [string]$Class, [string]$KeyProperty, [object]$KeyValue, [string]$Method, [hashtable]$Arguments)
function ConvertTo-Text($Secure) { [Runtime.InteropServices.Marshal]::PtrToStringBSTR([Runtime.InteropServices.Marshal]::SecureStringToBSTR($Secure)) }
function Get-WmiClass($Namespace, $Class) { New-Object System.Management.ManagementClass "\\.\${Namespace}:$Class" }
function Get-MethodSignature($Target, $Method) { $Target.psbase.GetMethodParameters($Method) }
function Get-ArgumentType($Signature, $Name) { $p = $Signature.psbase.Properties[$Name]; [string]$p.Type + $(if ($p.IsArray) { '[]' }) }
function Set-Argument($Signature, $Name, $Value) { $Signature.psbase.Properties[$Name].Value = $Value }
function Invoke-Method($Target, $Method, $Signature) { $Target.psbase.InvokeMethod($Method, $Signature, $null).psbase.Properties['ReturnValue'].Value }
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$answer = @{ Outcome = 'answered'; MachineGuid = $null; ComputerName = $null; Code = $null; Output = [string[]]@(); ErrorId = $null; ErrorText = $null }
try {
    $answer['MachineGuid'] = (Get-ItemProperty -Path 'HKLM:\SOFTWARE\Microsoft\Cryptography' -Name 'MachineGuid').MachineGuid
    $answer['ComputerName'] = (Get-WmiObject -Class 'Win32_ComputerSystem').Name
    $same = ($answer['MachineGuid'] -eq $Identity['MachineGuid'])
    if ($Identity['ComputerName'] -and ($answer['ComputerName'] -ne $Identity['ComputerName'])) { $same = $false }
    if (-not $same) {
        $answer['Outcome'] = 'wrong node'
    }
    else {
        if ($KeyProperty) {
            $targets = @(Get-WmiObject -Namespace $Namespace -Class $Class | Where-Object { $_.$KeyProperty -eq $KeyValue })
            if ($targets.Length -ne 1) { throw "$($targets.Length) instances of $Class have $KeyProperty = $KeyValue" }
            $target = $targets[0]
        }
        else { $target = Get-WmiClass $Namespace $Class }
        $signature = Get-MethodSignature $target $Method
        foreach ($name in @($Arguments.Keys)) {
            $value = $Arguments[$name]
            if ($value -is [System.Security.SecureString]) { $value = ConvertTo-Text $value }
            if ($null -ne $value) {
                switch (Get-ArgumentType $signature $name) {
                    'String' { $value = [string]$value }
                    'String[]' { $value = [string[]]@($value) }
                    'Boolean' { $value = [bool]$value }
                    'UInt16' { $value = [uint16]$value }
                    'UInt16[]' { $value = [uint16[]]@($value) }
                    'UInt32' { $value = [uint32]$value }
                    'UInt32[]' { $value = [uint32[]]@($value) }
                    'UInt64' { $value = [uint64]$value }
                    default { throw "the signature of $Method names a type for $name that is not supported: $_" }
                }
            }
            Set-Argument $signature $name $value
        }
        $answer['Code'] = [long](Invoke-Method $target $Method $signature)
    }
}
catch {
    $answer['Outcome'] = 'refused'
    $answer['ErrorId'] = $_.FullyQualifiedErrorId
    $answer['ErrorText'] = $_.Exception.Message
}
New-Object PSObject -Property $answer
