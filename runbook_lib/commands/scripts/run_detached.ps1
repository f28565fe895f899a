# Runs inside a task: calls the script <Base>.ps1 with the parameters in <Base>.in.xml and keeps what it gives in
# <Base>.out.xml, followed by one closing object with _given (how many), _error and _text ($null when all went well).
# Ends with the script's own exit code, or with 1 when the script threw something.
param([string]$Base)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$rows = @()
$failure = $null
$text = $null
$code = 0
try {
    $parameters = Import-Clixml -Path "$Base.in.xml"
    $script = "$Base.ps1"
    $global:LASTEXITCODE = 0
    $rows = @(& $script @parameters)
    $code = $LASTEXITCODE
}
catch {
    $failure = $_.FullyQualifiedErrorId
    $text = $_.Exception.Message
    $code = 1
}
$closing = New-Object PSObject -Property @{ _given = $rows.Length; _error = $failure; _text = $text }
$all = @($rows) + @($closing)
Export-Clixml -InputObject $all -Path "$Base.out.xml" -Depth 5
exit $code
