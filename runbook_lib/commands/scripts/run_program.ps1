# Runs one program with a list of arguments on the machine that Identity describes. Code is its exit code;
# what it writes to either stream is Output. A SecureString argument becomes text here: a declared exposure.
# Identity: @{ MachineGuid; ComputerName (or $null when it is not yet known) }; another machine changes nothing.
# Gives one object: Outcome (answered, wrong node, refused), MachineGuid, ComputerName, Code, Output, ErrorId, ErrorText.
param([hashtable]$Identity, [string]$Program, [object[]]$Arguments)
function ConvertTo-Text($Secure) { [Runtime.InteropServices.Marshal]::PtrToStringBSTR([Runtime.InteropServices.Marshal]::SecureStringToBSTR($Secure)) }
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
        $words = [string[]]@($Arguments | Where-Object { $_ -ne $null } | ForEach-Object { if ($_ -is [System.Security.SecureString]) { ConvertTo-Text $_ } else { [string]$_ } })
        $ErrorActionPreference = 'Continue'
        $answer['Output'] = [string[]]@(& $Program @words 2>&1 | ForEach-Object { [string]$_ })
        $answer['Code'] = $LASTEXITCODE
    }
}
catch {
    $answer['Outcome'] = 'refused'
    $answer['ErrorId'] = $_.FullyQualifiedErrorId
    $answer['ErrorText'] = $_.Exception.Message
}
New-Object PSObject -Property $answer
