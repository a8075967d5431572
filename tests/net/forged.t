#!/bin/bash
# A guest sends ICMP errors about packets of others: the host's path MTU stays, and nobody's wait ends.  Errors about
# the guest's own packets arrive.
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"
FRAMES=$PWD/tests/net/hostile_frames.py

forge() { # NS LINE...: what hostile_frames.py sends, and all of it has been taken before this returns
    local ns=$1 from
    shift
    if [ "$ns" = outside ]; then
        from="mac=$(ip -n "$NS-outside" -br link show eth0 | awk '{print $3}') gateway=$(ip -n "$NS-host" -br link show up0 | awk '{print $3}')"
    else
        from="mac=$(field a mac) gateway=$(field a tap_mac)"
    fi
    # shellcheck disable=SC2086
    printf '%s\n' "$@" | in_ns "$ns" "$FRAMES" send $from || return
    if [ "$ns" = outside ]; then ask outside udp 192.0.2.1 8080; else ask "$ns" udp 192.0.2.2 7000; fi >/dev/null
}
mtus() { # NS: of the ways outside, where they were learned
    for to in 192.0.2.2 fd77::2; do ip -n "$NS-$1" route get $to | grep -o 'mtu [0-9]*'; done | xargs
}
forget() { # what NS learned
    ip -n "$NS-$1" route flush cache
    ip -n "$NS-$1" -6 route flush cache
}
waiting() { # NAME NS ADDRESS OWN-PORT: somebody waits for an answer from outside
    background "$2" wait "$3" 7099 "$4" || return
    ENDS[$1]=$HEARD
    PIDS+=("$LAST")
}
ends() { # what the waits have ended with
    local who
    for who in "${!ENDS[@]}"; do sed "/^ready$/d; s/^/$who: /" "${ENDS[$who]}"; done | sort
}

for WORLD in "${WORLDS[@]}"; do
    make_hosts 1500
    ipt -A INPUT -s 203.0.113.9 -j DROP
    ip6t -A INPUT -s 2001:db8::9 -j DROP
    for address in 0.0.0.0 ::; do
        serve outside udp $address 7000 outside
        background outside hold udp $address 7099 # silent
    done
    for options in "" "--host-access --guest-access"; do
        w="$WORLD${options:+ $options}"
        # shellcheck disable=SC2086
        up a --ports 8053:53/udp $options
        up b --ports 8080:80/udp
        guest a
        guest b
        serve guest-b udp 0.0.0.0 80 b
        a=$(field a guest_ip) a6=$(field a guest_ip6)
        declare -A ENDS=()
        PIDS=()
        waiting "the host" host 192.0.2.2 5000
        waiting "the host, IPv6" host fd77::2 5000
        waiting "another guest" guest-b 192.0.2.2 5001
        waiting "another guest, IPv6" guest-b fd77::2 5001
        about() { # FAMILY KIND-OF-ERROR: both the host's packets and another guest's, and one that nobody has sent
            local from=192.0.2.1 to=192.0.2.2 way="src=${3-$a} dst=192.0.2.1" port
            [ "$1" = 4 ] || from=fd77::1 to=fd77::2 way="src6=${3-$a6} dst6=fd77::1"
            for port in 5000 5001; do echo "$2 - $way about=udp,$from,$port,$to,7099"; done
            echo "$2 - $way about=echo,$from,0,$to,0"
        }
        forge guest-a "$(about 4 too-big)" "$(about 6 too-big6)" "$(about 4 unreachable)" "$(about 6 unreachable6)"
        is "$w: a guest does not change the host's path MTU" "" "$(mtus host)"
        is "$w: nor another guest's" "" "$(mtus guest-b)"
        is "$w: and nobody who waits is told an error" "" "$(ends)"
        forge outside "$(about 4 too-big 192.0.2.2)" "$(about 6 too-big6 fd77::2)"
        is "$w: who may say so does" "mtu 600 mtu 1280, mtu 600 mtu 1280" "$(mtus host), $(mtus guest-b)"
        forge outside "$(about 4 unreachable 192.0.2.2)" "$(about 6 unreachable6 fd77::2)"
        is "$w: and of both" "$(for who in "another guest" "another guest, IPv6" "the host" "the host, IPv6"; do
            printf '%s\n' "$who: Connection refused" "$who: Message too long"
        done | sort)" "$(ends)"
        for pid in "${PIDS[@]}"; do stop "$pid"; done
        forget host

        for to in "outside 192.0.2.1 8053" "outside fd77::1 8053" "host $a 9" "host $a6 9"; do
            # shellcheck disable=SC2086
            is "$w: a guest refuses what was sent to it ($to)" "Connection refused" "$(in_ns ${to%% *} "$PEER" try udp ${to#* })"
        done
        for to in 192.0.2.2 fd77::2; do
            is "$w: and is told when others refuse ($to)" "Connection refused" "$(in_ns guest-a "$PEER" try udp $to 9)"
        done
        # A server outside learns from a guest what it may: how large the packets that it sends to it may be.
        waiting "a guest" guest-a 192.0.2.2 5002
        forge guest-a "too-big - src=$a dst=192.0.2.2 about=udp,192.0.2.2,7099,$a,5002"
        is "$w: a guest's own path MTU is the other end's" "mtu 600" "$(ip -n "$NS-outside" route get 192.0.2.1 | grep -o 'mtu [0-9]*')"
        stop "${PIDS[-1]}"
        forget outside
        down a
        down b
        ip netns del "$NS-guest-a"
        ip netns del "$NS-guest-b"
    done
    drop_hosts
done
done_testing
