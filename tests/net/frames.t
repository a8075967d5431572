#!/bin/bash
# A hostile guest sends frames of every kind, each with a word in it: who hears which.  What is sent to a server outside
# is heard there, so the frames are good; the same from outside is heard by the host, so the host's ears are.
#: timeout 200
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"
FRAMES=$PWD/tests/net/hostile_frames.py
CARGO="udp tcp echo ipip gre sctp udplite"
declare -A EARS=()

listen() { # NAME NS packets DEVICE | sockets
    local out
    out=$(mktemp -p "$TMP")
    nsenter --net="/run/netns/$NS-$2" -- "$FRAMES" hear "${@:3}" >"$out" 2>&1 &
    EARS[$1]=$out
    started $! "$out"
    [ "$(head -1 "$out")" = ready ] || { cat "$out"; return 1; }
}
# What a row may lead to: "ATTACK WORD KEY=VALUE..." to be sent, and who hears that word.
rows=() expected=()
row() { # HEARERS ATTACK KEY=VALUE...
    local word="$ROUND.${#rows[@]}:$2:${*:3}" ear
    word=${word// /:}
    rows+=("$2 $word ${*:3}")
    for ear in $1; do expected+=("$ear $word"); done
}
heard() { # in this round
    local ear
    for ear in "${!EARS[@]}"; do sed -n "s/^$ROUND\./$ear &/p" "${EARS[$ear]}"; done | sort -u
}
ended() { # all have heard the last words, which come after all others by the same ways (a neighbour may be asked for)
    local ear
    for ear in "${EARS[@]}"; do
        if ! grep -qx "end4.$ROUND" "$ear" || ! grep -qx "end6.$ROUND" "$ear"; then return 1; fi
    done
}
last_words() { # NS ADDRESS...
    local address family
    for address in "${@:2}"; do
        [[ $address == *:* ]] && family=6 || family=4
        in_ns "$1" bash -c "echo 'word:end$family.$ROUND;' >/dev/udp/$address/7777"
    done
}
ROUND=0
judge() { # DESCRIPTION NS FRAMES-ARGUMENT...: sends the rows, and compares
    local what=$1 ns=$2 got
    shift 2
    printf '%s\n' "${rows[@]}" | in_ns "$ns" "$FRAMES" send "$@"
    result $? "$WORLD: $what: all ${#rows[@]} are sent"
    last_words guest-a 192.0.2.2 fd77::2
    last_words host 127.0.0.1 ::1 172.30.0.2 fd30::2 "$(field b guest_ip)" "$(field b guest_ip6)"
    ok "$WORLD: $what: all ears are open" patiently ended
    got=$(heard)
    is "$WORLD: $what: heard by whom they may reach, and by nobody else" \
        "$(printf '%s\n' "${expected[@]}" | sort -u)" "$got"
    rows=() expected=() ROUND=$((ROUND + 1))
}

for WORLD in "${WORLDS[@]}"; do
    make_hosts 1500
    ipt -A INPUT -s 203.0.113.9 -j DROP
    ip6t -A INPUT -s 2001:db8::9 -j DROP
    make_ns container # behind a device that is no uplink
    ip -n "$NS-host" link add docker0 type veth peer name eth0 netns "$NS-container"
    ip -n "$NS-host" addr add 172.30.0.1/24 dev docker0
    ip -n "$NS-host" addr add fd30::1/64 dev docker0 nodad
    ip -n "$NS-host" link set docker0 up
    ip -n "$NS-container" addr add 172.30.0.2/24 dev eth0
    ip -n "$NS-container" addr add fd30::2/64 dev eth0 nodad
    ip -n "$NS-container" link set eth0 up
    ip -n "$NS-host" route add 169.254.169.254/32 via 192.0.2.2
    ip -n "$NS-host" route add fd00:ec2::254/128 via fd77::2
    # A host that takes part in source and segment routing.
    in_ns host sh -c 'cd /proc/sys/net
        echo 1 | tee ipv4/conf/all/accept_source_route ipv4/conf/default/accept_source_route \
            ipv6/conf/*/seg6_enabled ipv6/conf/*/rpl_seg_enabled' >/dev/null
    up a
    up b --ports 8080:80
    guest a
    guest b
    a=$(field a guest_ip) a6=$(field a guest_ip6) tap=$(field a tap_ip) tap6=$(field a tap_ip6)
    b=$(field b guest_ip) b6=$(field b guest_ip6)
    EARS=()
    listen outside outside packets eth0
    listen b guest-b packets eth0
    listen container container packets eth0
    listen host host sockets

    # Their senders are nobody's: what is tracked of them is not in the way of the guest's.
    from="mac=$(ip -n "$NS-outside" -br link show eth0 | awk '{print $3}') gateway=$(ip -n "$NS-host" -br link show up0 | awk '{print $3}')"
    for what in $CARGO fragments overlapping headless; do
        [[ "$what" = overlapping || $what = headless ]] && hears='' || hears=host
        row "$hears" "$what" src=192.0.2.3 dst=192.0.2.1
    done
    for what in $CARGO fragments6 atomic6 tiny6 overlapping6 hop-by-hop options; do
        [ "$what" = overlapping6 ] && hears='' || hears=host
        row "$hears" "$what" src6=fd77::3 dst6=fd77::1
    done
    row host igmp src=192.0.2.3 dst=224.0.0.1
    row host multicast src=192.0.2.3 dst=224.0.0.1
    row host multicast src=192.0.2.3 dst=255.255.255.255
    row host multicast6 src6=fd77::3 dst6=ff02::1
    row host timestamp src=192.0.2.3 dst=192.0.2.1
    row container loose-route src=192.0.2.3 dst=192.0.2.1,172.30.0.2
    row container segments-udp src6=fd77::3 dst6=fd77::1 next6=fd30::2
    row host vlan-0 src=192.0.2.3 dst=192.0.2.1
    # shellcheck disable=SC2086
    judge "frames from outside" outside $from

    from="mac=$(field a mac) gateway=$(field a tap_mac)"
    for what in $CARGO; do
        [ "$what" = echo ] && host=host || host=
        row outside $what src="$a" dst=192.0.2.2
        row outside $what src6="$a6" dst6=fd77::2
        for to in "$tap" "$(field b tap_ip)" 192.0.2.1 172.30.0.1; do row "$host" "$what" src="$a" dst="$to"; done
        for to in "$tap6" "$(field b tap_ip6)" fd77::1 fd30::1; do row "$host" "$what" src6="$a6" dst6="$to"; done
        for to in 169.254.169.254 "$b" 172.30.0.2 127.0.0.1; do row "" "$what" src="$a" dst="$to"; done
        for to in fd00:ec2::254 "$b6" fd30::2 ::1; do row "" "$what" src6="$a6" dst6="$to"; done
        for forged in 192.0.2.1 192.0.2.2 "$b" "$tap" 127.0.0.1 0.0.0.0 203.0.113.7 224.0.0.1; do
            row "" "$what" src=$forged dst=192.0.2.2
            row "" "$what" src=$forged dst=192.0.2.1
            row "" "$what" src=$forged dst="$b"
        done
        for forged in fd77::1 fd77::2 "$b6" "$tap6" ::1 :: 2001:db8::7 fe80::7 ff02::1 ::ffff:192.0.2.2; do
            row "" "$what" src6=$forged dst6=fd77::2
            row "" "$what" src6=$forged dst6=fd77::1
            row "" "$what" src6=$forged dst6="$b6"
        done
    done
    # shellcheck disable=SC2086
    judge "every protocol" guest-a $from

    for what in fragments backwards tiny overlapping headless vlan-0 vlan-5 vlan-0-5 llc snap other-family; do
        case $what in fragments | backwards | tiny | vlan-0) hears=outside ;; *) hears= ;; esac
        row "$hears" "$what" src="$a" dst=192.0.2.2
        for to in 169.254.169.254 "$b" 172.30.0.2 192.0.2.1 "$tap" "$(field b tap_ip)"; do row "" "$what" src="$a" dst="$to"; done
        row "" "$what" src=192.0.2.1 dst=192.0.2.2
        row "" "$what" src="$b" dst=192.0.2.2
    done
    for what in fragments6 tiny6 atomic6 overlapping6 hop-by-hop alert options hop-by-hop-fragment; do
        [ "$what" = overlapping6 ] && hears='' || hears=outside
        row "$hears" "$what" src6="$a6" dst6=fd77::2
        for to in fd00:ec2::254 "$b6" fd30::2 fd77::1 "$tap6" "$(field b tap_ip6)"; do row "" "$what" src6="$a6" dst6="$to"; done
        row "" "$what" src6=fd77::1 dst6=fd77::2
        row "" "$what" src6="$b6" dst6=fd77::2
    done
    for first in "$tap6" fd77::1; do
        for next in fd77::2 fd00:ec2::254 "$b6" fd30::2; do
            for what in routing-0 routing-2 segments-udp segments-echo; do row "" "$what" src6="$a6" dst6="$first" next6="$next"; done
        done
    done
    for first in "$tap" 192.0.2.1; do
        for next in 192.0.2.2 169.254.169.254 "$b" 172.30.0.2; do
            for what in loose-route strict-route; do row "" "$what" src="$a" dst="$first,$next"; done
        done
    done
    # shellcheck disable=SC2086
    judge "fragments, extension headers, routes and tags" guest-a $from

    for to in 224.0.0.1 224.0.0.251 239.1.1.1 255.255.255.255 "${a%.*}.255" "${tap%.*}.$((${tap##*.} + 2))" 192.0.2.255; do
        row "" multicast src="$a" dst="$to"
        row "" multicast src=192.0.2.1 dst="$to"
        row "" igmp src="$a" dst="$to"
    done
    for to in ff02::1 ff02::2 ff02::fb ff05::2 ff0e::1; do
        row "" multicast6 src6="$a6" dst6="$to"
        row "" multicast6 src6=fe80::7 dst6="$to"
        row "" listener src6="$a6" dst6="$to"
    done
    for to in 192.0.2.1 "$tap" 192.0.2.2 "$b"; do row "" timestamp src="$a" dst="$to"; done
    for to in fd77::1 "$tap6" fd77::2 "$b6"; do row "" listener src6="$a6" dst6="$to"; done
    # shellcheck disable=SC2086
    judge "multicast, broadcast and other ICMP" guest-a $from
    for what in $CARGO vlan-0 fragments; do row "" "$what" src="$a" dst=192.0.2.2; done
    for what in $CARGO hop-by-hop atomic6; do row "" "$what" src6="$a6" dst6=fd77::2; done
    # shellcheck disable=SC2086
    judge "another MAC" guest-a $from mac=02:00:00:00:00:99
    down a
    down b
    for ns in guest-a guest-b container; do ip netns del "$NS-$ns"; done
    drop_hosts
done
done_testing
