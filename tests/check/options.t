#!/bin/bash
# README's table of options names what `entry --help` names, in the same order.
set -euo pipefail
. tests/lib/tap.sh
if [ ! -x build/bin/entry ] || [ ! -f README.md ]; then skip_all 'no README.md or no entry yet'; fi
# shellcheck disable=SC2016 # backquotes of Markdown
is 'options in README.md and in entry --help' \
    "$(sed -n 's/^| *`\([A-Z][A-Z_]*\)`.*/\1/p' README.md)" \
    "$(build/bin/entry --help | sed -n 's/^ *\([A-Z][A-Z_]*\)\( .*\)\{0,1\}$/\1/p')"
done_testing
