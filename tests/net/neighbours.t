#!/bin/bash
# The tables of neighbours are the whole machine's: no frame of a guest's makes more than a handful of entries, and a
# namespace that has nothing to do with it finds its neighbour all the time.
#: timeout 300
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"
FLOOD=$PWD/build/net/flood COUNT_OF_EACH=3000

entries() { in_ns host ip neigh show nud all dev "$(field a tap)" | wc -l; }
flood() { # KIND
    local out
    out=$(mktemp -p "$TMP")
    nsenter --net="/run/netns/$NS-host" -- "$FLOOD" "$1" $COUNT_OF_EACH "$(field a tap)" "$(field a tap_mac)" \
        "$(field a mac)" "$(field a tap_ip)" "$(field a guest_ip)" "$(field a tap_ip6)" "$(field a guest_ip6)" >"$out" 2>&1 &
    FLOODING=$!
    started $FLOODING "$out"
    [ "$(cat "$out")" = ready ] || sed 's/^/# /' "$out"
}
received() { in_ns host cat /proc/net/dev | awk -v tap="$(field a tap):" '$1 == tap {print $3}'; }
# One that nobody has asked for yet.
resolves() {
    ip -n "$NS-here" neigh flush dev eth0
    in_ns here "$PEER" ask udp 198.51.100.2 7 && in_ns here "$PEER" ask udp 2001:db8:5::2 7
}

make_bystanders
ok "another namespace finds its neighbour" patiently resolves

mapfile -t kinds < <("$FLOOD" kinds)
for WORLD in "${WORLDS[@]}"; do
    for filter in 0 1; do
        make_hosts 1500
        # shellcheck disable=SC2016
        in_ns host sh -c 'for i in /proc/sys/net/ipv4/conf/*/rp_filter; do echo '$filter' >$i; done; echo 2 >/proc/sys/net/ipv6/conf/default/accept_ra
            for i in /proc/sys/net/ipv4/conf/default/arp_accept /proc/sys/net/ipv6/conf/default/accept_untracked_na; do echo 1 >$i; done 2>/dev/null'
        ipt -A INPUT -s 203.0.113.9 -j DROP
        up a --ports 80
        most=0 kind_of_most='' lost=''
        for kind in "${kinds[@]}"; do
            before=$(received)
            flood "$kind"
            [ $(($(received) - before)) -ge $COUNT_OF_EACH ] || echo "# $kind: the host received $(($(received) - before)) frames"
            now=$(entries)
            resolves >/dev/null || lost="$lost $kind"
            stop $FLOODING
            [ "$now" -le "$most" ] || { most=$now kind_of_most=$kind; }
        done
        ok "$WORLD, rp_filter $filter: ${#kinds[@]} kinds of frames make at most 8 entries ($most after $kind_of_most)" [ "$most" -le 8 ]
        is "$WORLD, rp_filter $filter: and another namespace always finds its neighbour" "" "$lost"
        guest a
        serve outside tcp 0.0.0.0 7000 outside
        serve outside tcp :: 7000 outside
        patiently ask guest-a tcp 192.0.2.2 7000 # the floods were many destinations, too (flows.t)
        patiently ask guest-a tcp fd77::2 7000
        is "$WORLD, rp_filter $filter: and so does the guest, its gateway" "outside outside" \
            "$(ask guest-a tcp 192.0.2.2 7000 | cut -d' ' -f1) $(ask guest-a tcp fd77::2 7000 | cut -d' ' -f1)"
        down a
        ip netns del "$NS-guest-a"
        drop_hosts
    done
done
done_testing
