#!/bin/bash
# VM_PORTS=all: what reaches an address of the namespace is the guest's, unless a socket of the namespace's own would get
# it, whichever came first.
#: timeout 120
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"

sockets() { in_ns host ss -Hlnut | wc -l; }
refused_up() { # DESCRIPTION MESSAGE OPTION...: exit status 125, one line, and nothing is left
    local before code
    before=$(snapshot)
    up no "${@:3}" 2>/dev/null && kill "${VM[no]}"
    wait "${VM[no]}"
    code=$?
    is "$1" "125 netsetup: $2 (start this VM in a network namespace of its own)" "$code $(cat "$TMP/no.err")"
    is "$1: and nothing is left" "$before" "$(snapshot)"
}

reaches() { # WHAT OUTSIDE HOST GUEST TAP LOOPBACK: one address family
    local w=$1 out=$2 host=$3 guest=$4 tap=$5 lo=$6 proto port
    for proto in tcp udp; do
        for port in 80 4000 65535; do
            is "$w: outside to the guest's port $port ($proto)" "a $out" "$(ask outside $proto "$host" $port)"
        done
        is "$w: outside to a server of the namespace's own ($proto)" "host $out" "$(ask outside $proto "$host" 9000)"
        is "$w: to one that has started since ($proto)" "late $out" "$(ask outside $proto "$host" 9100)"
        is "$w: to one of the guest's, where another is bound to loopback ($proto)" "a $out" "$(ask outside $proto "$host" 9200)"
        is "$w: the namespace's own program to its own server ($proto)" "host $host" "$(ask host $proto "$host" 9000)"
        is "$w: to its loopback address ($proto)" "loopback $lo" "$(ask host $proto "$lo" 9200)"
        is "$w: to the outside ($proto)" "outside $host" "$(ask host $proto "$out" 7000)"
        is "$w: and the guest to the outside ($proto)" "outside $host" "$(ask guest-a $proto "$out" 7000)"
        refused "$w: guest does not reach the namespace's services ($proto)" guest-a $proto "$host" 9000
        refused "$w: nor by its gateway ($proto)" guest-a $proto "$tap" 9000
        refused "$w: outside does not reach the guest's own address ($proto)" outside $proto "$guest" 80
    done
    refused "$w: the namespace's own programs find no server at its address" host tcp "$host" 80
    refused_all
}

for WORLD in "${WORLDS[@]}"; do
    make_hosts 1500
    ip -n "$NS-outside" route add 10.0.0.0/8 via 192.0.2.1 # the outside tries to reach the guest directly
    ip -n "$NS-outside" -6 route add fd00::/8 via fd77::1
    in_ns host sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
    for family in ipt ip6t; do # what makes this world the host's, and its kernel track connections
        $family -A INPUT -m conntrack --ctstate INVALID -j ACCEPT
    done
    up first && down first # leaves empty tables
    for proto in tcp udp; do
        for any in 0.0.0.0 ::; do
            serve outside $proto $any 7000 outside
            serve host $proto $any 9000 host
        done
        for lo in 127.0.0.1 ::1; do serve host $proto $lo 9200 loopback; done
    done
    background outside nag 192.0.2.1 8053 # since before the VM
    nagging=$HEARD
    background outside nag fd77::1 8053
    nagging6=$HEARD
    before=$(snapshot) bound=$(sockets)

    up plain
    refused_up "$WORLD: all ports beside another VM are refused" \
        "VM_PORTS=all: the VM plain, which is in this network namespace, would lose its ports" --ports all
    down plain
    up a --ports all
    result $? "$WORLD: up"
    is "$WORLD: it takes no socket" "$bound" "$(sockets)"
    guest a
    for proto in tcp udp; do
        for any in 0.0.0.0 ::; do
            for port in 80 4000 8053 9000 9100 9200 65535; do serve guest-a $proto $any $port a; done
            serve host $proto $any 9100 late
        done
    done
    reaches "$WORLD" 192.0.2.2 192.0.2.1 "$(field a guest_ip)" "$(field a tap_ip)" 127.0.0.1
    reaches "$WORLD, IPv6" fd77::2 fd77::1 "$(field a guest_ip6)" "$(field a tap_ip6)" ::1
    ok "$WORLD: a UDP client that has been sending is answered" patiently grep '^a ' "$nagging"
    ok "$WORLD: a UDP client that has been sending is answered, IPv6" patiently grep '^a ' "$nagging6"
    has="the VM a, which is in this network namespace, has VM_PORTS=all"
    refused_up "$WORLD: another VM is refused" "$has"
    refused_up "$WORLD: and one with ports of its own" "$has" --ports 80
    refused_up "$WORLD: and one that wants all of them" "VM_PORTS=all: another VM in this network namespace has all ports already" --ports all
    kill -9 "${VM[a]}"
    wait "${VM[a]}" 2>/dev/null
    ip netns del "$NS-guest-a"
    up b
    result $? "$WORLD: what a dead VM had is free again"
    down b
    is "$WORLD: rules, addresses, routes, links and claims are as before" "$before" "$(snapshot)"
    is "$WORLD: as are the servers of the namespace's own" "host 192.0.2.2" "$(ask outside tcp 192.0.2.1 9000)"
    drop_hosts
done
done_testing
