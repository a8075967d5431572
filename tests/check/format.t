#!/bin/bash
# The C sources are formatted as .clang-format says (clang-format -i FILE repairs them).
set -euo pipefail
. tests/lib/tap.sh
mapfile -t files < <(git ls-files --cached --others --exclude-standard '*.c' '*.h')
check "clang-format of ${#files[@]} files" clang-format --dry-run --Werror "${files[@]}"
done_testing
