#!/bin/bash
# 200 VMs at once: all different, and all gone afterwards.
#: timeout 900
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"

distinct() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$TMP"/many.* | sort | uniq | wc -l; }
all_there() { [ "$(cat "$TMP"/many.* | wc -l)" = 200 ]; }

make_hosts 1500
up first && down first
# Seven eighths of 10.0.0.0/8 are taken: drawn without claims, some of 200 would meet nearly always.
ip -n "$NS-host" route add unreachable 10.0.0.0/9
ip -n "$NS-host" route add unreachable 10.128.0.0/10
ip -n "$NS-host" route add unreachable 10.192.0.0/11
with_routes=$(snapshot)
pids=()
SECONDS=0
for ((i = 0; i < 200; i++)); do
    nsenter --net="/run/netns/$NS-host" -- "$NETSETUP" up vm-$i --no-ipv6 >"$TMP/many.$i" 2>"$TMP/err.$i" &
    pids+=($!)
done
for ((i = 0; i < 6000; i++)); do # as long as all go on; a busy machine needs minutes
    all_there && break
    [ "$(jobs -r | wc -l)" = 200 ] || break
    sleep 0.1
done
ok "200 VMs at once all start" all_there
echo "# in $SECONDS s"
is "and say nothing" '' "$(sort "$TMP"/err.* | uniq -c)"
is "they have 200 different TAPs" 200 "$(distinct tap)"
is "they have 200 different addresses" 200 "$(distinct tap_ip)"
is "they have 200 different guests" 200 "$(distinct guest_ip)"
is "they have 200 different MACs" 200 "$(distinct mac)"
is "show lists 200 live ones" 200 "$(in_ns host "$NETSETUP" show --json | grep -o '"alive":true' | wc -l)"
is "none overlaps a route" 0 "$(sed -n 's/.*"tap_ip":"10\.\([0-9]*\)\..*/\1/p' "$TMP"/many.* | awk '$1 < 224' | wc -l)"
SECONDS=0
half=("${pids[@]:0:100}")
kill -9 "${half[@]}"
kill "${pids[@]:100}"
{ wait "${pids[@]}"; } 2>/dev/null
for ((i = 0; i < 5; i++)); do in_ns host "$NETSETUP" gc >/dev/null; done
echo "# ended in $SECONDS s"
is "100 ended and 100 killed at once leave nothing" "$with_routes" "$(snapshot)"

# The claim itself: of those that want one address at the same moment, one gets it.
winners=()
for round in 1 2 3 4 5; do
    pids=()
    for ((i = 0; i < 16; i++)); do
        nsenter --net="/run/netns/$NS-host" -- "$NETSETUP" up "same-$round-$i" --no-ipv6 --tap-ip 10.240.0.1 \
            >"$TMP/same.$round.$i" 2>"$TMP/same-err.$i" &
        pids+=($!)
    done
    for ((i = 0; i < 16; i++)); do started "${pids[i]}" "$TMP/same.$round.$i"; done
    winners+=("$(cat "$TMP/same.$round".* | wc -l)")
    kill "${pids[@]}" 2>/dev/null
    wait "${pids[@]}"
done
is "16 want one address at once, 5 times: one each time" "1 1 1 1 1" "${winners[*]}"
is "and nothing is left of the others" "$with_routes" "$(snapshot)"
done_testing
