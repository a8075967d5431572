#!/bin/bash
# The root disk's oracle suite on this machine's kernel.
#: timeout 900
set -euo pipefail
exec "$(dirname "$0")/rootdisk.sh" here
