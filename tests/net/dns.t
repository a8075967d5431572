#!/bin/bash
# Resolvers that only the host reaches, asked by a guest: one on 127.0.0.53 that takes queries from the loopback
# device only, as systemd-resolved's; one on 127.0.0.11 behind rules that change the port, as Docker's.
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"

for WORLD in "${WORLDS[@]}"; do
    make_hosts 1500
    ipt -A INPUT -i lo -j ACCEPT
    ipt -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
    ipt -P INPUT DROP
    ipt -t nat -A OUTPUT -d 127.0.0.11 -p udp --dport 53 -j DNAT --to-destination 127.0.0.11:4711
    ipt -t nat -A OUTPUT -d 127.0.0.11 -p tcp --dport 53 -j DNAT --to-destination 127.0.0.11:4712
    for proto in udp tcp; do
        background host serve-on lo $proto 127.0.0.53 53 resolved
    done
    serve host udp 127.0.0.11 4711 docker
    serve host tcp 127.0.0.11 4712 docker
    up a && down a # the first one leaves forwarding on, and empty tables
    before=$(snapshot)
    up a --dns 127.0.0.53
    up b --dns 127.0.0.11 --ports 192.0.2.1:53:53/udp # its own DNS server, for everybody else
    guest a
    guest b
    serve guest-b udp 0.0.0.0 53 b
    for proto in udp tcp; do
        is "$WORLD: the guest's gateway answers for 127.0.0.53 ($proto)" "resolved 127.0.0.1" \
            "$(ask guest-a $proto "$(field a tap_ip)" 53)"
        is "$WORLD: the guest's gateway answers for 127.0.0.11 ($proto)" "docker 127.0.0.1" \
            "$(ask guest-b $proto "$(field b tap_ip)" 53)"
    done
    is "$WORLD: a published port 53 is the guest's" "b 192.0.2.2" "$(ask outside udp 192.0.2.1 53)"
    refused "$WORLD: another guest's relay is out of reach (udp)" guest-b udp "$(field a tap_ip)" "$(field a dns_port)"
    refused "$WORLD: another guest's relay is out of reach (tcp)" guest-b tcp "$(field a tap_ip)" "$(field a dns_port)"
    refused "$WORLD: the relay is out of reach from outside" outside udp "$(field a tap_ip)" "$(field a dns_port)"
    refused_all

    # Resolvers that are IPv6's: the host's own loopback, and a neighbour's link-local address.
    serve host udp ::1 53 loopback6
    ip -n "$NS-outside" addr add fe80::53/64 dev eth0 nodad
    ip -n "$NS-host" addr add fe80::1/64 dev up0 nodad
    serve outside udp :: 53 router
    up c --dns ::1
    guest c
    is "$WORLD: ... for ::1" "loopback6 ::1" "$(ask guest-c udp "$(field c tap_ip)" 53)"
    down c
    ip netns del "$NS-guest-c"
    up c --dns fe80::53%up0
    guest c
    is "$WORLD: ... for fe80::53%up0" "router fe80::1" "$(ask guest-c udp "$(field c tap_ip)" 53)"
    down c
    ip netns del "$NS-guest-c"
    ip -n "$NS-host" addr del fe80::1/64 dev up0
    many=0
    for ((i = 0; i < 200; i++)); do
        [ "$(ask guest-a udp "$(field a tap_ip)" 53)" = "resolved 127.0.0.1" ] || break
        many=$((many + 1))
    done
    is "$WORLD: 200 queries, 200 answers" 200 $many
    down a
    down b
    is "$WORLD: no relay is left" "" "$(in_ns host ss -Hltun | grep " 10\.")"
    is "$WORLD: the host is as before" "$before" "$(snapshot)"
    drop_hosts
    ip netns del "$NS-guest-a"
    ip netns del "$NS-guest-b"
done
done_testing
