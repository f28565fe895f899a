# Reads one clustered mailbox server through the Exchange shell; changes nothing.
# Needs the credentials of a task's own logon (directory, other node) and a 64-bit PowerShell.
# Server: its network name.
# Gives objects of one form, all of which have every property ($null where it is not their own). Kind is
#   shell (SnapIn), status, server, database (one each), storage group (one each), error (What, ErrorId, ErrorText).
# Rich values are turned into text here: what leaves the task is text, lists of text, true, false and $null.
param([string]$Server)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$snapin = 'Microsoft.Exchange.Management.PowerShell.Admin'
function New-Row($Kind, $Values) {
    $row = @{
        Kind = $Kind; SnapIn = $null
        Identity = $null; ClusteredMailboxServerName = $null; State = $null; OperationalMachines = $null; FailedResources = $null
        ClusteredStorageType = $null; RedundantMachines = $null; IsMemberOfCluster = $null; ServerRole = $null
        AdminDisplayVersion = $null; Edition = $null; Site = $null
        Name = $null; StorageGroup = $null; EdbFilePath = $null; Mounted = $null
        LogFolderPath = $null; SystemFolderPath = $null
        What = $null; ErrorId = $null; ErrorText = $null
    }
    foreach ($name in @($Values.Keys)) { $row[$name] = $Values[$name] }
    New-Object PSObject -Property $row
}
function New-ErrorRow($What, $Record) {
    New-Row 'error' @{ What = $What; ErrorId = $Record.FullyQualifiedErrorId; ErrorText = $Record.Exception.Message }
}
function ConvertTo-List($Values) { [string[]]@($Values | Where-Object { $_ -ne $null } | ForEach-Object { "" + $_ }) }
function New-DatabaseRow($Database) {
    # Mounted is empty when the information store gives no answer: that is not "dismounted".
    $mounted = $null
    if ($Database.Mounted -ne $null) { $mounted = [bool]$Database.Mounted }
    New-Row 'database' @{
        Name = "" + $Database.Name
        StorageGroup = "" + $Database.StorageGroup
        EdbFilePath = "" + $Database.EdbFilePath
        Mounted = $mounted
    }
}
try {
    Add-PSSnapin -Name $snapin
    New-Row 'shell' @{ SnapIn = $snapin }
}
catch {
    New-ErrorRow 'snap-in' $_
    return
}
try {
    $status = Get-ClusteredMailboxServerStatus -Identity $Server
    New-Row 'status' @{
        Identity = "" + $status.Identity
        ClusteredMailboxServerName = "" + $status.ClusteredMailboxServerName
        State = "" + $status.State
        OperationalMachines = [string[]]@(ConvertTo-List $status.OperationalMachines)
        FailedResources = [string[]]@(ConvertTo-List $status.FailedResources)
    }
}
catch { New-ErrorRow 'status' $_ }
try {
    $mailbox = Get-MailboxServer -Identity $Server
    $exchange = Get-ExchangeServer -Identity $Server
    New-Row 'server' @{
        Identity = "" + $exchange.Identity
        ClusteredStorageType = "" + $mailbox.ClusteredStorageType
        RedundantMachines = [string[]]@(ConvertTo-List $mailbox.RedundantMachines)
        IsMemberOfCluster = "" + $exchange.IsMemberOfCluster
        ServerRole = "" + $exchange.ServerRole
        AdminDisplayVersion = "" + $exchange.AdminDisplayVersion
        Edition = "" + $exchange.Edition
        Site = "" + $exchange.Site
    }
}
catch { New-ErrorRow 'server' $_ }
try {
    Get-MailboxDatabase -Server $Server -Status | ForEach-Object { New-DatabaseRow $_ }
    Get-PublicFolderDatabase -Server $Server -Status | ForEach-Object { New-DatabaseRow $_ }
}
catch { New-ErrorRow 'database' $_ }
try {
    Get-StorageGroup -Server $Server | ForEach-Object {
        New-Row 'storage group' @{
            Name = "" + $_.Name
            LogFolderPath = "" + $_.LogFolderPath.PathName
            SystemFolderPath = "" + $_.SystemFolderPath.PathName
        }
    }
}
catch { New-ErrorRow 'storage group' $_ }
