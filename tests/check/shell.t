#!/bin/bash
# Every script is clean in shellcheck, and stops at errors (`set -e`) if it is bash.
set -euo pipefail
. tests/lib/tap.sh
mapfile -t files < <(git ls-files --cached --others --exclude-standard | while read -r file; do
    [ ! -f "$file" ] || ! head -c 64 "$file" | tr -d '\0' | head -n 1 | grep -qE '^#!.*[/ ](ba|da|)sh|^# shellcheck shell=' ||
        echo "$file"
done)
for file in "${files[@]}"; do
    check "shellcheck $file" shellcheck -x "$file"
done
mapfile -t lax < <(grep -lE '^#!/bin/bash' "${files[@]}" | xargs grep -LE '^set -euo pipefail$')
is 'every bash script says set -euo pipefail' "${lax[*]}" ''
done_testing
