# Prepares one shared disk, once: makes its one partition ('partition', which also gives it its letter), gives the
# volume that it has a letter ('letter'), or makes the first file system on it ('format'). Code is diskpart's exit
# code or the ReturnValue of Win32_Volume.Format; Output is what diskpart said.
# The disk is the only one with this Lun whose size is SizeMb, which WMI rounds down to whole cylinders. Nothing is
# done to a disk or volume that holds anything already, nor under a letter in use. Letter: one of D to Z.
# Identity: @{ MachineGuid; ComputerName (or $null when it is not yet known) }; another machine changes nothing.
# Gives one object: Outcome (answered, wrong node, refused), MachineGuid, ComputerName, Code, Output, ErrorId, ErrorText.
param([hashtable]$Identity, [string]$Deed, [int]$Lun, [long]$SizeMb, [string]$Letter, [string]$Label)
function Get-FormatArguments($Volume) { $Volume.psbase.GetMethodParameters('Format') }
function Set-Argument($Signature, $Name, $Value) { $Signature.psbase.Properties[$Name].Value = $Value }
function Invoke-Format($Volume, $Signature) { $Volume.psbase.InvokeMethod('Format', $Signature, $null).psbase.Properties['ReturnValue'].Value }
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
        if (-not ($Letter -match '^[D-Z]\z')) { throw "$Letter is no letter for a shared disk" }
        $drive = "${Letter}:"
        $bytes = $SizeMb * 1048576
        $disks = @(Get-WmiObject -Class 'Win32_DiskDrive' | Where-Object { $_.SCSILogicalUnit -eq $Lun -and $_.Size -and ($bytes - [long]$_.Size) -ge 0 -and ($bytes - [long]$_.Size) -lt 8225280 })
        if ($disks.Length -ne 1) { throw "$($disks.Length) disks have LUN $Lun and $SizeMb MB" }
        $number = [int]$disks[0].Index
        $partitions = @(Get-WmiObject -Class 'Win32_DiskPartition' | Where-Object { $_.DiskIndex -eq $number })
        $holders = @(Get-WmiObject -Class 'Win32_LogicalDisk' | Where-Object { $_.DeviceID -eq $drive })
        $places = @(Get-WmiObject -Class 'Win32_LogicalDiskToPartition' | Where-Object { $_.Antecedent -like "*`"Disk #$number, Partition #*" })
        $lines = @("select disk $number")
        switch ($Deed) {
            'partition' {
                if ($disks[0].Partitions -ne 0 -or $partitions.Length -ne 0) { throw "disk $number (LUN $Lun) holds a partition already" }
                $lines += 'create partition primary align=64'
            }
            'letter' {
                if ($partitions.Length -ne 1 -or $partitions[0].BootPartition) { throw "disk $number (LUN $Lun) holds $($partitions.Length) partitions, or the system" }
                if ($partitions[0].Type -like '*Logical Disk Manager*') { throw "disk $number (LUN $Lun) is a dynamic disk" }
                if ($places.Length -ne 0) { throw "disk $number (LUN $Lun) has a letter already" }
                $lines += 'select partition 1'
            }
            'format' {
                $places = @($places | Where-Object { $_.Dependent -like "*`"$drive`"*" })
                $volumes = @(Get-WmiObject -Class 'Win32_Volume' | Where-Object { $_.DriveLetter -eq $drive })
                if ($places.Length -ne 1 -or $partitions.Length -ne 1 -or $volumes.Length -ne 1) { throw "$drive is not the volume of disk $number (LUN $Lun)" }
                if ($volumes[0].FileSystem -and $volumes[0].FileSystem -ne 'RAW') { throw "$drive holds a file system already ($($volumes[0].FileSystem))" }
            }
            default { throw "there is no deed $Deed" }
        }
        if ($Deed -eq 'format') {
            $signature = Get-FormatArguments $volumes[0]
            Set-Argument $signature 'FileSystem' 'NTFS'
            Set-Argument $signature 'QuickFormat' $true
            Set-Argument $signature 'ClusterSize' ([uint32]4096)
            Set-Argument $signature 'Label' $Label
            Set-Argument $signature 'EnableCompression' $false
            $answer['Code'] = [long](Invoke-Format $volumes[0] $signature)
        }
        else {
            if ($holders.Length -ne 0) { throw "$drive is in use" }
            $lines += "assign letter=$Letter"
            $program = 'diskpart.exe'
            $file = "$env:SystemRoot\Temp\scc-runbook-diskpart.txt"
            Set-Content -Path $file -Value $lines -Encoding 'Ascii'
            $ErrorActionPreference = 'Continue'
            $answer['Output'] = [string[]]@(& $program '/s' $file 2>&1 | ForEach-Object { [string]$_ })
            $answer['Code'] = $LASTEXITCODE
            Remove-Item -Path $file
        }
    }
}
catch {
    $answer['Outcome'] = 'refused'
    $answer['ErrorId'] = $_.FullyQualifiedErrorId
    $answer['ErrorText'] = $_.Exception.Message
}
New-Object PSObject -Property $answer
