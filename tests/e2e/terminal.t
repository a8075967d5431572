#!/bin/bash
# A terminal in the guest, and the end of a command that does not want to end.
#: kvm
#: disk build/e2e.disk
#: timeout 600
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry ctr=$BIN/ctr-jailer
VM_TREE=$TREES/rootfs-debian
work=$(mktemp -d /tmp/e2e.XXXXXX)
before=$(host_state)

vm STOP_TIMEOUT=1 "$entry" /bin/bash -c 'trap "" TERM; echo ready; sleep 1000' >"$work/out" 2>"$work/err" &
job=$!
check "a command that ignores SIGTERM has started" wait_until 100 grep -q ready "$work/out"
# --- a terminal ------------------------------------------------------------------------------------------
cat >"$work/terminal.py" <<'PTY'
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b""
def expect(text):
    global seen
    while text not in seen:
        data = os.read(fd, 4096)
        if not data:
            sys.exit("ended, having said %r" % seen)
        seen += data
    seen = seen[seen.index(text) + len(text):]
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
os.kill(pid, 28)
os.write(fd, b'PS1="a""t> "\n'); expect(b"at> ") # not as its own echo
os.write(fd, b"stty size; tty\n"); expect(b"33 99\r\n"); expect(b"/dev/pts/"); expect(b"at> ")
os.write(fd, b"cat\n"); os.write(fd, b"one\n"); expect(b"one\r\none\r\n"); os.write(fd, b"\x03"); expect(b"^C"); expect(b"at> ")
os.write(fd, b"cat\n"); os.write(fd, b"two\n"); expect(b"two\r\ntwo\r\n"); os.write(fd, b"\x1a"); expect(b"Stopped"); expect(b"at> ")
os.write(fd, b"kill %1; exit 21\n")
while True:
    try:
        if not os.read(fd, 4096): break
    except OSError: break
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PTY
is "exec -it: size, Ctrl-C, Ctrl-Z, exit code" "$(timeout 100 python3 "$work/terminal.py" "$ctr" exec -it bash --norc --noediting -i 2>&1)" 21


pid=$(pgrep -P $job -x entry || echo $job)
kill -TERM "$pid"
status=0
wait $job || status=$?
is "after STOP_TIMEOUT it is killed: 137" "$status" 137

# --- the container's own terminal ------------------------------------------------------------------------
cat >"$work/shell" <<SHELL
#!/bin/sh
exec env -i ${VM_ENV[*]@Q} ROOTFS_DIR=$VM_TREE TERM=xterm $entry bash --norc --noediting -i
SHELL
chmod +x "$work/shell"
is "entry with a terminal: size, Ctrl-C, Ctrl-Z, exit code" "$(timeout 200 python3 "$work/terminal.py" "$work/shell" 2>&1)" 21
is "nothing is left on the host" "$(diff <(echo "$before") <(host_state))" ""
rm -rf "$work"
done_testing
