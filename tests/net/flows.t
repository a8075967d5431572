#!/bin/bash
# A hostile guest scans a network that the host is on, or opens connections without end: the tables that it shares with
# others keep room for them.  A busy honest guest reaches no bound.
#: timeout 300
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"

opens() { # NS PEER-ARGUMENT...: how many connections it has got; they last until $OPEN is killed
    local out ns=$1
    shift
    out=$(mktemp -p "$TMP")
    nsenter --net="/run/netns/$NS-$ns" -- "$PEER" open "$@" >"$out" 2>&1 &
    OPEN=$!
    started $OPEN "$out"
    GOT=$(cat "$out")
}
bound() { # NAME: what a rule says
    in_ns host "iptables-$WORLD-save" -t mangle | sed -n "s/.*-i $(field a tap) .*--hashlimit-name $1-.*--hashlimit-htable-max \([0-9]*\).*/\1/p"
}
forgotten() { # nothing that the guest tried before counts any more
    # shellcheck disable=SC2016
    in_ns host sh -c '[ -z "$(cat /proc/net/ip*t_hashlimit/"$1")" ]' sh "ctr-peers-$(field a tap)"
}
told() { patiently grep -q "$1" "$TMP/a.err"; }
connections() { in_ns host cat /proc/sys/net/netfilter/nf_conntrack_count; }
incomplete() { in_ns host ip "$1" neigh show nud incomplete dev up0 | wc -l; }
# One that nobody has asked for yet.
resolves() { # ADDRESS
    ip -n "$NS-here" neigh flush dev eth0
    in_ns here "$PEER" ask udp "$1" 7
}

mkdir "$TMP/xtables" "$TMP/bin"
ln -s "$(dirname "$(find /usr/lib -name libxt_hashlimit.so | head -1)")"/* "$TMP/xtables"
rm "$TMP/xtables/libxt_hashlimit.so"
make_bystanders
ok "another namespace finds its neighbour" patiently resolves 198.51.100.2
ok "over IPv6" patiently resolves 2001:db8:5::2

for WORLD in "${WORLDS[@]}"; do
    make_hosts 1500
    ipt -A INPUT -s 203.0.113.9 -j DROP
    ip6t -A INPUT -s 2001:db8::9 -j DROP
    ip -n "$NS-host" addr add 10.55.0.1/16 dev up0 # and fd77::/64
    ip -n "$NS-outside" addr add 10.55.0.2/16 dev eth0
    for ((i = 1; i <= 200; i++)); do
        echo "addr add 10.55.1.$i/16 dev eth0"
        printf 'addr add fd77::1:%x/64 dev eth0 nodad\n' $i
    done | ip -n "$NS-outside" -b -
    for address in 0.0.0.0 ::; do
        background outside sink $address 7000
        serve outside tcp $address 7001 outside
    done
    up a && down a
    before=$(snapshot)
    up a
    up b
    guest a
    guest b

    opens guest-a 192.0.2.2 7000 2000 0
    is "$WORLD: 2000 connections at once are none too many" 2000 "$GOT"
    stop $OPEN
    opens guest-a 10.55.1.1 7000 200 1
    is "$WORLD: nor are 200 servers at once" 200 "$GOT"
    stop $OPEN
    opens guest-a fd77::1:1 7000 200 1
    is "$WORLD: over IPv6" 200 "$GOT"
    stop $OPEN
    is "$WORLD: nothing was told" "" "$(cat "$TMP/a.err")"

    for family in -4 -6; do
        first=10.55.16.1 neighbour=198.51.100.2 honest=10.55.1.9
        [ "$family" = -4 ] || first=fd77::9:1 neighbour=2001:db8:5::2 honest=fd77::1:9
        patiently forgotten
        in_ns guest-a "$PEER" scan $first 9 3000 1
        now=$(incomplete "$family")
        resolves $neighbour >/dev/null
        result $? "$WORLD $family: a guest scans, and another namespace finds its neighbour"
        ok "$WORLD $family: the scan went out, and has at most 256 entries ($now)" [ "$now" -gt 100 -a "$now" -le 256 ]
        is "$WORLD $family: another guest finds a server" "outside" "$(ask guest-b tcp $honest 7001 | cut -d' ' -f1)"
        ok "$WORLD $family: so does the guest, a little later" patiently ask guest-a tcp $honest 7001
    done
    told '256 new destinations within 3 s'
    result $? "$WORLD: that it met a bound is told"

    most=$(bound ctr-flows) seen=$(connections)
    for ((i = 0; i < 30; i++)); do # a card's queue loses some
        in_ns guest-a "$PEER" scan 192.0.2.2 9 10000 0
        now=$(connections)
        [ "$(wc -l <"/proc/${VM[a]}/net/ipt_hashlimit/ctr-flows-$(field a tap)")" -lt "$most" ] || break
    done
    in_ns guest-a "$PEER" scan 192.0.2.2 9 10000 0
    now=$(connections)
    ok "$WORLD: flows without end fill the guest's part, and no more ($most; $seen before, $now now)" \
        [ "$now" -gt 10000 -a "$now" -le $((most + seen + 100)) ]
    is "$WORLD: another guest opens a connection" "outside" "$(ask guest-b tcp 192.0.2.2 7001 | cut -d' ' -f1)"
    told "began $most connections"
    result $? "$WORLD: that it met a bound is told"
    is "$WORLD: the other's log is empty" "" "$(cat "$TMP/b.err")"
    down a
    down b
    is "$WORLD: nothing is left" "$before" "$(snapshot)"
    ip netns del "$NS-guest-a"
    ip netns del "$NS-guest-b"

    # A match is missing: here in the program, as it might be in the kernel.
    for program in "iptables-$WORLD-restore" "ip6tables-$WORLD-restore"; do
        printf '#!/bin/sh\nXTABLES_LIBDIR=%s exec %s "$@"\n' "$TMP/xtables" "$(command -v "$program")" >"$TMP/bin/$program"
        chmod +x "$TMP/bin/$program"
    done
    PATH=$TMP/bin:$PATH up a
    like "$WORLD: without a match for them, a warning" "cannot limit the guest's connections" "$(cat "$TMP/a.err")"
    guest a
    is "$WORLD: and the guest starts" "outside" "$(ask guest-a tcp 192.0.2.2 7001 | cut -d' ' -f1)"
    in_ns host "iptables-$WORLD-save" | grep -q -- 'ctr-jailer.*-j REJECT'
    result $? "$WORLD: with all other rules"
    down a
    ip netns del "$NS-guest-a"
    drop_hosts
done
done_testing
