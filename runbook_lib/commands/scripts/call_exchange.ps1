# Calls one cmdlet of the Exchange shell with named parameters; exit code 0 when it answered, 1 when it refused.
# Needs the credentials of a task's own logon (directory, other node) and a 64-bit PowerShell.
# Parameters: hashtable; Confirm = $false must be in it where the cmdlet asks, for nobody would answer.
# Watch: a mailbox server whose mailbox databases are looked at every second while the cmdlet works, or empty.
#   Output then ends with one line per change seen, with this node's clock (UTC), and one that sums them up:
#   "<time> <database> mounted|dismounted", "outage of N s, <time> to <time>" ("less than 1 s" for none that this clock tells), "outage since <time>, not over: <databases>" or "no outage seen".
# Gives one object: Outcome (answered, refused), Output, ErrorId, ErrorText.
param([string]$Name, [hashtable]$Parameters, [string]$Watch)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
function Start-Work($Text, $Name, $Parameters) { $shell = [System.Management.Automation.PowerShell]::Create(); $null = $shell.AddScript($Text).AddArgument($Name).AddArgument($Parameters); @{ Shell = $shell; Handle = $shell.BeginInvoke() } }
function Test-Working($Work) { -not $Work['Handle'].IsCompleted }
function Complete-Work($Work) { $Work['Shell'].EndInvoke($Work['Handle']) }
function Add-Sight($Seen, $Server) {
    # A look that fails says nothing about the databases; the next one may see them again.
    try { $databases = @(Get-MailboxDatabase -Server $Server -Status) } catch { return }
    $now = (Get-Date).ToUniversalTime()
    foreach ($database in @($databases)) {
        $name = "" + $database.Name
        $state = 'dismounted'
        if ($database.Mounted) { $state = 'mounted' }
        if ($Seen['States'][$name] -eq $state) { continue }
        $Seen['States'][$name] = $state
        $Seen['Lines'] = @($Seen['Lines']) + @($now.ToString('s') + ' ' + $name + ' ' + $state)
        if ($state -eq 'dismounted' -and $Seen['Began'] -eq $null) { $Seen['Began'] = $now }
        if ($state -eq 'mounted') { $Seen['Ended'] = $now }
    }
}
function Get-Sum($Seen) {
    $began = $Seen['Began']
    if (@($Seen['States'].Keys).Length -eq 0) { return 'the databases could not be looked at' }
    if ($began -eq $null) { return 'no outage seen' }
    $down = @(@($Seen['States'].Keys) | Where-Object { $Seen['States'][$_] -ne 'mounted' })
    if ($down.Length -gt 0) { return 'outage since ' + $began.ToString('s') + ', not over: ' + ($down -join ', ') }
    $seconds = [int]($Seen['Ended'] - $began).TotalSeconds
    $length = '' + $seconds + ' s'
    if ($seconds -lt 1) { $length = 'less than 1 s' }
    'outage of ' + $length + ', ' + $began.ToString('s') + ' to ' + $Seen['Ended'].ToString('s')
}
$work = {
    param($Name, $Parameters)
    $ErrorActionPreference = 'Stop'
    $ProgressPreference = 'SilentlyContinue'
    $answer = @{ Outcome = 'answered'; Output = [string[]]@(); ErrorId = $null; ErrorText = $null }
    try {
        Add-PSSnapin -Name 'Microsoft.Exchange.Management.PowerShell.Admin'
        $answer['Output'] = [string[]]@(& $Name @Parameters | ForEach-Object { [string]$_ })
    }
    catch {
        $answer['Outcome'] = 'refused'
        $answer['ErrorId'] = $_.FullyQualifiedErrorId
        $answer['ErrorText'] = $_.Exception.Message
    }
    $answer
}
if ($Watch) {
    $seen = @{ States = @{}; Lines = @(); Began = $null; Ended = $null }
    try { Add-PSSnapin -Name 'Microsoft.Exchange.Management.PowerShell.Admin' } catch { $seen['Lines'] = @($_.Exception.Message) }
    Add-Sight $seen $Watch
    $begun = Start-Work ([string]$work) $Name $Parameters
    while (Test-Working $begun) {
        Start-Sleep -Seconds 1
        Add-Sight $seen $Watch
    }
    $answer = @(Complete-Work $begun)[0]
    Add-Sight $seen $Watch
    $answer['Output'] = [string[]]@(@($answer['Output']) + @($seen['Lines']) + @(Get-Sum $seen))
}
else { $answer = & $work $Name $Parameters }
New-Object PSObject -Property $answer
$code = 0
if ($answer['Outcome'] -ne 'answered') { $code = 1 }
exit $code
