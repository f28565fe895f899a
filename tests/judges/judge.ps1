# Answers questions about PowerShell text, one a line, until standard input ends.
# A question is "facts BASE64" or "meaning BASE64" (UTF-16LE text). An answer is one line of words
# without blanks; texts in them are base64 again, so nothing has to be escaped.
$ErrorActionPreference = 'Stop'

function ConvertTo-Word([string]$Text) { [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($Text)) }

function Get-Fact($Ast, $Tokens) {
    foreach ($token in $Tokens) { if ($token.Kind -eq 'MinusMinus' -or $token.Text -eq '--%') { "token:$($token.Text)" } }
    foreach ($node in $Ast.FindAll({ $true }, $true)) {
        $kind = $node.GetType().Name
        "node:$kind"
        switch ($kind) {
            'BinaryExpressionAst' { "operator:$($node.Operator)" }
            'UnaryExpressionAst' { "operator:$($node.TokenKind)" }
            'AssignmentStatementAst' { "operator:$($node.Operator)" }
            'FileRedirectionAst' { "redirect:$($node.FromStream)" }
            'MergingRedirectionAst' { "redirect:$($node.FromStream)-$($node.ToStream)" }
            'TypeExpressionAst' { "type:$($node.TypeName.FullName)" }
            'TypeConstraintAst' { "type:$($node.TypeName.FullName)" }
            'FunctionDefinitionAst' { "function:$($node.Name)" }
            'AttributeAst' { "attribute:$($node.TypeName.FullName)" }
            'VariableExpressionAst' { "variable:$($node.VariablePath.UserPath)" }
            'ForEachStatementAst' {
                $inside = $node.Condition.PipelineElements[0].Expression
                if ($inside -isnot [System.Management.Automation.Language.ArrayExpressionAst]) { 'idiom:foreach-without-list' }
            }
            'MemberExpressionAst' {
                "member:$($node.Member.Value)"
                $is_list = $node.Expression -is [System.Management.Automation.Language.ArrayExpressionAst]
                if ($node.Member.Value -eq 'Count' -and -not $is_list) { 'idiom:count-of-maybe-one' }
            }
            'InvokeMemberExpressionAst' {
                $place = if ($node.Static) { "$($node.Expression.TypeName.FullName)::" } else { '' }
                "call:$place$($node.Member.Value)/$(@($node.Arguments | Where-Object { $_ }).Count)"
            }
            'ScriptRequirementsAst' { 'requires:' }
            'CommandAst' {
                $name = $node.GetCommandName()
                if (-not $name) { continue }
                "command:$name"
                foreach ($element in $node.CommandElements) {
                    if ($element -is [System.Management.Automation.Language.CommandParameterAst]) { "parameter:$name/-$($element.ParameterName)" }
                }
                $first = if ($node.CommandElements.Count -gt 1) { $node.CommandElements[1] }
                $is_block = $first -is [System.Management.Automation.Language.ScriptBlockExpressionAst]
                if ($name -match '^(Where-Object|ForEach-Object|where|foreach|\?|%)$' -and -not $is_block) { 'idiom:no-script-block' }
            }
        }
    }
    if ($Ast.ScriptRequirements) { "requires:$($Ast.ScriptRequirements.Extent)" }
}

function Get-Value($Ast) {
    if ($Ast -is [System.Management.Automation.Language.CommandParameterAst]) { 'flag:True'; return }
    $command = $Ast.Find({ param($n) $n -is [System.Management.Automation.Language.CommandAst] }, $true)
    if ($command -and $command.GetCommandName() -eq 'Read-Host') {
        $bound = [System.Management.Automation.Language.StaticParameterBinder]::BindCommand($command, $false)
        "secret:$(ConvertTo-Word $bound.BoundParameters['Prompt'].Value.SafeGetValue())"
        return
    }
    $inner = $Ast
    while ($inner -is [System.Management.Automation.Language.ParenExpressionAst]) { $inner = $inner.Pipeline.PipelineElements[0].Expression }
    $cast = ''
    if ($inner -is [System.Management.Automation.Language.ConvertExpressionAst]) {
        $cast = $inner.Type.TypeName.FullName
        $inner = $inner.Child
    }
    if ($inner -is [System.Management.Automation.Language.ArrayExpressionAst]) {
        "list:$cast"
        foreach ($item in @($inner.SafeGetValue())) { ConvertTo-Answer $item }
        'end:'
        return
    }
    ConvertTo-Answer $Ast.SafeGetValue()
}

function ConvertTo-Answer($Value) {
    if ($null -eq $Value) { 'null:' }
    elseif ($Value -is [bool]) { "flag:$Value" }
    elseif ($Value -is [string]) { "text:$(ConvertTo-Word $Value)" }
    else { "number:$Value/$($Value.GetType().Name)" }
}

function Get-CommandMeaning($Command) {
    "command:$(ConvertTo-Word $Command.GetCommandName())"
    $bound = [System.Management.Automation.Language.StaticParameterBinder]::BindCommand($Command, $false)
    foreach ($name in $bound.BindingExceptions.Keys) { "error:$(ConvertTo-Word $name)" }
    foreach ($pair in $bound.BoundParameters.GetEnumerator()) {
        "parameter:$(ConvertTo-Word $pair.Key)"
        Get-Value $pair.Value.Value
    }
    'end:'
}

function Get-Meaning($Ast) {
    foreach ($statement in $Ast.EndBlock.Statements) {
        if ($statement -is [System.Management.Automation.Language.IfStatementAst]) { 'if:'; continue }
        $element = $statement.PipelineElements[0]
        if ($element -is [System.Management.Automation.Language.CommandAst]) {
            Get-CommandMeaning $element
            continue
        }
        $call = $element.Expression
        "method:$(ConvertTo-Word $call.Member.Value)"
        $target = $call.Expression.Pipeline.PipelineElements[0]
        if ($target -is [System.Management.Automation.Language.CommandAst]) { Get-CommandMeaning $target }
        else {
            "class:$($target.Expression.Type.TypeName.FullName)/$(ConvertTo-Word $target.Expression.Child.Value)"
        }
        foreach ($argument in $call.Arguments) { Get-Value $argument }
        'end:'
    }
}

while ($null -ne ($line = [Console]::In.ReadLine())) {
    $what, $word = $line.Split(' ')
    $text = [Text.Encoding]::Unicode.GetString([Convert]::FromBase64String($word))
    $tokens = $null
    $errors = $null
    $ast = [System.Management.Automation.Language.Parser]::ParseInput($text, [ref]$tokens, [ref]$errors)
    try {
        $words = @($errors | Where-Object { $_ } | ForEach-Object { "error:$(ConvertTo-Word $_.Message)" })
        if ($what -eq 'facts') { $words += @(Get-Fact $ast $tokens) } else { $words += @(Get-Meaning $ast) }
    }
    catch { $words = @("failed:$(ConvertTo-Word "$_ at $($_.ScriptStackTrace)")") }
    [Console]::Out.WriteLine([string]::Join(' ', $words))
    [Console]::Out.Flush()
}
