#!/bin/bash
# Who reaches whom, and as whom: every direction, in both iptables backends, IPv4 and IPv6, with the default
# policies and with Docker's and ufw's.
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"

directions() { # WHAT OUTSIDE HOST TAP GUEST TAP-OF-B: one address family
    local w=$1 out=$2 host=$3 tap=$4 addr=$5 tap_b=$6
    is "$w: guest to outside, with the host's address (tcp)" "outside $host" "$(ask guest-a tcp "$out" 7000)"
    is "$w: guest to outside (udp)" "outside $host" "$(ask guest-a udp "$out" 7000)"
    is "$w: host to guest" "a $tap" "$(ask host tcp "$addr" 80)"
    is "$w: outside to a published port, seen with its own address" "a $out" "$(ask outside tcp "$host" 8080)"
    is "$w: outside to a published port (udp)" "a $out" "$(ask outside udp "$host" 8053)"
    is "$w: outside to a port published under its own number" "a $out" "$(ask outside tcp "$host" 80)"
    is "$w: outside to a range, first" "r0 $out" "$(ask outside tcp "$host" 2000)"
    is "$w: outside to a range, last" "r2 $out" "$(ask outside tcp "$host" 2002)"
    is "$w: outside to a shifted range, last" "r2 $out" "$(ask outside tcp "$host" 3002)"
    is "$w: host to a published port by its own address" "a $host" "$(ask host tcp "$host" 8080)"
    is "$w: guest to itself by the host's address" "a $tap" "$(ask guest-a tcp "$host" 8080)"
    is "$w: another guest by the host's address" "a $tap" "$(ask guest-b tcp "$host" 8080)"
    is "$w: another guest by its gateway" "a $tap" "$(ask guest-b tcp "$tap_b" 8080)"
    refused "$w: outside does not reach a port published on 127.0.0.1" outside udp "$host" 5353
    refused "$w: outside does not reach an unpublished port" outside tcp "$host" 81
    refused "$w: outside does not reach the guest's own address" outside tcp "$addr" 80
    refused "$w: another guest does not reach the guest's own address" guest-b tcp "$addr" 80
    refused "$w: guest does not reach the host's services" guest-a tcp "$host" 9000
    refused "$w: guest does not reach the host's services by its gateway" guest-a tcp "$tap" 9000
    refused "$w: guest does not reach the host's services (udp)" guest-a udp "$tap" 9000
    refused_all
}

two_guests() { # WHAT: the whole check, with two VMs and all servers
    local i any
    up a --ports 80,8080:80,8053:80/udp,127.0.0.1:5353:80/udp,2000-2002:2000-2002,3000-3002:2000-2002
    up b --tap named7 # guests are apart whatever their TAPs are called
    guest a
    guest b
    for any in 0.0.0.0 ::; do
        serve guest-a tcp $any 80 a
        serve guest-a udp $any 80 a
        serve guest-a tcp $any 81 a
        for i in 0 1 2; do serve guest-a tcp $any 200$i r$i; done
    done
    directions "$1" 192.0.2.2 192.0.2.1 "$(field a tap_ip)" "$(field a guest_ip)" "$(field b tap_ip)"
    is "$1: host to a published port by 127.0.0.1" "a $(field a tap_ip)" "$(ask host tcp 127.0.0.1 8080)"
    is "$1: host to a published port by 127.0.0.1 (udp)" "a $(field a tap_ip)" "$(ask host udp 127.0.0.1 8053)"
    is "$1: a client that tries ::1 first is refused, so that it goes on" "Connection refused" "$(in_ns host "$PEER" try tcp ::1 8080)"
    is "$1: host to a port published on 127.0.0.1" "a $(field a tap_ip)" "$(ask host udp 127.0.0.1 5353)"
    directions "$1, IPv6" fd77::2 fd77::1 "$(field a tap_ip6)" "$(field a guest_ip6)" "$(field b tap_ip6)"
    down a
    result $? "$1: down"
    down b
    result $? "$1: down"
    ip netns del "$NS-guest-a"
    ip netns del "$NS-guest-b"
}

host_servers() {
    ip -n "$NS-outside" route add 10.0.0.0/8 via 192.0.2.1 # the outside tries to reach guests directly
    ip -n "$NS-outside" -6 route add fd00::/8 via fd77::1
    local any
    for any in 0.0.0.0 ::; do
        serve outside tcp $any 7000 outside
        serve outside udp $any 7000 outside
        serve host tcp $any 9000 host
        serve host udp $any 9000 host
    done
}

# A client that never stops, from before the first VM until after the second.
nagged() { # WHAT
    local round nagging nagging6
    background outside nag 192.0.2.1 8053
    nagging=$HEARD
    background outside nag fd77::1 8053
    nagging6=$HEARD
    sleep 0.1
    for round in 1 2; do
        up a --ports 8053:80/udp
        guest a
        serve guest-a udp 0.0.0.0 80 "round$round"
        serve guest-a udp :: 80 "round$round"
        ok "$1: a UDP client that keeps sending is answered by VM $round" patiently grep "round$round" "$nagging"
        ok "$1: a UDP client that keeps sending is answered by VM $round, IPv6" patiently grep "round$round" "$nagging6"
        down a
        ip netns del "$NS-guest-a"
    done
}

for WORLD in "${WORLDS[@]}"; do
    make_hosts 1500
    host_servers
    ipt -A INPUT -s 203.0.113.9 -j DROP # what makes this world the host's
    ip6t -A INPUT -s 2001:db8::9 -j DROP
    two_guests "$WORLD"
    nagged "$WORLD"

    # Docker's: its chain for users, then its own, and nothing else passes.
    ipt -N DOCKER-USER
    ipt -A DOCKER-USER -d 192.0.2.66 -j DROP
    ipt -A FORWARD -j DOCKER-USER
    ipt -P FORWARD DROP
    ip6t -P FORWARD DROP
    # ufw's: nothing comes in that is no answer.
    ipt -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
    ipt -A INPUT -i lo -j ACCEPT
    ipt -P INPUT DROP
    ip6t -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
    ip6t -A INPUT -p ipv6-icmp -j ACCEPT
    ip6t -A INPUT -i lo -j ACCEPT
    ip6t -P INPUT DROP
    # shellcheck disable=SC2016
    in_ns host sh -c 'for i in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 1 >$i; done' # strict
    before=$(snapshot)
    two_guests "$WORLD, Docker and ufw"
    is "$WORLD: rules, addresses, routes, links and claims are as before" "$before" "$(snapshot)"
    drop_hosts
done
done_testing
