#!/bin/bash
# What clients see when a guest is dead, whatever ended it: new connections are refused at once or served by the next
# VM, connections are reset as soon as anything of ours runs, and nothing of the dead one stays in the host's memory
# of connections.
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"

PORTS=8080:80,8053:53/udp
ENTRY=$PWD/build/bin/entry
try() { in_ns "$1" "$PEER" try "${@:2}"; }
all_try() { # what each kind of client gets
    local port
    for port in "tcp 192.0.2.1 8080" "tcp fd77::1 8080" "udp 192.0.2.1 8053" "udp fd77::1 8053"; do
        # shellcheck disable=SC2086
        echo "outside, $port: $(try outside $port)"
    done
    for port in "tcp 127.0.0.1 8080" "tcp 192.0.2.1 8080" "udp 127.0.0.1 8053" "tcp fd77::1 8080" "udp fd77::1 8053"; do
        # shellcheck disable=SC2086
        echo "host, $port: $(try host $port)"
    done
}
REFUSED_ALL="outside, tcp 192.0.2.1 8080: Connection refused
outside, tcp fd77::1 8080: Connection refused
outside, udp 192.0.2.1 8053: Connection refused
outside, udp fd77::1 8053: Connection refused
host, tcp 127.0.0.1 8080: Connection refused
host, tcp 192.0.2.1 8080: Connection refused
host, udp 127.0.0.1 8053: Operation not permitted
host, tcp fd77::1 8080: Connection refused
host, udp fd77::1 8053: Connection refused"
start() { # a guest that serves
    up a --ports $PORTS
    guest a
    CARD=$LAST
    for any in 0.0.0.0 ::; do
        background guest-a sink $any 80
        serve guest-a udp $any 53 a
    done
}
declare -a KEPT=()
connect() { # clients that wait, one of each kind; and one of the guest's own
    KEPT=()
    for client in "outside 192.0.2.1 8080" "outside fd77::1 8080" "host 127.0.0.1 8080" "host fd77::1 8080" "guest-a 192.0.2.2 7000"; do
        # shellcheck disable=SC2086
        background ${client%% *} keep ${client#* }
        KEPT+=("$HEARD")
    done
}
ends() { for f in "${KEPT[@]:0:4}"; do sed -n 2p "$f"; done | sort | uniq -c | xargs; }
all_reset() { [ "$(ends)" = "4 Connection reset by peer" ]; }
prefix6() { # of the guest's IPv6 address, as nf_conntrack writes it
    local group
    IFS=: read -ra group <<<"$(field a guest_ip6)"
    printf '%04x:%04x:%04x:%04x' "0x${group[0]}" "0x${group[1]}" "0x${group[2]}" "0x${group[3]}"
}
flows() { in_ns host cat /proc/net/nf_conntrack 2>/dev/null | grep -c -e "$(field a guest_ip) " -e "$(prefix6)"; }
seen() { [ "$(flows)" -ge 5 ]; }
noticed() { in_ns host ip route show dev "$(field a tap)" | grep linkdown && in_ns host ip -6 route show dev "$(field a tap)" | grep linkdown; }
kill_guest() { # and the kernel has noticed that the TAP has no carrier any more
    stop $CARD
    patiently noticed
    ip netns del "$NS-guest-a"
}

for WORLD in "${WORLDS[@]}"; do
    make_hosts 1500
    ipt -A INPUT -s 203.0.113.9 -j DROP
    background outside sink 0.0.0.0 7000
    up a && down a
    before=$(snapshot)

    up a --ports $PORTS
    patiently noticed
    is "$WORLD: before the guest has its card, all are refused at once" "$REFUSED_ALL" "$(all_try)"
    down a

    start
    connect
    ok "$WORLD: connections to the guest, in the host's memory" patiently seen
    kill_guest
    is "$WORLD: the guest has died, all are refused at once" "$REFUSED_ALL" "$(all_try)"
    down a
    ok "$WORLD: down resets who had a connection" patiently all_reset
    is "$WORLD: and forgets all" 0 "$(flows)"
    is "$WORLD: and leaves nothing" "$before" "$(snapshot)"

    start
    connect
    kill -9 "${VM[a]}"
    wait "${VM[a]}" 2>/dev/null
    kill_guest
    is "$WORLD: all is killed, all are refused at once" "$REFUSED_ALL" "$(all_try)"
    in_ns host "$NETSETUP" gc >/dev/null
    ok "$WORLD: gc resets who had a connection" patiently all_reset
    is "$WORLD: and forgets all" 0 "$(flows)"
    is "$WORLD: and leaves nothing" "$before" "$(snapshot)"

    start
    connect
    kill -9 "${VM[a]}"
    wait "${VM[a]}" 2>/dev/null
    kill_guest
    in_ns host env -i PATH="$PATH" VM_ROOTFS_DIR="$TMP/none" "$ENTRY" /bin/true >"$TMP/refused" 2>&1
    is "$WORLD: the next start is refused" 125 $?
    ok "$WORLD: and resets who had a connection" patiently all_reset
    is "$WORLD: and forgets all" 0 "$(flows)"
    is "$WORLD: and leaves nothing" "$before" "$(snapshot)"

    start
    connect
    kill -9 "${VM[a]}"
    wait "${VM[a]}" 2>/dev/null
    kill_guest
    mv "$TMP/a.json" "$TMP/dead.json"
    up b --ports $PORTS
    guest b
    for any in 0.0.0.0 ::; do serve guest-b tcp $any 80 b; done
    ok "$WORLD: the next start resets who had a connection" patiently all_reset
    is "$WORLD: and serves" "b 192.0.2.2, b fd77::2" "$(ask outside tcp 192.0.2.1 8080), $(ask outside tcp fd77::1 8080)"
    cp "$TMP/dead.json" "$TMP/a.json"
    is "$WORLD: and nothing of the dead one is remembered" 0 "$(flows)"
    down b
    ip netns del "$NS-guest-b"
    is "$WORLD: and leaves nothing" "$before" "$(snapshot)"
    drop_hosts
done
done_testing
