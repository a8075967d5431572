#!/bin/bash
# By which devices a guest leaves: those of the default routes, whichever these are by then; not by the host's bridges,
# whose containers Docker keeps from others; or by the one that is named, or by any.
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"

asks() { ask guest-a tcp "$@" | cut -d' ' -f1; }
told() { patiently grep -q "$1" "$TMP/a.err"; }
begin() { # OPTION...
    up a "$@"
    guest a
}
end() {
    down a
    ip netns del "$NS-guest-a"
}
network() { # NS DEVICE PREFIX PREFIX6 PORT: another network of the host's, with a server
    make_ns "$1"
    ip -n "$NS-host" link add "$2" type veth peer name eth0 netns "$NS-$1"
    ip -n "$NS-host" link set "$2" addrgenmode none
    ip -n "$NS-host" addr add "$3.1/24" dev "$2"
    ip -n "$NS-host" addr add "$4::1/64" dev "$2" nodad
    ip -n "$NS-host" link set "$2" up
    ip -n "$NS-$1" addr add "$3.2/24" dev eth0
    ip -n "$NS-$1" addr add "$4::2/64" dev eth0 nodad
    ip -n "$NS-$1" link set eth0 up
    ip -n "$NS-$1" route add default via "$3.1"
    ip -n "$NS-$1" -6 route add default via "$4::1"
    serve "$1" tcp 0.0.0.0 "$5" "$1"
    serve "$1" tcp :: "$5" "$1"
}

for WORLD in "${WORLDS[@]}"; do
    make_hosts 1500
    serve outside tcp 0.0.0.0 7000 outside
    serve outside tcp :: 7000 outside
    network container docker0 172.17.0 fd17 5432
    network other up1 198.51.100 fd51 7000
    # Docker's own, with one published port.
    ipt -N DOCKER
    ipt -N DOCKER-USER
    ipt -A FORWARD -j DOCKER-USER
    ipt -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    ipt -A FORWARD -o docker0 -j DOCKER
    ipt -A FORWARD -i docker0 -j ACCEPT
    ipt -A DOCKER -d 172.17.0.2 ! -i docker0 -o docker0 -p tcp --dport 5433 -j ACCEPT
    ipt -A DOCKER ! -i docker0 -o docker0 -j DROP
    ipt -t nat -A PREROUTING -m addrtype --dst-type LOCAL -p tcp --dport 5433 -j DNAT --to-destination 172.17.0.2:5433
    serve container tcp 0.0.0.0 5433 published
    is "$WORLD: the host reaches the container" container "$(ask host tcp 172.17.0.2 5432 | cut -d' ' -f1)"
    up a && down a
    before=$(snapshot)

    begin --ports 8080:80
    serve guest-a tcp 0.0.0.0 80 a
    is "$WORLD: the guest reaches the world" "outside outside" "$(asks 192.0.2.2 7000) $(asks fd77::2 7000)"
    is "$WORLD: and what the container publishes" published "$(asks 192.0.2.1 5433)"
    is "$WORLD: and the container what the guest publishes" "a 172.17.0.2" "$(ask container tcp 172.17.0.1 8080)"
    refused "$WORLD: but not the container itself" guest-a tcp 172.17.0.2 5432
    refused "$WORLD: nor over IPv6" guest-a tcp fd17::2 5432
    refused "$WORLD: nor another network" guest-a tcp 198.51.100.2 7000
    refused_all
    # Docker starts again: its rules are the first.
    ipt -I FORWARD -i docker0 -j ACCEPT
    ipt -I FORWARD -o docker0 -j DOCKER
    ipt -I FORWARD -j ACCEPT
    refused "$WORLD: nor when rules before ours accept" guest-a tcp 172.17.0.2 5432
    refused_all
    for i in 1 2 3; do ipt -D FORWARD 1; done

    ip -n "$NS-host" route add default via 198.51.100.2 metric 50
    told 'default route of IPv4 has changed: .* leaves by up0, up1 now'
    result $? "$WORLD: a second default route is told"
    is "$WORLD: and the guest leaves by both" "outside other" "$(asks 192.0.2.2 7000) $(asks 198.51.100.2 7000)"
    refused "$WORLD: IPv6 has the one" guest-a tcp fd51::2 7000
    refused_all
    ip -n "$NS-host" route del default via 192.0.2.2
    told 'leaves by up1 now'
    result $? "$WORLD: it takes over"
    refused "$WORLD: and the first one's network is closed" guest-a tcp 192.0.2.2 7000
    is "$WORLD: while IPv6 goes on" outside "$(asks fd77::2 7000)"
    ip -n "$NS-host" route del default
    told 'the default route of IPv4 is gone'
    result $? "$WORLD: that there is none is told"
    refused "$WORLD: and the guest reaches nothing" guest-a tcp 198.51.100.2 7000
    refused_all
    ip -n "$NS-host" -6 route add default via fd51::2 metric 5
    told 'IPv6 has changed: .* leaves by up0, up1 now'
    is "$WORLD: IPv6 by itself" "other" "$(asks fd51::2 7000)"
    ip -n "$NS-host" -6 route del default via fd51::2 metric 5
    ip -n "$NS-host" route add default via 192.0.2.2
    end
    is "$WORLD: nothing is left" "$before" "$(snapshot)"

    ip -n "$NS-host" route del default
    begin
    like "$WORLD: no default route at the start is told" "no default route" "$(cat "$TMP/a.err")"
    refused "$WORLD: the guest reaches nothing" guest-a tcp 192.0.2.2 7000
    refused_all
    ip -n "$NS-host" route add default nexthop via 192.0.2.2 dev up0 nexthop via 198.51.100.2 dev up1
    told 'leaves by up0, up1 now'
    is "$WORLD: until there is one, of two hops" "outside other" "$(asks 192.0.2.2 7000) $(asks 198.51.100.2 7000)"
    ip -n "$NS-host" route del default
    told 'is gone'
    ip -n "$NS-host" route add 128.0.0.0/1 via 198.51.100.2
    told 'leaves by up1 now'
    is "$WORLD: or routes to halves of the world" other "$(asks 198.51.100.2 7000)"
    kill -9 "${VM[a]}"
    wait "${VM[a]}" 2>/dev/null
    ip netns del "$NS-guest-a"
    ip -n "$NS-host" route del 128.0.0.0/1
    ip -n "$NS-host" route add default via 192.0.2.2
    is "$WORLD: a dead one's chain goes with its rules" "1 $before" "$(in_ns host "$NETSETUP" gc) $(snapshot)"
    # of this host's: other suites have VMs with that name
    # shellcheck disable=SC2016
    patiently eval '[ -z "$(ip netns pids "$NS-host")" ]'
    result $? "$WORLD: and its watcher by itself"

    ipt -I DOCKER -j ACCEPT
    begin --uplink any
    is "$WORLD: --uplink any: wherever routes lead" "outside container other" \
        "$(asks 192.0.2.2 7000) $(asks 172.17.0.2 5432) $(asks 198.51.100.2 7000)"
    end
    begin --uplink docker0
    is "$WORLD: --uplink docker0: there" container "$(asks 172.17.0.2 5432)"
    refused "$WORLD: and nowhere else" guest-a tcp 192.0.2.2 7000
    refused_all
    end
    drop_hosts
    ip netns del "$NS-container"
    ip netns del "$NS-other"
done
done_testing
