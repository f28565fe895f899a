# Runs constant scripts on a platform made of functions, for tests that compare them with the lab.
# Reads one JSON document from the file given: a list of cases; writes one JSON list of answers.
param([string]$CasesFile, [string]$AnswersFile)

function ConvertTo-Sent($Value) {
    # What a client's lists and tables are on a node: ArrayList and Hashtable.
    if ($Value -is [System.Management.Automation.PSCustomObject]) {
        $table = @{}
        foreach ($property in $Value.PSObject.Properties) { $table[$property.Name] = ConvertTo-Sent $property.Value }
        return $table
    }
    if ($Value -is [System.Array]) {
        $list = New-Object System.Collections.ArrayList
        foreach ($each in $Value) { [void]$list.Add((ConvertTo-Sent $each)) }
        return , $list
    }
    return $Value
}

function Write-PlatformError($Cmdlet, $Id, $Message) {
    $exception = New-Object System.Exception $Message
    $Cmdlet.WriteError((New-Object System.Management.Automation.ErrorRecord $exception, $Id, 'NotSpecified', $null))
}

function Write-Stream($Cmdlet, $Stream) {
    foreach ($each in $Stream) {
        if ($each.Error) { Write-PlatformError $Cmdlet $each.Error $each.Text } else { $each.Row }
    }
}

function Get-WmiObject {
    [CmdletBinding()] param($Class, $Namespace)
    Write-Stream $PSCmdlet $global:platform.wmi."$Class"
}

function Get-ItemProperty {
    [CmdletBinding()] param($Path, $Name)
    $found = Write-Stream $PSCmdlet $global:platform.keys."$Path"
    if ($Name) { $found | Select-Object -Property $Name } else { $found }
}

function Get-Service {
    [CmdletBinding()] param($Name)
    Write-Stream $PSCmdlet $global:platform.services
}

function Get-ChildItem {
    [CmdletBinding()] param($Path)
    Write-Stream $PSCmdlet $global:platform.children."$Path"
}

function Test-Path {
    [CmdletBinding()] param($Path)
    [bool]($global:platform.existing -contains $Path)
}

function New-Item { [CmdletBinding()] param($Path, [switch]$Force) $global:calls += , @('key', $Path) }

function New-ItemProperty {
    [CmdletBinding()] param($Path, $Name, $PropertyType, $Value, [switch]$Force)
    $global:calls += , @('value', $Path, $Name, $PropertyType, $Value.GetType().Name, $Value)
}

function Invoke-Platform($Words) {
    $global:calls += , @('program', $Words)
    $global:platform.lines
    $global:LASTEXITCODE = $global:platform.exit
}
function netsh.exe { Invoke-Platform @($args) }

$answers = @()
foreach ($case in (Get-Content -Path $CasesFile | Out-String | ConvertFrom-Json)) {
    $global:platform = $case.platform
    $global:calls = @()
    $parameters = ConvertTo-Sent $case.parameters
    $rows = @()
    foreach ($object in @(& ([scriptblock]::Create($case.text)) @parameters)) {
        $row = @{}
        foreach ($property in $object.PSObject.Properties) { $row[$property.Name] = $property.Value }
        $rows += $row
    }
    $answers += @{ rows = $rows; calls = $global:calls }
}
ConvertTo-Json -InputObject $answers -Depth 12 | Set-Content -Path $AnswersFile
