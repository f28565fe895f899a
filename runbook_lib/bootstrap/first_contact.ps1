# First contact with a node of Windows Server 2003: whether the runbook could log on and work here.
# Run it at the node, in the 64-bit Windows PowerShell, as an administrator:
#   powershell.exe -ExecutionPolicy Bypass -File first_contact.ps1
# It only looks. With -Mend it also puts right what can be put right from here, and looks again.
# Writes one line a question; the exit code is the number of things that are missing.
param([switch]$Mend)
$ErrorActionPreference = 'Stop'
$port = 5985
$memory = 1024
$policy = 'HKLM:\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy'
$netsh = 'netsh.exe'
$global:missing = 0

function Write-Finding($Subject, $Good, $Found, $Advice) {
    if ($Good) { "ok       ${Subject}: $Found" }
    else {
        $global:missing = $global:missing + 1
        "missing  ${Subject}: $Found"
        "         to do: $Advice"
    }
}
function Read-Value($Path, $Name) {
    # A missing key or value counts as nothing.
    try { (Get-ItemProperty -Path $Path -Name $Name).$Name } catch { $null }
}
function Read-Service($Name) { Get-WmiObject -Class 'Win32_Service' | Where-Object { $_.Name -eq $Name } }
function Test-Administrator { (New-Object System.Security.Principal.WindowsPrincipal ([System.Security.Principal.WindowsIdentity]::GetCurrent())).IsInRole([System.Security.Principal.WindowsBuiltInRole]::Administrator) }
function Read-Listener { try { @(Get-WSManInstance -ResourceURI 'winrm/config/listener' -Enumerate) } catch { @() } }
function Read-Memory { try { [int](Get-Item -Path 'WSMan:\localhost\Shell\MaxMemoryPerShellMB').Value } catch { -1 } }
function Get-ClosedProfile {
    # The firewall blocks where its service runs, the profile is on and no exception is made.
    $service = Read-Service 'SharedAccess'
    if ($service -and $service.State -eq 'Running') {
        foreach ($name in @('DomainProfile', 'StandardProfile')) {
            $on = (Read-Value "$policy\$name" 'EnableFirewall') -eq 1
            $rule = [string](Read-Value "$policy\$name\GloballyOpenPorts\List" "${port}:TCP")
            if ($on -and -not ($rule -like '*:Enabled:*')) { $name }
        }
    }
}
function Get-HttpListener { @(Read-Listener | Where-Object { $_.Transport -eq 'HTTP' -and [string]$_.Enabled -eq 'true' }) }

function Show-State {
    $global:missing = 0
    $system = Get-WmiObject -Class 'Win32_OperatingSystem'
    $good = ([string]$system.Version).StartsWith('5.2') -and $system.ServicePackMajorVersion -ge 2
    Write-Finding 'system' $good "$($system.Caption), service pack $($system.ServicePackMajorVersion)" 'install Service Pack 2; the packages below need it'
    $shell = [string]$PSVersionTable.PSVersion
    $stack = [string]$PSVersionTable.WSManStackVersion
    $good = $shell.StartsWith('2.') -and $stack.StartsWith('2.')
    Write-Finding 'remoting' $good "Windows PowerShell $shell, remote management $stack" 'install the Windows Management Framework Core (KB968930) for x64'
    Write-Finding 'width' ($env:PROCESSOR_ARCHITECTURE -eq 'AMD64') "this is a process for $env:PROCESSOR_ARCHITECTURE" 'start the 64-bit Windows PowerShell of an x64 system'
    $good = Test-Administrator
    Write-Finding 'rights' $good $(if ($good) { 'an administrator' } else { 'no administrator' }) 'log on as a member of the local Administrators'
    $service = Read-Service 'WinRM'
    $good = $service -and $service.State -eq 'Running' -and $service.StartMode -eq 'Auto'
    $found = 'not installed'
    if ($service) { $found = "$($service.State), starts: $($service.StartMode)" }
    Write-Finding 'service' $good "Windows Remote Management is $found" 'Enable-PSRemoting -Force'
    $ports = @(Get-HttpListener | ForEach-Object { [string]$_.Port })
    $found = 'none'
    if ($ports.Length -gt 0) { $found = [string]::Join(', ', [string[]]$ports) }
    Write-Finding 'listener' ($ports -contains "$port") "HTTP ports: $found" 'Enable-PSRemoting -Force; or name another port as connect.port in the parameter file'
    $megabytes = Read-Memory
    # 0 means no limit.
    $good = $megabytes -eq 0 -or $megabytes -ge $memory
    Write-Finding 'memory' $good "a remote shell may take $megabytes MB" "winrm set winrm/config/winrs @{MaxMemoryPerShellMB=`"$memory`"}"
    $closed = @(Get-ClosedProfile)
    $found = 'lets the port through, or is off'
    if ($closed.Length -gt 0) { $found = "blocks port $port in $([string]::Join(', ', [string[]]$closed))" }
    Write-Finding 'firewall' ($closed.Length -eq 0) $found "netsh firewall set portopening protocol=TCP port=$port name=WinRM mode=ENABLE scope=ALL profile=ALL"
}

function Repair-State {
    $service = Read-Service 'WinRM'
    $runs = $service -and $service.State -eq 'Running' -and $service.StartMode -eq 'Auto'
    $listens = @(Get-HttpListener | ForEach-Object { [string]$_.Port }) -contains "$port"
    if (-not ($runs -and $listens)) { Enable-PSRemoting -Force | Out-Null }
    $megabytes = Read-Memory
    if ($megabytes -gt 0 -and $megabytes -lt $memory) { Set-Item -Path 'WSMan:\localhost\Shell\MaxMemoryPerShellMB' -Value $memory -Force }
    if (@(Get-ClosedProfile).Length -gt 0) {
        $words = [string[]]@('firewall', 'set', 'portopening', 'protocol=TCP', "port=$port", 'name=WinRM', 'mode=ENABLE', 'scope=ALL', 'profile=ALL')
        & $netsh @words | Out-Null
    }
}

if ($Mend) { Repair-State }
Show-State
exit $global:missing
