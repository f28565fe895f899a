# Calls one cmdlet with named parameters on the machine that Identity describes. Code is 0.
# Identity: @{ MachineGuid; ComputerName (or $null when it is not yet known) }; another machine changes nothing.
# Gives one object: Outcome (answered, wrong node, refused), MachineGuid, ComputerName, Code, Output, ErrorId, ErrorText.
param([hashtable]$Identity, [string]$Name, [hashtable]$Parameters)
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
        $answer['Output'] = [string[]]@(& $Name @Parameters | ForEach-Object { [string]$_ })
        $answer['Code'] = 0
    }
}
catch {
    $answer['Outcome'] = 'refused'
    $answer['ErrorId'] = $_.FullyQualifiedErrorId
    $answer['ErrorText'] = $_.Exception.Message
}
New-Object PSObject -Property $answer
