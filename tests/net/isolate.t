#!/bin/bash
# What a hostile guest tries, and what may be asked for: spoofed addresses and MACs, the metadata service, the
# host's loopback, other guests; host access, guest access, one uplink.
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"

ip_g() { ip -n "$NS-guest-a" "$@"; }
# How often something came.  What should come is waited for; what should not has a moment to come, too.
count() { grep -c "$1" "$2"; } # TAG FILE
heard() { # TAG FILE WANTED
    reaches "$3" count "$1" "$2"
    sleep 0.05
    count "$1" "$2"
}
count_pings() { in_ns outside ip6tables-nft -nvxL INPUT | awk '/icmptype 128/ {print $1}'; }
pings() { # WANTED
    reaches "$1" count_pings
    sleep 0.05
    count_pings
}
shout() { in_ns guest-a "$PEER" tell udp "$@"; } # ADDRESS PORT [SOURCE]

for WORLD in "${WORLDS[@]}"; do
    make_hosts 1500
    ipt -A INPUT -s 203.0.113.9 -j DROP
    ip6t -A INPUT -s 2001:db8::9 -j DROP
    up a --ports 80 # loopback is routed on the TAP then, the most dangerous state
    guest a
    tap=$(field a tap_ip) tap6=$(field a tap_ip6)
    serve outside udp 0.0.0.0 7000 outside
    out=$HEARD
    serve outside udp :: 7000 outside
    out6=$HEARD
    serve host udp 127.0.0.1 9001 loopback
    loop=$HEARD
    serve host udp 0.0.0.0 9002 any
    any=$HEARD
    serve host udp :: 9003 any6
    any6=$HEARD
    ip -n "$NS-outside" addr add 169.254.169.254/32 dev lo
    ip -n "$NS-host" route add 169.254.169.254/32 via 192.0.2.2
    serve outside udp 169.254.169.254 80 metadata
    meta=$HEARD

    # First that each shout would be heard, so that silence means something.
    shout 192.0.2.2 7000
    shout fd77::2 7000
    is "$WORLD: the outside hears the guest" "1 1" "$(heard outside "$out" 1) $(heard outside "$out6" 1)"
    ask host udp 169.254.169.254 80 >/dev/null
    is "$WORLD: the host hears the metadata service" 1 "$(heard metadata "$meta" 1)"

    shout 169.254.169.254 80
    is "$WORLD: the guest does not" 1 "$(heard metadata "$meta" 1)"

    # 127.0.0.1 sent out of the card; no guest's own kernel would.
    in_ns guest-a sh -c 'cd /proc/sys/net/ipv4/conf && echo 1 >all/route_localnet && echo 1 >eth0/route_localnet'
    ip_g route flush table local 127.0.0.0/8 2>/dev/null
    ip_g link set lo down
    ip_g addr flush dev lo
    ip_g route add 127.0.0.1/32 via "$tap" dev eth0 src "$(field a guest_ip)"
    shout 127.0.0.1 9001 "$(field a guest_ip)"
    is "$WORLD: the host's loopback hears nothing" 0 "$(heard loopback "$loop" 0)"
    sent=$(ip_g -s -s link show eth0 | awk '/TX:/ {getline; print $2}')
    shout 127.0.0.1 9001 "$(field a guest_ip)"
    ok "$WORLD: although it was sent" [ "$(ip_g -s -s link show eth0 | awk '/TX:/ {getline; print $2}')" -gt "$sent" ]

    for from in 10.255.255.2 192.0.2.2 192.0.2.1; do
        ip_g addr add $from/32 dev eth0
        shout 192.0.2.2 7000 $from
        shout "$tap" 9002 $from
        ip_g addr del $from/32 dev eth0
    done
    is "$WORLD: other source addresses reach nobody" "1 0" "$(heard outside "$out" 1) $(heard any "$any" 0)"
    in_ns outside ip6tables-nft -A INPUT -p ipv6-icmp --icmpv6-type echo-request -j ACCEPT
    in_ns guest-a "$PEER" tell icmp6 fd77::2 0
    is "$WORLD: the outside hears the guest's ping" 1 "$(pings 1)"
    for from in fdfd::2 fd77::99; do
        ip_g addr add $from/128 dev eth0 nodad
        shout fd77::2 7000 $from
        in_ns guest-a "$PEER" tell icmp6 fd77::2 0 $from
        ip_g addr del $from/128 dev eth0
    done
    is "$WORLD: other IPv6 source addresses neither" "1 1" "$(heard outside "$out6" 1) $(pings 1)"
    ip_g link set eth0 address 02:00:00:00:00:99
    neighbours a
    ip_g -6 route replace default via "$tap6" dev eth0
    shout 192.0.2.2 7000
    shout fd77::2 7000
    is "$WORLD: another MAC reaches nobody" "1 1" "$(heard outside "$out" 1) $(heard outside "$out6" 1)"
    ip_g link set eth0 address "$(field a mac)" # which the entries for its neighbours went with
    neighbours a
    ip_g route replace default via "$tap" dev eth0
    shout 192.0.2.2 7000
    shout fd77::2 7000
    is "$WORLD: its own does again" "2 2" "$(heard outside "$out" 2) $(heard outside "$out6" 2)"

    # The host over IPv6, by its link-local neighbour as well.
    shout fd77::1 9003
    shout "$tap6" 9003
    is "$WORLD: the host's services are out of reach over IPv6" 0 "$(heard any6 "$any6" 0)"
    down a

    # Without IPv6, a guest cannot speak it to the host either.
    up a --no-ipv6
    is "$WORLD: --no-ipv6 gives no address" "" "$(field a guest_ip6)"
    ip netns del "$NS-guest-a"
    guest a
    ip_g addr add fdee::2/64 dev eth0 nodad
    ip -n "$NS-host" addr add fdee::1/64 dev "$(field a tap)" nodad 2>/dev/null
    ip_g -6 route add fd77::1/128 via fe80::1 dev eth0
    ip_g neigh add fe80::1 lladdr "$(in_ns host cat "/sys/class/net/$(field a tap)/address" 2>/dev/null ||
        ip -n "$NS-host" -j link show "$(field a tap)" | sed 's/.*"address":"\([^"]*\)".*/\1/')" dev eth0
    shout fd77::1 9003
    is "$WORLD: and speaks none to the host" 0 "$(heard any6 "$any6" 0)"
    down a

    # What may be asked for.
    ipt -P INPUT DROP
    ip6t -P INPUT DROP
    ip6t -A INPUT -p ipv6-icmp -j ACCEPT
    ip netns del "$NS-guest-a"
    up a --host-access --tap-ip 10.98.7.1/30 --tap named7
    up b --guest-access
    make_ns stranger # a device that is only called like a guest's
    ip -n "$NS-host" link add ctr99 type veth peer name eth0 netns "$NS-stranger"
    ip -n "$NS-host" addr add 203.0.113.1/24 dev ctr99
    ip -n "$NS-host" link set ctr99 up
    ip -n "$NS-stranger" addr add 203.0.113.2/24 dev eth0
    ip -n "$NS-stranger" link set eth0 up
    ip -n "$NS-stranger" route add default via 203.0.113.1
    guest a
    guest b
    serve guest-b tcp 0.0.0.0 80 b
    serve guest-a tcp 0.0.0.0 80 a
    is "$WORLD: --host-access reaches the host, through a closed INPUT" "any 10.98.7.2" "$(ask guest-a udp 10.98.7.1 9002)"
    is "$WORLD: --host-access over IPv6" "any6 $(field a guest_ip6)" "$(ask guest-a udp "$(field a tap_ip6)" 9003)"
    refused "$WORLD: --host-access does not spoof" guest-a udp 127.0.0.1 9001
    is "$WORLD: --guest-access lets other guests in" "b $(field b tap_ip)" "$(ask guest-a tcp "$(field b guest_ip)" 80)"
    refused "$WORLD: but not the outside" outside tcp "$(field b guest_ip)" 80
    ip -n "$NS-outside" route add "$(field b guest_ip)" via 192.0.2.1
    refused "$WORLD: with a route neither" outside tcp "$(field b guest_ip)" 80
    refused "$WORLD: nor a device called ctr99" stranger tcp "$(field b guest_ip)" 80
    refused "$WORLD: nor the other way round" guest-b tcp 10.98.7.2 80
    refused_all
    down a
    down b
    ip netns del "$NS-stranger"

    # One uplink, out of two.
    make_ns other
    ip -n "$NS-host" link add up1 type veth peer name eth0 netns "$NS-other"
    ip -n "$NS-host" addr add 198.51.100.1/24 dev up1
    ip -n "$NS-host" link set up1 mtu 1420 up
    ip -n "$NS-other" addr add 198.51.100.2/24 dev eth0
    ip -n "$NS-other" link set eth0 up
    serve other tcp 0.0.0.0 7000 other
    serve outside tcp 0.0.0.0 7001 outside
    ip netns del "$NS-guest-a"
    ip netns del "$NS-guest-b"
    up a --uplink up1
    up b --uplink any
    guest a
    guest b
    is "$WORLD: the uplink's MTU" "1420 1500" "$(field a mtu) $(field b mtu)"
    is "$WORLD: the one uplink is open" "other 198.51.100.1" "$(ask guest-a tcp 198.51.100.2 7000)"
    is "$WORLD: with any, all are" "other 198.51.100.1, outside 192.0.2.1" \
        "$(ask guest-b tcp 198.51.100.2 7000), $(ask guest-b tcp 192.0.2.2 7001)"
    refused "$WORLD: the other uplink is closed" guest-a tcp 192.0.2.2 7001
    refused_all
    down a
    down b
    for ns in guest-a guest-b other; do ip netns del "$NS-$ns"; done
    drop_hosts
done
done_testing
