#!/bin/bash
# The users of VMs, which are drawn at random: no two VMs of a network namespace have the same, though all draw the same
# numbers in the same order, and at once.  Entry is the real one; a jailer stays in the real one's place, so that each
# VM holds its users.
#: timeout 200
set -euo pipefail
. tests/faults/host.bash
mount -t tmpfs -o mode=755 run /run
cat >"$work/jailer" <<END
#!/bin/sh
while [ "\$1" != --uid ]; do shift; done
echo "\$2" >>$work/uids
exec sleep 1000
END
chmod +x "$work/jailer"
start() { # NAME
    env -i "${small_vm[@]}" VM_JAILER_BIN="$work/jailer" VM_NETWORK=none VM_LOG_LEVEL=error INJECT_DRAWN=1 LD_PRELOAD="$PWD/build/inject.so" \
        VM_ID="$1" "$PWD/build/faults/entry" /guest-static </dev/null >"$work/log.$1" 2>&1 &
}
up() { [ "$(wc -l <"$work/uids")" = "$1" ]; }
: >"$work/uids"
first=$((0x70000000))

# The first one belongs to a VM that has no process of it yet: only the claim says so.
python3 - $first <<'END' >"$work/held" &
import signal, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\0ctr-jailer/uid/" + sys.argv[1])
print("held", flush=True)
signal.pause()
END
held() { grep -q held "$work/held"; }
check "a VM's claim" wait_until 30 held
start second
check "another VM" wait_until 30 up 1
is "draws again" "$(<"$work/uids")" $((first + 4))

wanted=$((first + 4))
for n in 2 3 4 5 6 7 8; do
    start at-once-$n
    wanted+=$'\n'$((first + 4 * n))
done
check "seven more at once" wait_until 100 up 8
is "no two have the same" "$(sort -n "$work/uids")" "$wanted"
is "and nobody complains" "$(cat "$work"/log.*)" ""
done_testing
