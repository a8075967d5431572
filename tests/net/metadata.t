#!/bin/bash
# No guest reaches a cloud's metadata service, whatever it was allowed, and although the host has a route to it.
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"

# A row of netsetup/forbidden.c each, and addresses beside them, which are nobody's.
services=(169.254.169.254 169.254.170.2 169.254.170.23 169.254.42.42 169.254.0.23 168.63.129.16 100.100.100.200
    192.0.0.192 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 fd00:c1::a9fe:a9fe fd00:42::42 fd00:a9fe:a9fe::1
    fd00:100::100:200 64:ff9b::169.254.169.254 64:ff9b::169.254.170.2 64:ff9b::168.63.129.16 64:ff9b::100.100.100.200
    64:ff9b::192.0.0.192 ::169.254.169.254 2002:a9fe:a9fe::1 2002:a9fe:a9fe:7:1:2:3:4 2002:a83f:8110::1 2002:6464:64c8::
    2002:c000:c0:ffff::)
# NAT64 with prefixes in 64:ff9b:1::/48 of 96, 48, 56 and 64 bits: 169.254.169.254, 168.63.129.16 and 100.100.100.200.
services+=(64:ff9b:1::a9fe:a9fe 64:ff9b:1:abcd:0:1:a9fe:a9fe 64:ff9b:1:a9fe:a9:fe00:: 64:ff9b:1:aba9:fe:a9fe::
    64:ff9b:1:abcd:a9:fea9:fe00:0 64:ff9b:1::a83f:8110 64:ff9b:1:a83f:81:1000:: 64:ff9b:1:ab64:64:64c8::
    64:ff9b:1:abcd:64:6464:c800:0)
beside=(168.63.129.17 100.100.100.201 192.0.0.193 169.253.169.254 fd00:ec2::253 fd20:ce::255 fd00:42::43 64:ff9b::8.8.8.8
    2002:808:808::1 64:ff9b:1::8.8.8.8 64:ff9b:1:808:8:800:: 64:ff9b:1:ab08:8:808:: 64:ff9b:1:abcd:8:808:800:0)

tell_all() { # NS ADDRESS...
    local ns=$1 address
    shift
    for address in "$@"; do in_ns "$ns" "$PEER" tell udp "$address" 80; done
}
count() { cat "$heard4" "$heard6" | grep -c service; }
heard() { # WANTED: how many; those are waited for, and others have a moment to come, too
    reaches "$1" count
    sleep 0.1
    count
}

for WORLD in "${WORLDS[@]}"; do
    make_hosts 1500
    ipt -A INPUT -s 203.0.113.9 -j DROP
    for address in "${services[@]}" "${beside[@]}"; do
        len=32 via=192.0.2.2
        [[ $address != *:* ]] || len=128 via=fd77::2
        ip -n "$NS-outside" addr add "$address/$len" dev lo
        ip -n "$NS-host" route add "$address/$len" via $via
    done
    serve outside udp 0.0.0.0 80 service
    heard4=$HEARD
    serve outside udp :: 80 service
    heard6=$HEARD
    tell_all host "${services[@]}"
    so_far=$(heard ${#services[@]})
    is "$WORLD: the host reaches all ${#services[@]}" ${#services[@]} "$so_far"
    for options in "" "--host-access --guest-access --uplink up0"; do
        # shellcheck disable=SC2086
        up a --ports 80 $options
        guest a
        tell_all guest-a "${services[@]}"
        is "$WORLD: a guest with the options '$options' reaches none" 0 $(($(heard 0) - so_far))
        tell_all guest-a "${beside[@]}"
        is "$WORLD: and with the options '$options' those beside them" ${#beside[@]} $(($(heard $((so_far + ${#beside[@]}))) - so_far))
        so_far=$(count)
        down a
        ip netns del "$NS-guest-a"
    done
    drop_hosts
done
done_testing
