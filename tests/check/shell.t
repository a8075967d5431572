#!/bin/bash
# Every script is clean in shellcheck: nothing that it warns of; its remarks on style are not asked for.
set -euo pipefail
. tests/lib/tap.sh
mapfile -t files < <(git ls-files --cached --others --exclude-standard | while read -r file; do
    [ ! -f "$file" ] || ! head -c 64 "$file" | tr -d '\0' | head -n 1 | grep -qE '^#!.*[/ ](ba|da|)sh|^# shellcheck shell=' ||
        echo "$file"
done)
for file in "${files[@]}"; do
    check "shellcheck $file" shellcheck -x -P SCRIPTDIR -S warning "$file"
done
done_testing
