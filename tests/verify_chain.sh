#!/usr/bin/env bash
# Checks a journal with jq and sha256sum alone; shares no code with the package.
#
#   verify_chain.sh journal.jsonl [HEAD]
#
# Each line's "prev" must be the SHA-256 of the line before, without its newline (64 zeros in the
# first), and "seq" must count from 0. HEAD is the expected SHA-256 of the last line:
#   jq -r .journal.head MANIFEST.json
# Ends with 0 and "WHOLE n entries, head H", or with 1 and the number of the first bad line.
set -euo pipefail

journal=${1:?usage: verify_chain.sh journal.jsonl [HEAD]}
expected_head=${2-}
prev=0000000000000000000000000000000000000000000000000000000000000000
seq=0

broken() {
    echo "BROKEN at line $((seq + 1)): $1"
    exit 1
}

while IFS= read -r line || [[ -n $line ]]; do
    said=$(jq -er '"\(.seq) \(.prev)"' <<<"$line" 2>/dev/null) || broken "not a JSON object"
    [[ ${said%% *} == "$seq" ]] || broken "numbered ${said%% *}, expected $seq"
    [[ ${said##* } == "$prev" ]] || broken "follows ${said##* }, the line before is $prev"
    prev=$(printf '%s' "$line" | sha256sum | cut -d ' ' -f 1)
    seq=$((seq + 1))
done <"$journal"

if [[ -s $journal && -n $(tail -c 1 "$journal" | tr -d '\n') ]]; then
    seq=$((seq - 1))
    broken "cut off before its newline"
fi
if [[ -n $expected_head && $prev != "$expected_head" ]]; then
    seq=$((seq - 1))
    broken "the last line is $prev, sealed was $expected_head"
fi
echo "WHOLE $seq entries, head $prev"
