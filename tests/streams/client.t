#!/bin/bash
# ctr-jailer against a hostile guest, or an entry that one has taken over (hostile.py): what it may do while it reads what
# they say, and what of that comes to a terminal.
#: timeout 120
set -euo pipefail
. tests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "needs root"
[ -n "${INSIDE:-}" ] || INSIDE=1 exec unshare --mount --pid --fork --kill-child --mount-proc "$0"
ctr=$PWD/build/bin/ctr-jailer
mount -t tmpfs run /run
work=$(mktemp -d /run/client.XXXXXX)
python3 tests/streams/hostile.py /run/ctr-jailer/evil "$work/log" &
exec 9</etc/passwd # which whoever calls it forgot to close
listens() { grep -q listens "$work/log"; }
check "an entry that is hostile" wait_until 20 listens

# on_terminal ARGUMENT...: the lines that a terminal gets from ctr-jailer, sorted, each once, and the exit status
on_terminal() {
    python3 - "$ctr" "$@" <<'END'
import os, pty, sys
out = b""
def read(fd):
    global out
    data = os.read(fd, 65536)
    out += data
    return data
sys.stdout.flush()
saved = os.dup(1)
null = os.open("/dev/null", os.O_RDWR)
os.dup2(null, 1)
os.dup2(null, 0)
status = os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:], read))
os.dup2(saved, 1)
lines = "".join(chr(b) if 32 <= b < 127 or b in (10, 13) else f"<{b:02x}>" for b in out).split("\r\n")
print("\n".join(sorted({line for line in lines if line})), status)
END
}
text='\x1b]0;taken\x07 \x9b31m \xc2\x9b31m \xe2\x80\xae end'
said="ctr-jailer: in the guest: $text"
raw='<1b>]0;taken<07> <9b>31m <c2><9b>31m <e2><80><ae> end'
is "a health check's output is text" "$(on_terminal status --healthy)" "$text"$'\n'"$said 0"
is "status is text" "$(on_terminal status)" "state: {{{,,,$text 0"
is "status --json is text" "$(on_terminal status --json)" "{\"state\":\"$text\"} 0"
is "status --metrics is text" "$(on_terminal status --metrics)" "$text 0"
is "logs are text" "$(on_terminal logs)" "$text 0"
echo host >"$work/file"
out=$(on_terminal cp "$work/file" :/x) # its status says whether this guest has waited for the archive
is "of a copy into the guest messages come, and nothing else" "${out% [01]}" "$said"
is "of a copy out of it, too" "$(on_terminal cp :/x "$work/new")" "ctr-jailer: cp: the archive ends early"$'\n'"$said 1"
is "an archive is not written to a terminal" "$(on_terminal cp :/x -)" \
    "ctr-jailer: cp: an archive cannot go to a terminal: redirect stdout to a file or a pipe 125"
is "what is asked for is passed on" "$(on_terminal exec x)" "$raw 0"
capture "$ctr" status --metrics
steers=$'\x1b]0;taken\x07 \x9b31m \xc2\x9b31m \xe2\x80\xae end'
is "what is not for a terminal is as it is" "$STDOUT" "$steers"
is "a copy to stdout is the archive" "$("$ctr" cp :/x - 2>/dev/null)" "$steers"
check "stop" "$ctr" stop
# The health check's question is the one that is asked before the others.
confined="capabilities 0 0, no_new_privs 1, seccomp 2"
is "who asks can do nothing else" "$(grep -v "^listens\|^health" "$work/log" | sed 's/^[^:]*: //' | sort -u)" "$confined"
is "whoever it is" "$(grep -v ^listens "$work/log" | sed 's/:.*//' | sort -u | paste -sd,)" \
    "exec /bin/sh,exec kind,exec link-kind,exec pack,exec unpack,exec x,health,logs,metrics,status,stop"
kill %1
wait %1 || true
done_testing
