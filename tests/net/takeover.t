#!/bin/bash
# A guest takes over a container's interfaces.  In the network of an engine with two bridges, peers and the outside, it
# is what the container was: by address and MAC, over both families, in both directions, and also behind a TAP that a
# hostile guest has.  When it ends, in whatever way, the container has everything again as it was.
#
#   outside --- engine === br0: host, peer       outside 198.51.100.2, 2001:db8::2
#                      === br1: host             host (the container) 192.0.2.10, fd77::10 and 10.8.0.10
#: timeout 300
# shellcheck disable=SC2046,SC2116 # answers are lists of words
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"
FRAMES=$PWD/tests/net/frames.py CARDS=$PWD/build/net/cards

i() { ip -n "$NS-$1" "${@:2}"; } # NS ARGUMENT...
port() { # BRIDGE NS NAME MTU: a namespace's interface on the engine's bridge
    i engine link add "$2-$3" mtu "$4" type veth peer name "$3" mtu "$4" netns "$NS-$2"
    i engine link set "$2-$3" master "$1" up
    i "$2" link set "$3" addrgenmode none
}
bridge() { # NAME MTU
    i engine link add "$1" mtu "$2" type bridge
    i engine link set "$1" addrgenmode none up
}
make_engine() { # MTU
    local ns
    for ns in outside engine host peer; do make_ns $ns; done
    in_ns engine sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
    i engine link add up0 mtu "$1" type veth peer name eth0 mtu "$1" netns "$NS-outside"
    bridge br0 "$1"
    bridge br1 1400
    port br0 host eth0 "$1"
    port br0 peer eth0 "$1"
    port br1 host eth1 1400
    i engine addr add 192.0.2.1/24 dev br0
    i engine addr add fd77::1/64 dev br0 nodad
    i engine addr add fe80::1/64 dev br0 nodad
    i engine addr add 10.8.0.1/24 dev br1
    i engine addr add 198.51.100.1/24 dev up0
    i engine addr add 2001:db8::1/64 dev up0 nodad
    i engine link set up0 up
    i peer addr add 192.0.2.20/24 dev eth0
    i peer addr add fd77::20/64 dev eth0 nodad
    i peer link set eth0 up
    i outside addr add 198.51.100.2/24 dev eth0
    i outside addr add 2001:db8::2/64 dev eth0 nodad
    i outside link set eth0 up
    i outside route add default via 198.51.100.1
    i outside -6 route add default via 2001:db8::1
}
# All kinds of addresses and routes that engines and their users give.
make_container() {
    i host link set eth0 address 02:42:c0:00:02:0a alias 'the engine said so'
    i host link set eth1 address 02:42:0a:08:00:0a
    i host addr add 192.0.2.10/24 brd 192.0.2.255 dev eth0
    i host addr add 192.0.2.11/24 dev eth0
    i host addr add 10.77.0.1/32 dev eth0 noprefixroute
    i host addr add fd77::10/64 dev eth0 nodad
    i host addr add fe80::10/64 dev eth0 nodad
    i host addr add 10.8.0.10/24 dev eth1
    i host link set eth0 up
    i host link set eth1 up
    i host route add default via 192.0.2.1
    i host route add default via 10.8.0.1 metric 900
    i host route add 203.0.113.0/24 via 192.0.2.1 metric 7 mtu 1300
    i host route add 203.0.113.9/32 dev eth0 scope link src 192.0.2.11
    i host route add 172.31.0.0/16 via 172.30.0.1 dev eth1 onlink
    i host -6 route add default via fd77::1 metric 1024
    i host -6 route add default via fe80::1 dev eth0 metric 2048
    i host -6 route add 2001:db8:9::/48 dev eth0
    i host neigh add 192.0.2.77 lladdr 02:00:00:00:00:77 dev eth0 nud permanent
}
drop_engine() {
    local ns
    for ns in guest host peer outside engine; do ip netns del "$NS-$ns" 2>/dev/null; done
}

# What has reached the container's TCP and UDP, of both families; not what its own clients asked for.
received() {
    in_ns host awk '/^Tcp: [0-9]/ {print $11} /^Udp: [0-9]/ {print $2, $3} /^Udp6(In|No)/ {print $2}' /proc/net/snmp /proc/net/snmp6 | xargs
}
addresses() { i "$1" -d addr show; }
routes() { i "$1" route show table all; i "$1" -6 route show table all; }
# Many bytes over one TCP connection: the same arrive. Segments are larger than the MTU where devices allow it.
bulk() { # FROM TO ADDRESS: the number of bytes that were right
    rm -f "$TMP/bulk"
    in_ns "$2" timeout 30 python3 -c '
import socket, sys
s = socket.create_server((sys.argv[1], 7100), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
print("ready", flush=True)
c, _ = s.accept()
print(sum(len(b) for b in iter(lambda: c.recv(1 << 20), b"") if not b.strip(b"x")), flush=True)' "$3" >"$TMP/bulk" &
    local server=$!
    started $server "$TMP/bulk"
    in_ns "$1" timeout 30 python3 -c 'import socket, sys; socket.create_connection((sys.argv[1], 7100)).sendall(b"x" * 30000000)' "$3"
    wait $server
    tail -n1 "$TMP/bulk"
}
# The container's, as its engine and its user can see it.  A neighbour's state changes by itself.
container() {
    addresses host
    i host -s link show | sed -E '/^ +[0-9 ]+$/d'
    routes host
    i host neigh show | sed -E 's/ (REACHABLE|STALE|DELAY|PROBE|INCOMPLETE|FAILED)//' | sort
    in_ns host tc qdisc show
    in_ns host tc filter show dev eth0 ingress
    in_ns host sh -c 'cd /proc/sys/net && grep -r . ipv4/conf/eth* ipv6/conf/eth* ipv4/ip_local_port_range 2>/dev/null' | sort
    in_ns host grep -o '@ctr-jailer.*' /proc/net/unix
}

# Each card of the JSON: INTERFACE TAP MAC MTU, or as the settings of the guest's init (common/settings.h).
card_lines() { # ID cards|settings
    python3 - "$TMP/$1.json" "$2" <<'P'
import json
import sys

made = json.load(open(sys.argv[1]))
for card in made["cards"]:
    name = card["interface"]
    if sys.argv[2] == "cards":
        print(name, card["tap"], card["mac"], card["mtu"])
        continue
    print(f"card={name} {card['mac']} {card['mtu']}")
    for text in card["addresses"]:
        print(f"card_address={name} {text}")
    for text in card["routes"]:
        print(f"card_route={name} {text}")
if "relay" in made and sys.argv[2] == "settings":
    name = made["cards"][0]["interface"]
    print(f"card_address={name} {made['relay_guest']}/30 scope link")
    print(f"card_neighbour={name} {made['relay']} {made['relay_mac']}")
P
}
# The VM: it opens the TAPs as Firecracker does, and the guest's init brings up its cards, which had each other's names.
guest_has() { # ID
    local name tap mac mtu n=0 settings
    make_ns guest
    while read -r name tap mac mtu; do
        n=$((n + 1))
        background host card "$tap" "/run/netns/$NS-guest" "$mac" eth$((2 - n)) 1500 || return
    done < <(card_lines "$1" cards)
    mapfile -t settings < <(card_lines "$1" settings)
    in_ns guest "$CARDS" "${settings[@]}"
}
# The same by ip: what netsetup writes is what ip takes.
ip_takes() { # ID
    local setting name text words
    make_ns other
    while IFS='= ' read -r setting name text; do
        mapfile -td ' ' words < <(printf '%s' "$text")
        case $setting in
        card) i other link add "$name" type bridge && i other link set "$name" addrgenmode none up ;;
        card_address) i other addr add "${words[@]}" dev "$name" ;;
        card_route) ip -n "$NS-other" "$([[ $text == *:* ]] && echo -6 || echo -4)" route add "${words[@]}" dev "$name" ;;
        esac || { echo "# $setting $name $text"; return 1; }
    done < <(card_lines "$1" settings)
    ip netns del "$NS-other"
}

# What the guest's system then has, beside what the container has: the same but for the kind of device.
same_as_host() { # OBJECT...
    diff <(i host "$@" | grep -v 'ctr[0-9]' | sed -E 's/@if[0-9]+//; s/^[0-9]+: //; s/linkdown//; s/ +$//' | sort) \
        <(i guest "$@" | sed -E 's/^[0-9]+: //; s/linkdown//; s/ +$//' | sort)
}
# What another knew of the container's addresses is replaced, without that anybody has asked.
follows() { [ "$(i "$1" neigh show | grep -cE '^(192.0.2.1[01]|fd77::10) .*lladdr 02:42:c0:00:02:0a')" = 3 ]; }
# A datagram of so many bytes, which may be in fragments or not; the answer.
datagram() { # NS ADDRESS PORT BYTES whole|any
    in_ns "$1" timeout 5 python3 - "${@:2}" <<'P'
import socket
import sys

address, port, size, whole = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "whole"
family, _, _, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM)[0]
sock = socket.socket(family, socket.SOCK_DGRAM)
if family == socket.AF_INET6:
    sock.setsockopt(socket.IPPROTO_IPV6, 23, 2 if whole else 0)  # IPV6_MTU_DISCOVER: IPV6_PMTUDISC_DO
else:
    sock.setsockopt(socket.IPPROTO_IP, 10, 2 if whole else 0)  # IP_MTU_DISCOVER
sock.sendto(b"." * size, where)
print(sock.recv(100).decode().split()[0])
P
}

for mtu in 1500 9000; do
    make_engine $mtu
    make_container
    for place in engine outside; do
        serve $place tcp 0.0.0.0 7000 $place
        serve $place tcp :: 7000 $place
    done
    serve peer tcp 0.0.0.0 7000 peer
    serve peer udp 0.0.0.0 7000 peer
    serve peer tcp :: 7000 peer
    serve peer udp :: 7000 peer
    # Warm up: what the neighbours know of the container is there before.
    patiently ask host tcp 192.0.2.20 7000
    patiently ask host tcp fd77::20 7000
    patiently ask host tcp 10.8.0.1 7000
    before=$(container)

    take a
    result $? "mtu $mtu: the container's two interfaces are taken over"
    received=$(received)
    is "mtu $mtu: both, with MAC and MTU" "eth0 02:42:c0:00:02:0a $mtu eth1 02:42:0a:08:00:0a 1400" \
        "$(card_lines a cards | awk '{printf "%s%s %s %s", n++ ? " " : "", $1, $3, $4}')"
    like "mtu $mtu: tc names the VM as the owner of the container's ingress" 'ctr-jailer/a~[0-9a-f]{8} direct-action' \
        "$(in_ns host tc filter show dev eth0 ingress)"
    is "mtu $mtu: the container's addresses and routes stay" "$(grep -c inet <<<"$before")" "$(addresses host | grep -c inet)"
    ip_takes a
    result $? "mtu $mtu: ip takes what netsetup says of addresses and routes"
    for address in 192.0.2.10 192.0.2.11 fd77::10; do # as of a container that had another MAC address
        i peer neigh replace $address lladdr 02:00:00:00:00:99 dev eth0 nud stale
    done
    guest_has a
    result $? "mtu $mtu: the guest's init brings up its cards"
    ok "mtu $mtu: and announces its addresses: a peer follows at once" patiently follows peer
    ok "mtu $mtu: and then has the same IPv4 addresses" same_as_host -o -4 addr show up
    ok "mtu $mtu: and the same IPv4 routes" same_as_host -4 route show
    ok "mtu $mtu: and the same IPv6 routes" same_as_host -6 route show

    serve guest tcp 0.0.0.0 8000 guest
    serve guest udp 0.0.0.0 8000 guest
    serve guest tcp :: 8000 guest
    serve guest udp :: 8000 guest
    is "mtu $mtu: a peer reaches the guest at the container's addresses" \
        "guest 192.0.2.20 guest 192.0.2.20 guest fd77::20 guest fd77::20 guest 192.0.2.20" \
        "$(echo $(ask peer tcp 192.0.2.10 8000) $(ask peer udp 192.0.2.10 8000) $(ask peer tcp fd77::10 8000) \
            $(ask peer udp fd77::10 8000) $(ask peer tcp 192.0.2.11 8000))"
    is "mtu $mtu: so do the engine, on both networks, and the outside" \
        "guest 192.0.2.1 guest 10.8.0.1 guest 198.51.100.2 guest 2001:db8::2" \
        "$(echo $(ask engine tcp 192.0.2.10 8000) $(ask engine tcp 10.8.0.10 8000) $(ask outside tcp 192.0.2.10 8000) \
            $(ask outside tcp fd77::10 8000))"
    is "mtu $mtu: the guest reaches all, with the container's addresses" \
        "peer 192.0.2.10 peer 192.0.2.10 peer fd77::10 peer fd77::10 engine 10.8.0.10 outside 192.0.2.10 outside fd77::10" \
        "$(echo $(ask guest tcp 192.0.2.20 7000) $(ask guest udp 192.0.2.20 7000) $(ask guest tcp fd77::20 7000) \
            $(ask guest udp fd77::20 7000) $(ask guest tcp 10.8.0.1 7000) $(ask guest tcp 198.51.100.2 7000) \
            $(ask guest tcp 2001:db8::2 7000))"
    is "mtu $mtu: frames as large as the MTU pass, in both directions and families" "peer guest peer guest" \
        "$(echo $(datagram guest 192.0.2.20 7000 $((mtu - 28)) whole) $(datagram peer 192.0.2.10 8000 $((mtu - 28)) whole) \
            $(datagram guest fd77::20 7000 $((mtu - 48)) whole) $(datagram peer fd77::10 8000 $((mtu - 48)) whole))"
    is "mtu $mtu: and fragments" "peer guest guest" "$(echo $(datagram guest 192.0.2.20 7000 20000 any) \
        $(datagram peer 192.0.2.10 8000 20000 any) $(datagram peer fd77::10 8000 20000 any))"
    is "mtu $mtu: 30 MB over TCP, both ways, in both families" "30000000 30000000 30000000 30000000" \
        "$(echo $(bulk guest peer 192.0.2.20) $(bulk peer guest 192.0.2.10) $(bulk guest peer fd77::20) $(bulk peer guest fd77::10))"
    is "mtu $mtu: and multicast to all on the link" "guest" "$(datagram engine ff02::1%br0 8000 100 any)"
    is "mtu $mtu: the container's own system gets nothing" "$received" "$(received)"
    is "mtu $mtu: but its own clients are answered" \
        "peer 192.0.2.10 peer 192.0.2.10 peer fd77::10 peer fd77::10 engine 10.8.0.10 outside 192.0.2.10 outside fd77::10" \
        "$(echo $(ask host tcp 192.0.2.20 7000) $(ask host udp 192.0.2.20 7000) $(ask host tcp fd77::20 7000) \
            $(ask host udp fd77::20 7000) $(ask host tcp 10.8.0.1 7000) $(ask host tcp 198.51.100.2 7000) \
            $(ask host tcp 2001:db8::2 7000))"
    i host neigh flush dev eth0 nud reachable nud stale nud delay nud probe
    is "mtu $mtu: and find their neighbours anew" "peer peer" \
        "$(echo $(ask host tcp 192.0.2.20 7000 | cut -d' ' -f1) $(ask host tcp fd77::20 7000 | cut -d' ' -f1))"
    serve host tcp 0.0.0.0 8000 container
    serve host tcp :: 8000 container
    is "mtu $mtu: connections that arrive are the guest's, although the container has a server there" "guest guest" \
        "$(echo $(ask peer tcp 192.0.2.10 8000 | cut -d' ' -f1) $(ask peer tcp fd77::10 8000 | cut -d' ' -f1))"
    is "mtu $mtu: and the guest's neighbours are found anew, too" "peer peer" \
        "$(i guest neigh flush dev eth0; echo $(ask guest tcp 192.0.2.20 7000 | cut -d' ' -f1) $(ask guest tcp fd77::20 7000 | cut -d' ' -f1))"

    down a
    result $? "mtu $mtu: it ends well"
    is "mtu $mtu: and the container has everything as it was" "$before" "$(container)"
    serve host tcp 0.0.0.0 9000 container
    like "mtu $mtu: its own servers answer again" "^container" "$(ask peer tcp 192.0.2.10 9000)"
    like "mtu $mtu: and its own clients are answered" "^outside fd77::10" "$(ask host tcp 2001:db8::2 7000)"
    drop_engine
done

make_engine 1500
make_container
serve host tcp 0.0.0.0 9000 container
serve peer tcp 0.0.0.0 7000 peer
patiently ask host tcp 192.0.2.20 7000
before=$(container)

# A hostile guest, and the container itself, whom nobody checks.
frames_of() { # NS: the kinds that arrive on the engine's network, in $HEARD
    rm -f "$TMP/heard"
    in_ns engine timeout 60 python3 "$FRAMES" hear host-eth0 >"$TMP/heard" &
    local hearing=$!
    started $hearing "$TMP/heard"
    in_ns "$1" python3 "$FRAMES" send eth0 02:42:c0:00:02:0a 192.0.2.10 fd77::10
    wait $hearing
    HEARD=$(tail -n1 "$TMP/heard")
}
kinds() { # good|bad...
    local kind
    for kind in "$@"; do python3 "$FRAMES" kinds "$kind"; done | tr ' ' '\n' | sort | xargs
}
frames_of host
is "frames of all kinds arrive from a container" "$(kinds good bad)" "$HEARD"
same() { [ "$before" = "$(container)" ]; }
take bad --iface eth0
guest_has bad
frames_of guest
is "all good ones arrive from a guest, and none of the bad ones" "$(kinds good)" "$HEARD"
kill -9 "${VM[bad]}"
wait "${VM[bad]}" 2>/dev/null
ip netns del "$NS-guest"
fails "after a kill -9 the interface is still tied" [ "$before" = "$(container)" ]
is "netsetup gc finds the dead VM" 1 "$(in_ns host "$NETSETUP" gc)"
is "and the container has everything as it was" "$before" "$(container)"

take lost --iface eth0
i host link del "$(card_lines lost cards | cut -d' ' -f2)"
kill -9 "${VM[lost]}"
wait "${VM[lost]}" 2>/dev/null
take next
result $? "the next VM takes over what a dead one left, although its TAP is gone"
fails "a second VM is refused the interfaces" take second
like "in words" "interface eth0 already has an ingress qdisc: another program uses it" "$(cat "$TMP/second.err")"
down next
is "and after it the container has everything as it was" "$before" "$(container)"

# A resolver inside the namespace, as Docker's, which asks others over the container's interface.
DNSPEER=$PWD/tests/net/dnspeer.py
PEER=$DNSPEER background host serve docker 127.0.0.11
resolver=$LAST
serve host tcp 0.0.0.0 8000 container
take named --dns 127.0.0.11
result $? "with a resolver inside the namespace"
guest_has named
relay=$(field named relay)
for proto in udp tcp; do
    is "the guest asks it over $proto, at a link-local address" "docker 127.0.0.1" \
        "$(in_ns guest "$DNSPEER" ask $proto "$relay" name=a.test)"
done
like "a long answer comes over TCP" '^docker' "$(in_ns guest "$DNSPEER" ask tcp "$relay" name=9000.test | cut -c1-6)"
fails "another port at that address is out of reach" ask guest tcp "$relay" 8000
fails "and so is the container's server, at any" ask guest tcp 192.0.2.10 8000
rm -f "$TMP/heard"
in_ns guest timeout 60 python3 "$FRAMES" hear eth0 >"$TMP/heard" &
hearing=$!
started $hearing "$TMP/heard"
in_ns peer python3 "$FRAMES" answers eth0 02:42:c0:00:02:0a "$relay" "$(field named relay_guest)"
wait $hearing
is "nobody else on the network speaks as the relay, or to the guest's address for it" "" "$(tail -n1 "$TMP/heard")"
is "all else has the container's address" "peer 192.0.2.10" "$(ask guest tcp 192.0.2.20 7000)"
frames_of guest
is "and good frames arrive, bad ones do not" "$(kinds good)" "$HEARD"
down named
result $? "it ends well"
stop "$resolver"
ip netns del "$NS-guest"
patiently same
is "and the container has everything as it was" "$before" "$(container)"

# Killed at each of its steps, and at each failed.
collected() { in_ns host "$NETSETUP" gc && same; }
for ((n = 1, broken = 0; n < 500; n++)); do
    for how in INJECT_KILL=self INJECT_ERROR=ENOBUFS; do
        rm -f "$TMP/done"
        in_ns host timeout 20 env LD_PRELOAD="$PWD/build/inject.so" INJECT=$n $how INJECT_DONE="$TMP/done" "$NETSETUP" take x --down-after-up \
            >/dev/null 2>&1
        # A child that was forked at that moment may hold the claims a little longer.
        patiently collected || { [ $((broken++)) -gt 2 ] || diff <(echo "$before") <(container) | sed "s/^/# $how $n: /"; }
    done
    [ ! -e "$TMP/done" ] || break
done
is "in each of $n steps it was killed, or a call failed: nothing is left after gc" "0 yes" "$broken $([ $n -gt 50 ] && [ $n -lt 500 ] && echo yes)"

# Refusals, each without a trace.
refused_with() { # DESCRIPTION REGEX OPTION...
    fails "$1: refused" take no "${@:3}"
    like "$1: the reason" "$2" "$(cat "$TMP/no.err")"
    is "$1: and nothing is changed" "$before" "$(container)"
}
refused_with "no such interface" 'HOST_IFACE=eth7: there is no such network interface' --iface eth7
in_ns host tc qdisc add dev eth1 clsact
before=$(container)
refused_with "another program's classifier" 'eth1 already has an ingress qdisc'
in_ns host tc qdisc del dev eth1 clsact
i host link add mv0 link eth1 type macvlan
i host link set mv0 up
before=$(container)
refused_with "a macvlan" 'cannot take over the interface mv0: a macvlan'
i host link del mv0
i host link add br9 type bridge
before=$(container)
refused_with "one that is named and down" 'cannot take over the interface br9: it is down' --iface br9
i host link del br9
i host link set eth0 down
i host link set eth1 down
before=$(container)
refused_with "no interface that is up" 'there is no interface to take over'

# What the engine changes while the guest runs: each is told once.
make_container_anew() { drop_engine; make_engine 1500; make_container; }
make_container_anew
take told
told() { grep -qxF "netsetup: warning: $1 the container is restarted" "$TMP/told.err"; }
changed="the addresses or routes of the container's network interface eth1 have changed: the guest gets them when"
i host link add new0 type bridge
i host link set new0 up
ok "a new interface is told" patiently told "the container has a new network interface, new0: the guest gets it when"
i host addr add 10.8.0.11/24 dev eth1
ok "a new address is told" patiently told "$changed"
: >"$TMP/told.err"
i host route add 203.0.113.64/26 via 10.8.0.1
ok "a new route is told" patiently told "$changed"
: >"$TMP/told.err"
i host link set eth1 netns "$NS-peer"
ok "an interface that goes is told" patiently told \
    "the container's network interface eth1 is gone: the guest has no network there until"
is "and nothing else" 1 "$(wc -l <"$TMP/told.err")"
down told
result $? "it ends well all the same"
is "and leaves no TAP" "" "$(i host -o link show | grep -o '^[0-9]*: ctr')"
make_container_anew
take some --iface eth0
i host link add new0 type bridge
i host link set new0 up
i host addr add 192.0.2.99/24 dev eth0
eth0_changed() { grep -q 'interface eth0 have changed' "$TMP/some.err"; }
ok "with a chosen interface, its changes are told" patiently eth0_changed
is "and no others" 1 "$(wc -l <"$TMP/some.err")"
down some
drop_engine
fails "the first namespace's own interfaces are not taken" "$NETSETUP" take no
done_testing
