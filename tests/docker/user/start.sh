#!/bin/bash
# The program of the user's image: says where it runs, asks a server on the host's network for a line, and
# ends as the variables say.
set -euo pipefail
echo "kernel: $(uname -r)"
echo "greeting: $GREETING"
echo "to stderr" >&2
if [ -n "${SERVER:-}" ]; then
    exec 3<>"/dev/tcp/${SERVER%:*}/${SERVER#*:}"
    printf 'GET /line HTTP/1.0\r\n\r\n' >&3
    echo "server: $(tail -n 1 <&3)"
fi
if [ -n "${WAIT:-}" ]; then
    trap 'echo stopped; exit 3' TERM
    echo waiting
    while :; do sleep 1000 & wait $!; done
fi
exit "${EXIT_CODE:-0}"
