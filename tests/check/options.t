#!/bin/bash
# The table of docs/options.md says what `entry --help` says, word for word and in the same order.
set -euo pipefail
. tests/lib/tap.sh
# shellcheck disable=SC2016 # backquotes of Markdown
table=$(build/bin/entry --help | sed -n '/^Environment/,/^$/s/^  \([A-Z][A-Z_]*\) *\(.*\)$/| `\1` | \2 |/p' |
    sed 's/ \[\(.*\)\] |$/ | \1 |/; s/^\(| `[A-Z_]*` | the same as [A-Z_]*\) |$/\1 | |/')
# shellcheck disable=SC2016
is 'the table of docs/options.md is that of entry --help' "$(grep '^| `[A-Z_]*` |' docs/options.md)" "$table"
done_testing
