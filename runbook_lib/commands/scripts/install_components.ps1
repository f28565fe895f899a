# Lets Windows' component manager switch optional components on and off, on the machine that Identity describes.
# Components: list of hashtables @{ Name; State ('on' or 'off') }.
# Seconds: how long it may work. Where it misses installation files it asks for them in a dialog that nobody sees.
# Code: 0 when it ended by itself (what it did, only the registry tells), 1460 when it was ended after Seconds.
# Identity: @{ MachineGuid; ComputerName (or $null when it is not yet known) }; another machine changes nothing.
# Gives one object: Outcome (answered, wrong node, refused), MachineGuid, ComputerName, Code, Output, ErrorId, ErrorText.
param([hashtable]$Identity, [object[]]$Components, [int]$Seconds)
function Test-Process($Name) { [System.Diagnostics.Process]::GetProcessesByName($Name).Length -gt 0 }
function Write-Answers($Path, $Lines) { [void][System.IO.Directory]::CreateDirectory('C:\runbook'); [System.IO.File]::WriteAllLines($Path, $Lines) }
function Remove-Answers($Path) { [System.IO.File]::Delete($Path) }
function Start-Manager($Path) { [System.Diagnostics.Process]::Start("$env:SystemRoot\system32\sysocmgr.exe", "/i:$env:SystemRoot\inf\sysoc.inf /u:$Path /q /r") }
function Wait-Manager($Process, $Seconds) { $Process.WaitForExit(1000 * $Seconds) }
function Stop-Manager($Process) { $Process.Kill() }
function Get-ManagerCode($Process) { $Process.ExitCode }
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
        # Two of them at once would work on the same files.
        if (Test-Process 'sysocmgr') { throw 'sysocmgr.exe is at work already' }
        $path = 'C:\runbook\components.txt'
        $lines = [string[]]@('[Components]'; $Components | ForEach-Object { "$($_['Name']) = $($_['State'])" })
        Write-Answers $path $lines
        $process = Start-Manager $path
        if (Wait-Manager $process $Seconds) {
            $answer['Output'] = [string[]]@("sysocmgr.exe ended with code $(Get-ManagerCode $process)")
            $answer['Code'] = 0
        }
        else {
            Stop-Manager $process
            $answer['Output'] = [string[]]@("sysocmgr.exe was ended after $Seconds seconds")
            $answer['Code'] = 1460
        }
        Remove-Answers $path
    }
}
catch {
    $answer['Outcome'] = 'refused'
    $answer['ErrorId'] = $_.FullyQualifiedErrorId
    $answer['ErrorText'] = $_.Exception.Message
}
New-Object PSObject -Property $answer
