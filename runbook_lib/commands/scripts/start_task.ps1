# Starts work as a scheduled task under an account of its own, on the machine that Identity describes. Code is 0
# once the task was told to run. What an earlier task of the same name left behind is removed first.
# User, Password (SecureString): the account. The password stands in the arguments of schtasks.exe while that runs.
# Program, Arguments: list of text, SecureString, or @{ Before; Secret (SecureString); After }. They stand in
#   C:\runbook\<Task>.cmd until end_task.ps1 removes it, a secret among them too: a declared exposure.
# Script, Carrier, Parameters: in place of a program the text of a script, of run_detached.ps1, and a hashtable.
# The batch file works once: it goes on only where <Task>.go lies, and removes that. So the hour which schtasks.exe
#   wants of every task (/st) starts nothing, neither a second time nor what was never told to run.
# The program's output grows in <Task>.out; <Task>.rc with its exit code appears when it has ended.
# Identity: @{ MachineGuid; ComputerName (or $null when it is not yet known) }; another machine changes nothing.
#   With a script that only reads, both may be $null: any machine will do.
# Gives one object: Outcome (answered, wrong node, refused), MachineGuid, ComputerName, Code, Output, ErrorId, ErrorText.
param([hashtable]$Identity, [string]$Task, [string]$User, [object]$Password, [string]$Program, [object[]]$Arguments, [string]$Script, [string]$Carrier, [hashtable]$Parameters)
function ConvertTo-Text($Secure) { [Runtime.InteropServices.Marshal]::PtrToStringBSTR([Runtime.InteropServices.Marshal]::SecureStringToBSTR($Secure)) }
function ConvertTo-Word($Value) {
    # One argument between quotes, as cmd.exe and the program's own reading leave it whole.
    if ($Value -is [hashtable]) { $text = [string]$Value['Before'] + (ConvertTo-Text $Value['Secret']) + [string]$Value['After'] }
    elseif ($Value -is [System.Security.SecureString]) { $text = ConvertTo-Text $Value }
    else { $text = [string]$Value }
    if ($text -cmatch '[^ -~]|"') { throw 'an argument holds a quote or a character that a batch file cannot carry' }
    '"' + (($text -replace '%', '%%') -replace '(\\+)$', '$1$1') + '"'
}
function Invoke-Program($Name, $Words) { [string[]]@(& $Name @Words 2>&1 | ForEach-Object { [string]$_ }) }
function Limit-Access($Name, $Folder) { [string[]]@('y' | & $Name $Folder '/t' '/g' 'Administrators:F' 'SYSTEM:F' 2>&1 | ForEach-Object { [string]$_ }) }
function Remove-Work($Base, $Task) {
    foreach ($end in @('go', 'cmd', 'out', 'tmp', 'rc', 'ps1', 'run.ps1', 'in.xml', 'out.xml')) {
        if (Test-Path -Path "$Base.$end") { Remove-Item -Path "$Base.$end" -Force }
    }
    $ErrorActionPreference = 'Continue'
    $null = Invoke-Program 'schtasks.exe' @('/delete', '/tn', $Task, '/f')
}
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$answer = @{ Outcome = 'answered'; MachineGuid = $null; ComputerName = $null; Code = $null; Output = [string[]]@(); ErrorId = $null; ErrorText = $null }
try {
    $answer['MachineGuid'] = (Get-ItemProperty -Path 'HKLM:\SOFTWARE\Microsoft\Cryptography' -Name 'MachineGuid').MachineGuid
    $answer['ComputerName'] = (Get-WmiObject -Class 'Win32_ComputerSystem').Name
    $same = ($answer['MachineGuid'] -eq $Identity['MachineGuid'])
    if ($Script -and (-not $Identity['MachineGuid'])) { $same = $true }
    if ($Identity['ComputerName'] -and ($answer['ComputerName'] -ne $Identity['ComputerName'])) { $same = $false }
    if (-not $same) {
        $answer['Outcome'] = 'wrong node'
    }
    else {
        $folder = 'C:\runbook'
        $base = $folder + '\' + $Task
        $logon = ConvertTo-Text $Password
        if ($logon -match '"|\s.*\\$') { throw 'schtasks.exe cannot take this password: it holds a quote, or a blank and a backslash at its end' }
        if ($Script) {
            $line = '"%SystemRoot%\System32\WindowsPowerShell\v1.0\powershell.exe" -NoProfile -NonInteractive -ExecutionPolicy Bypass -File "' + $base + '.run.ps1" "' + $base + '"'
        }
        else {
            $words = [string[]]@($Arguments | Where-Object { $_ -ne $null } | ForEach-Object { ConvertTo-Word $_ })
            $line = (@(ConvertTo-Word $Program) + $words) -join ' '
        }
        if (-not (Test-Path -Path $folder)) { New-Item -Path $folder -ItemType 'Directory' -Force | Out-Null }
        $ErrorActionPreference = 'Continue'
        $lines = Limit-Access 'cacls.exe' $folder
        $ErrorActionPreference = 'Stop'
        if ($LASTEXITCODE -ne 0) { throw ('cacls.exe: ' + ($lines -join ' ')) }
        Remove-Work $base $Task
        if ($Script) {
            Set-Content -Path "$base.ps1" -Value $Script -Encoding 'ASCII'
            Set-Content -Path "$base.run.ps1" -Value $Carrier -Encoding 'ASCII'
            Export-Clixml -InputObject $Parameters -Path "$base.in.xml" -Depth 5
        }
        $batch = @('@echo off', "if not exist $base.go exit", "del $base.go", "$line > $base.out 2>&1", "echo %ERRORLEVEL% > $base.tmp", "move /y $base.tmp $base.rc >nul")
        Set-Content -Path "$base.cmd" -Value $batch -Encoding 'ASCII'
        $ErrorActionPreference = 'Continue'
        $lines = Invoke-Program 'schtasks.exe' @('/create', '/tn', $Task, '/tr', "$base.cmd", '/sc', 'once', '/st', '23:59:00', '/ru', $User, '/rp', $logon, '/f')
        # Without the account the task is made all the same, with exit code 0, and never runs.
        $isMade = ($LASTEXITCODE -eq 0) -and -not ("$lines" -match 'account information could not be set')
        if ($isMade) {
            Set-Content -Path "$base.go" -Value 'once' -Encoding 'ASCII' -ErrorAction 'Stop'
            $lines = [string[]]@(@($lines) + @(Invoke-Program 'schtasks.exe' @('/run', '/tn', $Task)))
            $isMade = ($LASTEXITCODE -eq 0)
        }
        $ErrorActionPreference = 'Stop'
        if (-not $isMade) {
            Remove-Work $base $Task
            throw ('schtasks.exe: ' + (@($lines) -join ' '))
        }
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
