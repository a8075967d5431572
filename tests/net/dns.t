#!/bin/bash
# Resolvers that only the host reaches, asked by a guest: one on 127.0.0.53 that takes queries from the loopback
# device only, as systemd-resolved's; one on 127.0.0.11 behind rules that change the port, as Docker's; slow, broken
# and forging ones.  And who else asks, or asks too much.
#: timeout 300
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"

DNSPEER=$PWD/tests/net/dnspeer.py
dns() { in_ns "$1" "$DNSPEER" ask "${@:2}"; } # NS udp|tcp ADDRESS OPTION...
many() { in_ns "$1" "$DNSPEER" many "${@:2}"; } # NS ADDRESS COUNT OPTION...
not_relayed() { # DESCRIPTION NS udp|tcp ADDRESS OPTION...: no answer
    REFUSED+=("$1")
    nsenter --net="/run/netns/$NS-$2" -- "$DNSPEER" ask "${@:3}" >"$TMP/refused.${#REFUSED[@]}" 2>&1 &
    REFUSED_PID[${#REFUSED[@]}]=$!
}
resolver() { # NS TAG ADDRESS OPTION...
    PEER=$DNSPEER background "$1" serve "${@:2}"
}
# ID: what its relay holds: memory of its own in KiB, descriptors
relay_pid() { pgrep -P "${VM[$1]}" -x netsetup-dns; }
relay_memory() { awk '/^RssAnon:/ { print $2 }' "/proc/$(relay_pid "$1")/status"; }
none_to_53() { [ "$(in_ns host ss -Htan dport = :53 | wc -l)" = 0 ]; }
relay_files() {
    local files=(/proc/"$(relay_pid "$1")"/fd/*)
    echo ${#files[@]}
}

for WORLD in "${WORLDS[@]}"; do
    make_hosts 1500
    ipt -A INPUT -i lo -j ACCEPT
    ipt -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
    ipt -P INPUT DROP
    ipt -t nat -A OUTPUT -d 127.0.0.11 -p udp --dport 53 -j DNAT --to-destination 127.0.0.11:4711
    ipt -t nat -A OUTPUT -d 127.0.0.11 -p tcp --dport 53 -j DNAT --to-destination 127.0.0.11:4711
    resolver host resolved 127.0.0.53 device=lo
    resolver host docker 127.0.0.11 port=4711
    up a && down a # the first one leaves forwarding on, and empty tables
    before=$(snapshot)
    up a --dns 127.0.0.53
    up b --dns 127.0.0.11 --ports 192.0.2.1:53:53/udp # its own DNS server, for everybody else
    guest a
    guest b
    serve guest-b udp 0.0.0.0 53 b
    a=$(field a tap_ip) b=$(field b tap_ip)
    for proto in udp tcp; do
        is "$WORLD: the guest's gateway answers for 127.0.0.53 ($proto)" "resolved 127.0.0.1" "$(dns guest-a $proto "$a")"
        is "$WORLD: the guest's gateway answers for 127.0.0.11 ($proto)" "docker 127.0.0.1" "$(dns guest-b $proto "$b")"
    done
    is "$WORLD: a published port 53 is the guest's" "b 192.0.2.2" "$(ask outside udp 192.0.2.1 53)"
    is "$WORLD: an answer without room is cut off" truncated "$(dns guest-a udp "$a" name=4000.test)"
    is "$WORLD: ... with EDNS it passes" "resolved 127.0.0.1 and 4000 bytes in all" \
        "$(dns guest-a udp "$a" name=4000.test room=4096)"
    is "$WORLD: ... and by TCP" "resolved 127.0.0.1 and 60000 bytes in all" "$(dns guest-a tcp "$a" name=60000.test)"

    # A connection for each query, and none of them stays on the host; those that the relay ends first are bounded.
    resolver outside far 192.0.2.2
    far=$LAST
    up t --dns 192.0.2.2
    guest t
    for ((i = 0; i < 20; i++)); do dns guest-t tcp "$(field t tap_ip)"; done | sort | uniq -c | xargs >"$TMP/answers"
    is "$WORLD: a query each on 20 connections" "20 far 192.0.2.1" "$(cat "$TMP/answers")"
    ok "$WORLD: ... which are closed, and not remembered" patiently none_to_53
    PEER=$DNSPEER background guest-t hush "$(field t tap_ip)" 1400
    remembered=$(in_ns host ss -Htan sport = :"$(field t dns_port)" | grep -vcE 'LISTEN|ESTAB')
    ok "$WORLD: 1400 silent connections, of which 1024 are remembered ($remembered)" [ "$remembered" -gt 500 -a "$remembered" -le 1024 ]
    stop "$LAST"
    stop "$far"
    down t
    ip netns del "$NS-guest-t"

    # Whoever else asks is not answered, whatever the firewall lets in.
    ip -n "$NS-outside" route add 10.0.0.0/8 via 192.0.2.1
    for policy in DROP ACCEPT; do
        ipt -P INPUT $policy
        for proto in udp tcp; do
            not_relayed "$WORLD: INPUT $policy: another guest's relay is out of reach ($proto)" guest-b $proto "$a" port="$(field a dns_port)"
            not_relayed "$WORLD: INPUT $policy: ... from outside ($proto)" outside $proto "$a" port="$(field a dns_port)"
            not_relayed "$WORLD: INPUT $policy: ... on the host itself ($proto)" host $proto "$a" port="$(field a dns_port)"
        done
        refused_all
    done
    ipt -P INPUT DROP
    ip -n "$NS-outside" route del 10.0.0.0/8

    # Resolvers that are IPv6's: the host's own loopback, and a neighbour's link-local address.
    resolver host loopback6 ::1
    ip -n "$NS-outside" addr add fe80::53/64 dev eth0 nodad
    ip -n "$NS-host" addr add fe80::1/64 dev up0 nodad
    resolver outside router ::
    up c --dns ::1
    guest c
    is "$WORLD: ... for ::1" "loopback6 ::1" "$(dns guest-c udp "$(field c tap_ip)")"
    down c
    ip netns del "$NS-guest-c"
    up c --dns fe80::53%up0
    guest c
    is "$WORLD: ... for fe80::53%up0" "router fe80::1" "$(dns guest-c udp "$(field c tap_ip)")"
    down c
    ip netns del "$NS-guest-c"
    ip -n "$NS-host" addr del fe80::1/64 dev up0

    # Slow resolvers, and many queries.
    resolver host half-a-second 127.0.1.1 delay=0.5
    resolver host a-fifth 127.0.1.2 delay=0.2
    for at in "1 200" "2 2000 rate=400"; do
        up c --dns "127.0.1.${at%% *}"
        guest c
        read -ra load <<<"${at#* }"
        is "$WORLD: ${load[*]} queries to a slow resolver" "${load[0]} answered, 0 refused, 0 lost" \
            "$(many guest-c "$(field c tap_ip)" "${load[@]}")"
        down c
        ip netns del "$NS-guest-c"
    done

    # More than one resolver: nobody listens at the first, the second fails, the third answers.
    resolver host broken 127.0.2.2 rcode=2
    resolver host third 127.0.2.3 forge=1
    up c --dns 127.0.2.1 --dns 127.0.2.2 --dns 127.0.2.3
    guest c
    c=$(field c tap_ip)
    is "$WORLD: 100 queries at once, answered by the third resolver" "100 answered, 0 refused, 0 lost" "$(many guest-c "$c" 100)"
    is "$WORLD: forged answers are not passed on" "third 127.0.0.1" "$(dns guest-c udp "$c")"
    down c
    ip netns del "$NS-guest-c"
    up c --dns 127.0.2.1 --dns 127.0.1.2
    guest c
    c=$(field c tap_ip)
    is "$WORLD: a resolver that refuses TCP is passed over" "a-fifth 127.0.0.1" "$(dns guest-c tcp "$c")"
    down c
    ip netns del "$NS-guest-c"
    up c --dns 127.0.2.1
    guest c
    is "$WORLD: nobody listens at all: said at once" "rcode 2" "$(dns guest-c udp "$(field c tap_ip)")"
    down c
    ip netns del "$NS-guest-c"
    resolver host silent 127.0.2.4 silent=1
    up c --dns 127.0.2.4 --dns 127.0.1.2
    guest c
    is "$WORLD: after a silent resolver's time it is the next one's turn" "10 answered, 0 refused, 0 lost" \
        "$(many guest-c "$(field c tap_ip)" 10 patience=20)"
    down c
    ip netns del "$NS-guest-c"
    up c --dns 127.0.2.4
    guest c
    counts=$(many guest-c "$(field c tap_ip)" 6000 rate=4000) # 4096 have room, but for what a full TAP drops
    like "$WORLD: as many queries as there is room for; the others are told" "^0 answered, 1[0-9]{3} refused, 4[0-9]{3} lost$" "$counts"
    ok "$WORLD: ... and no more than that" test "$(awk '{ print $5 }' <<<"$counts")" -ge 4096
    down c
    ip netns del "$NS-guest-c"

    # Clients that say nothing, or half of it.
    for half in "" 1; do
        PEER=$DNSPEER background guest-a hush "$a" 200 half=$half
        is "$WORLD: silent TCP clients${half:+, in the middle of a query,} harm nobody" \
            "resolved 127.0.0.1/resolved 127.0.0.1/1000 answered, 0 refused, 0 lost" \
            "$(dns guest-a tcp "$a")/$(dns guest-a udp "$a")/$(many guest-a "$a" 1000 window=100)"
        stop "$LAST"
    done

    # A relay that may have few descriptors.
    limit=$(ulimit -Sn)
    for few in 16 64 128; do
        ulimit -Sn $few
        up f --dns 127.0.0.53
        ulimit -Sn "$limit"
        guest f
        f=$(field f tap_ip)
        PEER=$DNSPEER background guest-f hush "$f" 200 half=1
        is "$WORLD: with $few descriptors, silent TCP clients harm nobody" \
            "resolved 127.0.0.1/resolved 127.0.0.1/1000 answered, 0 refused, 0 lost" \
            "$(dns guest-f tcp "$f")/$(dns guest-f udp "$f")/$(many guest-f "$f" 1000 window=100)"
        stop "$LAST"
        down f
        ip netns del "$NS-guest-f"
    done

    [ "$WORLD" = "${WORLDS[0]}" ] && count=100000 || count=1000
    memory=$(relay_memory a) descriptors=$(relay_files a)
    is "$WORLD: $count queries" "$count answered, 0 refused, 0 lost" "$(many guest-a "$a" $count window=100)"
    echo "# memory: $memory KiB before, $(relay_memory a) KiB after; descriptors: $descriptors, $(relay_files a)"
    ok "$WORLD: no memory is lost by them" test "$(relay_memory a)" -le $((memory + 256))
    ok "$WORLD: no descriptor either" test "$(relay_files a)" -le $((5 + 32))
    status=$(grep -E '^(Cap(Prm|Eff|Bnd)|NoNewPrivs|Seccomp):' "/proc/$(relay_pid a)/status" | tr -d '\n\t')
    is "$WORLD: it has no rights, and a seccomp filter" "CapPrm:${none=0000000000000000}CapEff:${none}CapBnd:${none}NoNewPrivs:1Seccomp:2" "$status"
    down a
    down b
    is "$WORLD: no relay is left" "" "$(in_ns host ss -Hltun | grep " 10\.")"
    is "$WORLD: the host is as before" "$before" "$(snapshot)"
    drop_hosts
    ip netns del "$NS-guest-a"
    ip netns del "$NS-guest-b"
done
done_testing
