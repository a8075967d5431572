#!/bin/bash
# Nothing stays: after a failure or a kill -9 at every single step, after rules were removed by others; and gc
# takes what is dead, and only that.
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"

run_up() { # VARIABLE=VALUE...: one up and down with the environment given
    nsenter --net="/run/netns/$NS-host" -- env "$@" "$NETSETUP" up a --ports 8080:80 --dns 127.0.0.53 \
        --down-after-up >"$TMP/out" 2>"$TMP/err"
}
left() { # what of ours is there; "[]" when nothing
    in_ns host sh -c "\"$NETSETUP\" show --json
        grep -o '@ctr-jailer.*' /proc/net/unix
        cut -d: -f1 /proc/net/dev | grep ctr
        grep -h ':1F90 ' /proc/net/tcp /proc/net/udp" # the published port
}
vms() { # id and liveness of each
    in_ns host "$NETSETUP" show --json | tr '{' '\n' | sed -n 's/"id":"\([^"]*\)","alive":\([a-z]*\).*/\1 \2/p' | sort | xargs
}
gc() { in_ns host "$NETSETUP" gc; }

cleaned() {
    gc >/dev/null
    [ "$(left)" = "[]" ]
}

# As far as claims and rules tell.
cleaned_of() { # ID
    gc >/dev/null
    ! left | grep -q "$1"
}

# A child of the killed one (iptables-restore, the relay before it lets go of what it inherited) may live a
# moment longer and hold the claim: then the gc after that takes it.
every_step() { # DESCRIPTION KILL STRIDE: a failure, or a kill, at each call in turn
    local n bad=() kill=()
    [ "$2" = 0 ] || kill=(INJECT_KILL=self)
    rm -f "$TMP/done"
    for ((n = 1; n < 500; n += $3)); do
        { run_up LD_PRELOAD="$PWD/build/inject.so" INJECT=$n INJECT_DONE="$TMP/done" "${kill[@]}"; } 2>/dev/null
        # A failure of the undoing itself, and a kill, leave things to the next one's gc.
        { [ -s "$TMP/out" ] || [ "$2" = 1 ]; } && patiently cleaned
        [ "$(left)" = "[]" ] || bad+=("$n: $(tail -1 "$TMP/err"); $(left | tr '\n' ' ')")
        [ -s "$TMP/err" ] || [ -s "$TMP/out" ] || [ "$2" = 1 ] || bad+=("$n: neither result nor error")
        if [ "${#bad[@]}" -ge 5 ] || [ -e "$TMP/done" ]; then break; fi
    done
    is "$1, $n steps" "" "${bad[*]-}"
    ok "$1: there were steps" [ "$n" -gt 40 ]
}

mkdir "$TMP/bin"
for WORLD in "${WORLDS[@]}"; do
    make_hosts 1500
    for t in "ipt" "ip6t"; do
        $t -A INPUT -s "$([ $t = ipt ] && echo 203.0.113.9 || echo 2001:db8::9)" -j DROP
        $t -t nat -A POSTROUTING -o up0 -m comment --comment "ctr-jailer/not ours" -j ACCEPT
        $t -A FORWARD -m comment --comment "my ctr-jailer/a" -j ACCEPT
        $t -A FORWARD -i tap7 -j ACCEPT
    done
    ip -n "$NS-host" tuntap add tap7 mode tap
    run_up
    before=$(snapshot)
    ok "$WORLD: what down has removed can be made again at once" in_ns host "$PWD/build/net/again"

    every_step "$WORLD: a failure at every step leaves nothing" 0 1
    every_step "$WORLD: a kill -9 at every step leaves nothing that gc does not take" 1 "$([ "$WORLD" = nft ] && echo 1 || echo 4)"
    is "$WORLD: and the user's rules and devices are as before" "$before" "$(snapshot)"

    up live --ports 80
    with_live=$(snapshot)
    up dead --ports 81
    kill -9 "${VM[dead]}"
    wait "${VM[dead]}" 2>/dev/null
    is "$WORLD: show knows both" "dead false live true" "$(vms)"
    is "$WORLD: gc takes one" 1 "$(gc)"
    is "$WORLD: a live VM and the user's rules are untouched" "$with_live" "$(snapshot)"
    # A reboot, on a host that saves its rules and has them back at its start: all but the TAP is there.
    up dead
    kill -9 "${VM[dead]}"
    wait "${VM[dead]}" 2>/dev/null
    for t in iptables ip6tables; do in_ns host "$t-$WORLD-save" >"$TMP/saved.$t"; done
    ip -n "$NS-host" link del "$(field dead tap)"
    for t in iptables ip6tables; do in_ns host "$t-$WORLD-restore" <"$TMP/saved.$t"; done
    is "$WORLD: gc takes the rules that a reboot brought back" 1 "$(gc)"
    is "$WORLD: and those alone" "$with_live" "$(snapshot)"
    up dead
    kill -9 "${VM[dead]}"
    wait "${VM[dead]}" 2>/dev/null
    up next
    is "$WORLD: the next start does it, too" "live true next true" "$(vms)"
    up dead
    kill -9 "${VM[dead]}"
    wait "${VM[dead]}" 2>/dev/null
    ok "$WORLD: a dead VM's id can be used again" up dead
    fails "$WORLD: down of a live VM is refused" in_ns host "$NETSETUP" down live
    kill "$(pgrep -f "$NETSETUP up dead" | head -1)" 2>/dev/null
    patiently eval '! in_ns host grep -q @ctr-jailer/dead /proc/net/unix'
    down next
    is "$WORLD: the live VM alone is left" "$with_live" "$(snapshot)"

    # A killed VM's iptables-restore does not wait for the lock of the older tables, to add its rules later.
    if [ "$WORLD" = legacy ]; then
        : >"$TMP/xtables.lock"
        touch /run/xtables.lock
        exec {lock}>"$TMP/xtables.lock"
        flock "$lock"
        { nsenter --net="/run/netns/$NS-host" -- unshare -m sh -c 'mount --bind "$0" /run/xtables.lock && exec "$@"' \
            "$TMP/xtables.lock" "$NETSETUP" up waits >/dev/null 2>&1 {lock}>&- & } 2>/dev/null
        waits=$!
        waiting() { pgrep -P $waits -f 'iptables-legacy-restore' | xargs -I{} ls -l /proc/{}/fd | grep -q xtables.lock; }
        patiently waiting
        result $? "a program waits for the lock"
        kill -9 $waits
        wait $waits 2>/dev/null
        patiently cleaned_of waits
        exec {lock}>&-
        open() { find /proc/[0-9]*/fd -lname '*/xtables.lock' 2>/dev/null | grep -q .; }
        patiently eval '! open'
        is "and adds no rules once its VM has been killed" "$with_live" "$(snapshot)"
    fi

    # A killed VM's iptables-restore ends later: when the next VM, whose TAP has got the same name, has looked already.
    up dead
    chain=$(in_ns host "iptables-$WORLD-save" -t mangle | sed -n 's/^-A \(ctr-jailer-[^ ]*\) .*ctr-jailer\/dead.*/\1/p' | uniq)
    for t in iptables ip6tables; do
        in_ns host "$t-$WORLD-save" | grep -E "^(\*|COMMIT|:$chain )|ctr-jailer/dead" >"$TMP/late.$t"
        program=$t-$WORLD-restore
        printf '#!/bin/sh\n%s --noflush <%s && rm %s\nexec %s "$@"\n' "$(command -v "$program")" "$TMP/late.$t" \
            "$TMP/late.$t" "$(command -v "$program")" >"$TMP/bin/$program"
        chmod +x "$TMP/bin/$program"
    done
    tap=$(field dead tap)
    kill -9 "${VM[dead]}"
    wait "${VM[dead]}" 2>/dev/null
    gc >/dev/null
    PATH=$TMP/bin:$PATH up next
    is "$WORLD: the next VM's TAP has the dead one's name" "$tap" "$(field next tap)"
    ok "$WORLD: and a dead one's rules came late" [ ! -e "$TMP/late.iptables" -a ! -e "$TMP/late.ip6tables" ]
    down next
    result $? "$WORLD: they do not keep the next one's rules"
    is "$WORLD: gc takes them" 1 "$(gc)"
    is "$WORLD: and what is left is as before" "$with_live" "$(snapshot)"

    # Others remove some of our rules, then all rules there are.
    nat=$(in_ns host "iptables-$WORLD-save" -t nat | grep -m1 'MASQUERADE' | sed 's/^-A/-D/')
    eval "ipt -t nat $nat"
    raw=$(in_ns host "iptables-$WORLD-save" -t raw | grep -m1 'ctr-jailer/live' | sed 's/^-A/-D/')
    eval "ipt -t raw $raw"
    down live
    result $? "$WORLD: down when some of its rules are gone"
    is "$WORLD: everything else is as before" "$before" "$(snapshot)"
    up live
    for t in raw mangle nat filter; do ipt -t $t -F; done
    down live
    result $? "$WORLD: down when all rules are gone"
    up live
    ip -n "$NS-host" link del "$(field live tap)"
    down live
    result $? "$WORLD: down when the TAP is gone"
    is "$WORLD: nothing of ours is left" "[]" "$(left)"
    drop_hosts
done
done_testing
