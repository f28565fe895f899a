# Reads how the node finds its domain and what the domain's controller answers; changes nothing.
# Server: name or address of the controller. Domain: DNS name. Hosts, Users, Groups, Computers: what is asked
# about; users, groups and computers by account name, escaped as LDAP filters want it.
# User, Password (SecureString): the account for everything but DNS, clock and RootDSE; without one, only those
# are read. The password becomes text in this process: a declared exposure. A bind that fails is not repeated.
# Gives objects with Subject, Attribute and Values (list of text), and for a failure Subject "failure",
# Attribute = what was asked, Values = code, message and the directory's own words.
param([string]$Server, [string]$Domain, [string]$User, [object]$Password, [object[]]$Hosts, [object[]]$Users, [object[]]$Groups, [object[]]$Computers)
function ConvertTo-Text($Secure) { [Runtime.InteropServices.Marshal]::PtrToStringBSTR([Runtime.InteropServices.Marshal]::SecureStringToBSTR($Secure)) }
function Get-Clock { [DateTime]::UtcNow.ToString('yyyyMMddHHmmss') }
function Resolve-HostName($Name) { [Net.Dns]::GetHostAddresses($Name) | ForEach-Object { $_.IPAddressToString } }
function New-Context($Domain) { New-Object System.DirectoryServices.ActiveDirectory.DirectoryContext 'Domain', $Domain }
function Find-Controller($Context) { [System.DirectoryServices.ActiveDirectory.DomainController]::FindOne($Context).Name }
function Open-RootDse($Path) { New-Object System.DirectoryServices.DirectoryEntry $Path, $null, $null, 'Anonymous' }
function Get-RootValue($Entry, $Name) { $Entry.psbase.Properties[$Name].Value }
function Open-Entry($Path, $User, $Text) { New-Object System.DirectoryServices.DirectoryEntry $Path, $User, $Text }
function Start-Bind($Entry) { $Entry.psbase.RefreshCache() }
function Search-Below($Entry, $Scope, $Filter, $Attributes) { (New-Object System.DirectoryServices.DirectorySearcher $Entry, $Filter, ([string[]]$Attributes), $Scope).FindAll() }
function ConvertTo-Sid($Bytes) { (New-Object System.Security.Principal.SecurityIdentifier $Bytes, 0).Value }
function Test-Channel { Test-ComputerSecureChannel }
function Get-Cause($Record) { $Record.Exception.GetBaseException() }
function ConvertTo-Word($Value) { if ($Value -is [byte[]]) { ConvertTo-Sid $Value } else { [string]$Value } }
function Write-Row($Subject, $Attribute, $Values) {
    $words = [string[]]@(foreach ($value in @($Values)) { if ($null -ne $value) { ConvertTo-Word $value } })
    New-Object PSObject -Property @{ Subject = $Subject; Attribute = $Attribute; Values = $words }
}
function Write-Failure($Asked, $Record) {
    $cause = Get-Cause $Record
    $code = if ($null -ne $cause.ErrorCode) { '0x{0:X8}' -f $cause.ErrorCode } else { '' }
    Write-Row 'failure' $Asked @($code, [string]$cause.Message, [string]$cause.ExtendedErrorMessage)
}
function Write-Entry($Subject, $Found, $Attributes) {
    foreach ($name in @($Attributes)) {
        # A plain loop: a list of byte arrays would be unrolled by a pipeline.
        $values = New-Object System.Collections.ArrayList
        foreach ($value in @($Found.Properties[$name])) { if ($null -ne $value) { [void]$values.Add($value) } }
        Write-Row $Subject $name $values
    }
}
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$machine = Get-WmiObject -Class 'Win32_ComputerSystem'
if ($machine.PartOfDomain) {
    Write-Row 'machine' 'domain' $machine.Domain
    try { Write-Row 'machine' 'site' (Get-ItemProperty -Path 'HKLM:\SYSTEM\CurrentControlSet\Services\Netlogon\Parameters').DynamicSiteName } catch { Write-Failure 'site' $_ }
    try { Write-Row 'machine' 'channel' (Test-Channel) } catch { Write-Failure 'channel' $_ }
}
foreach ($name in @($Hosts | Where-Object { $_ })) {
    try { Write-Row 'dns' $name @(Resolve-HostName $name) } catch { Write-Failure "dns $name" $_ }
}
try { Write-Row 'locator' 'controller' (Find-Controller (New-Context $Domain)) } catch { Write-Failure 'locator' $_ }
$contexts = @{ }
try {
    $root = Open-RootDse "LDAP://$Server/RootDSE"
    foreach ($name in @('currentTime', 'dnsHostName', 'domainFunctionality', 'forestFunctionality', 'defaultNamingContext', 'configurationNamingContext', 'schemaNamingContext')) {
        $contexts[$name] = [string](Get-RootValue $root $name)
    }
    Write-Row 'machine' 'now' (Get-Clock)
    foreach ($name in @('currentTime', 'dnsHostName', 'domainFunctionality', 'forestFunctionality', 'defaultNamingContext')) { Write-Row 'rootDSE' $name $contexts[$name] }
}
catch {
    Write-Failure 'rootDSE' $_
    return
}
if (-not $User) { return }
$text = ConvertTo-Text $Password
$base = "LDAP://$Server/"
$asked = 'bind'
try {
    $domainEntry = Open-Entry ($base + $contexts['defaultNamingContext']) $User $text
    Start-Bind $domainEntry
    $asked = 'domain'
    $attributes = @('objectSid', 'nTMixedDomain', 'fSMORoleOwner', 'lockoutThreshold')
    foreach ($found in @(Search-Below $domainEntry 'Base' '(objectClass=*)' $attributes)) { Write-Entry 'domain' $found $attributes }
    foreach ($found in @(Search-Below $domainEntry 'OneLevel' '(cn=Microsoft Exchange System Objects)' @('objectVersion'))) { Write-Entry 'system objects' $found @('objectVersion') }
    $asked = 'schema'
    $schemaEntry = Open-Entry ($base + $contexts['schemaNamingContext']) $User $text
    foreach ($found in @(Search-Below $schemaEntry 'Base' '(objectClass=*)' @('fSMORoleOwner'))) { Write-Entry 'schema' $found @('fSMORoleOwner') }
    foreach ($found in @(Search-Below $schemaEntry 'OneLevel' '(cn=ms-Exch-Schema-Version-Pt)' @('rangeUpper'))) { Write-Entry 'schema version' $found @('rangeUpper') }
    $asked = 'organization'
    $servicesEntry = Open-Entry ($base + 'CN=Services,' + $contexts['configurationNamingContext']) $User $text
    foreach ($found in @(Search-Below $servicesEntry 'Subtree' '(objectClass=msExchOrganizationContainer)' @('name', 'objectVersion'))) { Write-Entry 'organization' $found @('name', 'objectVersion') }
    $asked = 'servers'
    $attributes = @('msExchCurrentServerRoles', 'msExchServerSite', 'serialNumber')
    foreach ($found in @(Search-Below $servicesEntry 'Subtree' '(objectClass=msExchExchangeServer)' (@('name') + $attributes))) {
        Write-Entry "server $($found.Properties['name'])" $found $attributes
    }
    $attributes = @('sAMAccountName', 'objectSid', 'userAccountControl', 'msDS-User-Account-Control-Computed', 'accountExpires', 'pwdLastSet', 'tokenGroups')
    foreach ($name in @($Users | Where-Object { $_ })) {
        $asked = "user $name"
        foreach ($found in @(Search-Below $domainEntry 'Subtree' "(&(objectClass=user)(sAMAccountName=$name))" @('distinguishedName'))) {
            # Groups within groups are told only of an entry that is asked by itself.
            $place = ([string]$found.Properties['distinguishedName']).Replace('/', '\/')
            foreach ($entry in @(Search-Below (Open-Entry ($base + $place) $User $text) 'Base' '(objectClass=*)' $attributes)) { Write-Entry "user $name" $entry $attributes }
        }
    }
    foreach ($name in @($Groups | Where-Object { $_ })) {
        $asked = "group $name"
        foreach ($found in @(Search-Below $domainEntry 'Subtree' "(&(objectClass=group)(sAMAccountName=$name))" @('objectSid'))) { Write-Entry "group $name" $found @('objectSid') }
    }
    $attributes = @('distinguishedName', 'dNSHostName', 'userAccountControl')
    foreach ($name in @($Computers | Where-Object { $_ })) {
        $asked = "computer $name"
        foreach ($found in @(Search-Below $domainEntry 'Subtree' "(sAMAccountName=$name`$)" $attributes)) { Write-Entry "computer $name" $found $attributes }
    }
    Write-Row 'machine' 'answered' 'all'
}
catch { Write-Failure $asked $_ }
