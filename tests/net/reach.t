#!/bin/bash
# Who reaches whom, and as whom: every direction, in both iptables worlds, with the default policies and with
# Docker's and ufw's.
. "$(dirname "$0")/lib.bash"

directions() { # WHAT
    local g=guest-a addr tap
    addr=$(field a guest_ip) tap=$(field a tap_ip)
    is "$1: guest to outside, with the host's address (tcp)" "outside 192.0.2.1" "$(ask $g tcp 192.0.2.2 7000)"
    is "$1: guest to outside (udp)" "outside 192.0.2.1" "$(ask $g udp 192.0.2.2 7000)"
    is "$1: host to guest" "a $tap" "$(ask host tcp "$addr" 80)"
    is "$1: outside to a published port, seen with its own address" "a 192.0.2.2" "$(ask outside tcp 192.0.2.1 8080)"
    is "$1: outside to a published port (udp)" "a 192.0.2.2" "$(ask outside udp 192.0.2.1 8053)"
    is "$1: outside to a port published under its own number" "a 192.0.2.2" "$(ask outside tcp 192.0.2.1 80)"
    is "$1: outside to a range, first" "r0 192.0.2.2" "$(ask outside tcp 192.0.2.1 2000)"
    is "$1: outside to a range, last" "r2 192.0.2.2" "$(ask outside tcp 192.0.2.1 2002)"
    is "$1: outside to a shifted range, last" "r2 192.0.2.2" "$(ask outside tcp 192.0.2.1 3002)"
    is "$1: host to a published port by its own address" "a 192.0.2.1" "$(ask host tcp 192.0.2.1 8080)"
    is "$1: host to a published port by 127.0.0.1" "a $tap" "$(ask host tcp 127.0.0.1 8080)"
    is "$1: host to a published port by 127.0.0.1 (udp)" "a $tap" "$(ask host udp 127.0.0.1 8053)"
    is "$1: host to a port published on 127.0.0.1" "a $tap" "$(ask host udp 127.0.0.1 5353)"
    fails "$1: outside does not reach a port published on 127.0.0.1" ask outside udp 192.0.2.1 5353
    is "$1: guest to itself by the host's address" "a $tap" "$(ask $g tcp 192.0.2.1 8080)"
    is "$1: another guest by the host's address" "a $tap" "$(ask guest-b tcp 192.0.2.1 8080)"
    is "$1: another guest by its gateway" "a $tap" "$(ask guest-b tcp "$(field b tap_ip)" 8080)"
    fails "$1: outside does not reach an unpublished port" ask outside tcp 192.0.2.1 81
    fails "$1: outside does not reach the guest's own address" ask outside tcp "$addr" 80
    fails "$1: another guest does not reach the guest's own address" ask guest-b tcp "$addr" 80
    fails "$1: guest does not reach the host's services" ask $g tcp 192.0.2.1 9000
    fails "$1: guest does not reach the host's services by its gateway" ask $g tcp "$tap" 9000
    fails "$1: guest does not reach the host's services (udp)" ask $g udp "$tap" 9000
    fails "$1: guest does not reach the host's loopback" ask $g tcp 127.0.0.1 9001
    fails "$1: guest does not reach the metadata service" ask $g tcp 169.254.169.254 80
    fails "$1: guest with another address is not heard" ask $g udp 192.0.2.2 7000 10.255.255.2
}

two_guests() { # WHAT: the whole check, with two VMs and all servers
    up a --ports 80,8080:80,8053:80/udp,127.0.0.1:5353:80/udp,2000-2002:2000-2002,3000-3002:2000-2002
    up b
    guest a
    guest b
    # The loopback is not its own address here, but the way out: only a hostile guest does this.
    in_ns guest-a ip route add 127.0.0.1/32 via "$(field a tap_ip)" dev eth0 table 77
    ip -n "$NS-guest-a" addr add 10.255.255.2/32 dev eth0
    serve guest-a tcp 0.0.0.0 80 a
    serve guest-a udp 0.0.0.0 80 a
    serve guest-a tcp 0.0.0.0 81 a
    for i in 0 1 2; do serve guest-a tcp 0.0.0.0 200$i r$i; done
    directions "$1"
    down a
    down b
    ip netns del "$NS-guest-a"
    ip netns del "$NS-guest-b"
}

host_servers() {
    in_ns outside ip route add 10.0.0.0/8 via 192.0.2.1 # the outside tries to reach guests directly
    ip -n "$NS-outside" addr add 169.254.169.254/32 dev lo
    serve outside tcp 0.0.0.0 7000 outside
    serve outside udp 0.0.0.0 7000 outside
    serve outside tcp 169.254.169.254 80 metadata
    ip -n "$NS-host" route add 169.254.169.254/32 via 192.0.2.2
    serve host tcp 0.0.0.0 9000 host
    serve host udp 0.0.0.0 9000 host
    serve host tcp 127.0.0.1 9001 loopback
}

for WORLD in nft legacy; do
    make_hosts
    host_servers
    ipt -A INPUT -s 203.0.113.9 -j DROP # what makes this world the host's
    two_guests "$WORLD"

    # Docker's: its chain for users, then its own, and nothing else passes.
    ipt -N DOCKER-USER
    ipt -A DOCKER-USER -d 192.0.2.66 -j DROP
    ipt -A FORWARD -j DOCKER-USER
    ipt -P FORWARD DROP
    # ufw's: nothing comes in that is no answer.
    ipt -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
    ipt -P INPUT DROP
    before=$(snapshot)
    two_guests "$WORLD, Docker and ufw"
    is "$WORLD: rules, addresses, routes, links and claims are as before" "$before" "$(snapshot)"
    drop_hosts
done
done_testing
