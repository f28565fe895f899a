# Tells about Windows' components what no registry value tells; changes nothing.
# Gives one object: Mmc (version of mmc.exe, $null without one), Runtime64 and Runtime32 (whether .NET 2.0 lies in
# that folder), SourcePath and ServicePackSourcePath (where Windows looks for its own files), SourceFound and
# ServicePackFound (whether the folder of this architecture is there), ManagerRuns (sysocmgr.exe is at work).
param()
function Get-Place($Name) { [System.Environment]::GetEnvironmentVariable($Name) }
function Test-File($Path) { [System.IO.File]::Exists($Path) }
function Test-Folder($Path) { [System.IO.Directory]::Exists($Path) }
function Test-Process($Name) { [System.Diagnostics.Process]::GetProcessesByName($Name).Length -gt 0 }
function Get-FileVersion($Path) { $v = [System.Diagnostics.FileVersionInfo]::GetVersionInfo($Path); "$($v.FileMajorPart).$($v.FileMinorPart).$($v.FileBuildPart).$($v.FilePrivatePart)" }
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$windows = Get-Place 'SystemRoot'
$folder = 'I386'
if ((Get-Place 'PROCESSOR_ARCHITECTURE') -eq 'AMD64') { $folder = 'AMD64' }
$mmc = $null
if (Test-File "$windows\system32\mmc.exe") { $mmc = Get-FileVersion "$windows\system32\mmc.exe" }
$setup = Get-ItemProperty -Path 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Setup'
$source = [string]$setup.SourcePath
$pack = [string]$setup.ServicePackSourcePath
New-Object PSObject -Property @{
    Mmc = $mmc
    Runtime64 = [bool](Test-File "$windows\Microsoft.NET\Framework64\v2.0.50727\mscorwks.dll")
    Runtime32 = [bool](Test-File "$windows\Microsoft.NET\Framework\v2.0.50727\mscorwks.dll")
    SourcePath = $source
    SourceFound = [bool]($source -and (Test-Folder "$($source.TrimEnd('\'))\$folder"))
    ServicePackSourcePath = $pack
    ServicePackFound = [bool]($pack -and (Test-Folder "$($pack.TrimEnd('\'))\$folder"))
    ManagerRuns = [bool](Test-Process 'sysocmgr')
}
