# Writes REG_MULTI_SZ values, making missing keys, on the machine that Identity describes. Code is 0.
# Lists: list of hashtables @{ Path; Name; Values (list of text) }.
# Identity: @{ MachineGuid; ComputerName (or $null when it is not yet known) }; another machine changes nothing.
# Gives one object: Outcome (answered, wrong node, refused), MachineGuid, ComputerName, Code, Output, ErrorId, ErrorText.
param([hashtable]$Identity, [object[]]$Lists)
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
        foreach ($list in @($Lists)) {
            if (-not (Test-Path -Path $list['Path'])) { New-Item -Path $list['Path'] -Force | Out-Null }
            New-ItemProperty -Path $list['Path'] -Name $list['Name'] -PropertyType 'MultiString' -Value ([string[]]@($list['Values'])) -Force | Out-Null
        }
        $answer['Code'] = 0
    }
}
catch {
    $answer['Outcome'] = 'refused'
    $answer['ErrorId'] = $_.FullyQualifiedErrorId
    $answer['ErrorText'] = $_.Exception.Message
}
New-Object PSObject -Property $answer
