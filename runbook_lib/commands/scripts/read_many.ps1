# Answers several reads in one pipeline.
# Reads: list of hashtables, either @{ Command; Parameters (hashtable); Properties (list of names) }
#        or @{ Program; Arguments (list of text) }.
# Gives one object per row with a property _read (the read's number, from 0), and after each read's
# rows one closing object with _read, _rows (how many), _error and _text ($null when all went well).
param([object[]]$Reads)
$ProgressPreference = 'SilentlyContinue'
$number = 0
foreach ($read in @($Reads)) {
    $count = 0
    $failure = $null
    $text = $null
    try {
        if ($read['Program']) {
            $ErrorActionPreference = 'Continue'
            $program = $read['Program']
            $arguments = [string[]]@($read['Arguments'])
            $lines = [string[]]@(& $program @arguments 2>&1 | ForEach-Object { [string]$_ })
            $count = 1
            New-Object PSObject -Property @{ _read = $number; ExitCode = $LASTEXITCODE; Output = $lines }
        }
        else {
            $ErrorActionPreference = 'Stop'
            $name = $read['Command']
            $parameters = $read['Parameters']
            $properties = [object[]]@($read['Properties'])
            & $name @parameters | ForEach-Object {
                $row = Select-Object -InputObject $_ -Property $properties
                Add-Member -InputObject $row -MemberType NoteProperty -Name '_read' -Value $number
                $count = $count + 1
                $row
            }
        }
    }
    catch {
        $failure = $_.FullyQualifiedErrorId
        $text = $_.Exception.Message
    }
    New-Object PSObject -Property @{ _read = $number; _rows = $count; _error = $failure; _text = $text }
    $number = $number + 1
}
