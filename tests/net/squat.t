#!/bin/bash
# An unprivileged user who holds every name: ids start, dead VMs' rules go, free /30s are found, ports are published;
# and what is told.
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"

SQUATTER=65533
# squat FILE: binds the abstract names that are its lines, says so in FILE.done, and holds them
squat() {
    rm -f "$1.done"
    nsenter --net="/run/netns/$NS-host" -- setpriv --reuid=$SQUATTER --regid=$SQUATTER --clear-groups \
        --inh-caps=-all --bounding-set=-all python3 -c '
import ctypes, os, resource, signal, socket, sys
names = sys.stdin.read().splitlines()
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
share = min(hard - 50, 20000)
for first in range(0, len(names), share):
    ready, done = os.pipe()
    if not os.fork():
        ctypes.CDLL(None).prctl(1, signal.SIGKILL) # PR_SET_PDEATHSIG
        held = []
        for name in names[first:first + share]:
            held.append(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            held[-1].bind("\0" + name)
        os.write(done, b".")
        signal.pause()
    os.close(done)
    os.read(ready, 1)
print(len(names), flush=True)
signal.pause()' <"$1" >"$1.done" &
    SQUATTERS+=($!)
    started $! "$1.done"
}
SQUATTERS=()
rules() { in_ns host iptables-save | grep -c -- "$1"; }

make_hosts 1500
up first && down first # the tables are there from now on
before=$(snapshot)
up dead --ports 8081:81
mark=$(ip -n "$NS-host" -o link show "$(field dead tap)" | grep -o "alias [^ ]*" | cut -d" " -f2)
kill -9 "${VM[dead]}"
wait "${VM[dead]}" 2>/dev/null
patiently eval '! in_ns host grep -q @ctr-jailer /proc/net/unix'

{
    printf '%s\n' "$mark" ctr-jailer/dead ctr-jailer/new ctr-jailer/fixed
    for ((a = 0; a < 256; a++)); do
        for ((b = 0; b < 256; b++)); do echo "ctr-jailer/net/10.$a.$b.0"; done
        for ((b = 16; b < 32; b++)); do echo "ctr-jailer/net/172.$b.$a.0"; done
        echo "ctr-jailer/net/192.168.$a.0"
    done
} | sort -u >"$TMP/names"
squat "$TMP/names"
result $? "a user holds names"
is "all of them" "$(wc -l <"$TMP/names")" "$(<"$TMP/names.done")"

is "the dead VM has rules" 1 "$(($(rules ctr-jailer/dead) > 0))"
up new --ports 8081:81
result $? "a VM starts, with an id and a port that the user wants to deny it"
is "the dead VM's rules are gone" 0 "$(rules ctr-jailer/dead)"
is "and the port is the new one's alone" 1 "$(in_ns host iptables-save -t nat | grep -c 'PREROUTING.*dport 8081.*DNAT')"
ok "who held the id is told" grep -q "uid $SQUATTER holds the socket @ctr-jailer/new," "$TMP/new.err"
ok "and the dead one's" grep -q "uid $SQUATTER holds the name of the dead VM" "$TMP/new.err"
fails "the id is taken all the same, now by a VM" in_ns host "$NETSETUP" up new --down-after-up
like "by that" "already running here" "$(in_ns host "$NETSETUP" up new --down-after-up 2>&1)"
up fixed --tap-ip 10.77.0.1
result $? "an address of one's own choice is had"
like "and is taken then" "10.77.0.1/30 overlaps address" "$(in_ns host "$NETSETUP" up other --tap-ip 10.77.0.1 --down-after-up 2>&1)"
is "show tells who lives" "fixed true new true" \
    "$(in_ns host "$NETSETUP" show --json | tr '{' '\n' | sed -n 's/"id":"\([^"]*\)","alive":\([a-z]*\).*/\1 \2/p' | sort | xargs)"
kill -9 "${VM[fixed]}"
wait "${VM[fixed]}" 2>/dev/null
patiently eval '! in_ns host grep -q "@ctr-jailer/fixed~" /proc/net/unix'
is "gc takes the one that died" 1 "$(in_ns host "$NETSETUP" gc)"
down new
kill "${SQUATTERS[@]}"
wait "${SQUATTERS[@]}" 2>/dev/null
is "all marks have what makes them unique" "ctr-jailer/dead~" "${mark%????????}"
released() { ! in_ns host grep -q @ctr-jailer /proc/net/unix; }
patiently released || patiently released || true # 70,000 sockets
is "nothing is left" "$before" "$(snapshot)"
drop_hosts
done_testing
