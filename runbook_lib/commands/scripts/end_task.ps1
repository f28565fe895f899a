# Removes a task that start_task.ps1 started and has ended: the task itself, its files, and their folder once it
# is empty, on the machine that Identity describes. Code is 0, also when nothing was left to remove.
# Identity: @{ MachineGuid; ComputerName (or $null when it is not yet known) }; another machine changes nothing.
#   Both may be $null where the task only read: any machine will do.
# Gives one object: Outcome (answered, wrong node, refused), MachineGuid, ComputerName, Code, Output, ErrorId, ErrorText.
param([hashtable]$Identity, [string]$Task)
function Invoke-Program($Name, $Words) { [string[]]@(& $Name @Words 2>&1 | ForEach-Object { [string]$_ }) }
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$answer = @{ Outcome = 'answered'; MachineGuid = $null; ComputerName = $null; Code = $null; Output = [string[]]@(); ErrorId = $null; ErrorText = $null }
try {
    $answer['MachineGuid'] = (Get-ItemProperty -Path 'HKLM:\SOFTWARE\Microsoft\Cryptography' -Name 'MachineGuid').MachineGuid
    $answer['ComputerName'] = (Get-WmiObject -Class 'Win32_ComputerSystem').Name
    $same = ($answer['MachineGuid'] -eq $Identity['MachineGuid']) -or (-not $Identity['MachineGuid'])
    if ($Identity['ComputerName'] -and ($answer['ComputerName'] -ne $Identity['ComputerName'])) { $same = $false }
    if (-not $same) {
        $answer['Outcome'] = 'wrong node'
    }
    else {
        foreach ($end in @('go', 'cmd', 'out', 'tmp', 'rc', 'ps1', 'run.ps1', 'in.xml', 'out.xml')) {
            $path = "C:\runbook\$Task.$end"
            if (Test-Path -Path $path) { Remove-Item -Path $path -Force }
        }
        $ErrorActionPreference = 'Continue'
        $lines = Invoke-Program 'schtasks.exe' @('/delete', '/tn', $Task, '/f')
        # The folder goes when nothing else is in it; else it stays, and that is no failure.
        $null = Invoke-Program 'cmd.exe' @('/c', 'rd', 'C:\runbook')
        $ErrorActionPreference = 'Stop'
        $answer['Output'] = [string[]]@($lines)
        $answer['Code'] = 0
    }
}
catch {
    $answer['Outcome'] = 'refused'
    $answer['ErrorId'] = $_.FullyQualifiedErrorId
    $answer['ErrorText'] = $_.Exception.Message
}
New-Object PSObject -Property $answer
