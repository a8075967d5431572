#!/bin/bash
# Which iptables is the host's, what of the user's own rules comes before ours, and the uplink's ways.
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"

rules() { in_ns host "iptables-$1-save" | grep -c ctr-jailer; } # nft|legacy
touched() { # the world that a VM's rules go to, and that it is one alone
    local nft legacy
    up a --no-ipv6
    nft=$(rules nft 2>/dev/null) legacy=$(rules legacy 2>/dev/null)
    down a
    echo "$([ "$nft" -gt 0 ] && echo nft)$([ "$legacy" -gt 0 ] && echo legacy)"
}
nft() { in_ns host iptables-nft "$@"; }
legacy() { in_ns host iptables-legacy "$@"; }

both_worlds() {
    make_hosts 1500
    is "no rules at all: nft" nft "$(touched)"
    legacy -A INPUT -s 203.0.113.9 -j DROP
    is "rules in legacy only: legacy" legacy "$(touched)"
    nft -A INPUT -s 203.0.113.9 -j DROP
    nft -A INPUT -s 203.0.113.8 -j DROP
    is "more rules in nft: nft" nft "$(touched)"
    legacy -N DOCKER
    legacy -A FORWARD -o docker0 -j DOCKER
    is "Docker's chains in legacy: legacy" legacy "$(touched)"
    nft -P FORWARD DROP
    is "nft drops what is forwarded: nft, where an accept counts" nft "$(touched)"
    nft -P FORWARD ACCEPT
    nft -N KUBE-FORWARD
    legacy -X DOCKER 2>/dev/null || { legacy -F FORWARD && legacy -X DOCKER; }
    is "Kubernetes' chains in nft: nft" nft "$(touched)"
    # The program under its plain name, as old distributions have it: without /usr/sbin, but in PATH.
    mkdir "$TMP/bin"
    cp "$(readlink -f "$(command -v iptables-nft-restore)")" "$TMP/bin/iptables-restore"
    # shellcheck disable=SC2016
    plain=$(in_ns host env PATH="$TMP/bin:$PATH" unshare -m sh -c 'mount -t tmpfs none /usr/sbin && exec "$@"' sh \
        "$NETSETUP" up b --no-ipv6 --down-after-up)
    like "plain iptables-restore does as well" '"id":"b"' "$plain"
    drop_hosts
}
[ "${#WORLDS[@]}" = 2 ] && both_worlds

for WORLD in "${WORLDS[@]}"; do
    make_hosts 1500
    ip -n "$NS-outside" addr add 192.0.2.66/24 dev eth0
    serve outside tcp 0.0.0.0 7000 outside
    ipt -N DOCKER-USER
    ipt -A DOCKER-USER -d 192.0.2.66 -j DROP
    ipt -A DOCKER-USER -j RETURN
    ipt -A FORWARD -i other0 -j ACCEPT
    ipt -A FORWARD -j DOCKER-USER
    ipt -A FORWARD -j REJECT
    up a
    guest a
    is "$WORLD: a final REJECT does not stop the guest" "outside 192.0.2.1" "$(ask guest-a tcp 192.0.2.2 7000)"
    refused "$WORLD: the user's DOCKER-USER rules do" guest-a tcp 192.0.2.66 7000
    refused_all
    ipt -D FORWARD -j DOCKER-USER # as Docker does when it starts again
    ipt -I FORWARD -j DOCKER-USER
    is "$WORLD: and the same when Docker starts again" "outside 192.0.2.1" "$(ask guest-a tcp 192.0.2.2 7000)"
    refused "$WORLD: for refusals, too" guest-a tcp 192.0.2.66 7000
    refused_all

    ip -n "$NS-host" link set up0 down
    ip -n "$NS-host" link set up0 name wan7
    ip -n "$NS-host" link set wan7 up
    ip -n "$NS-host" route add default via 192.0.2.2
    patiently grep -q "leaves by wan7 now" "$TMP/a.err"
    patiently in_ns host "$PEER" ask tcp 192.0.2.2 7000
    is "$WORLD: the uplink may change its name" "outside 192.0.2.1" "$(ask guest-a tcp 192.0.2.2 7000)"
    ip -n "$NS-host" route add default via 192.0.2.2 metric 50
    ip -n "$NS-host" addr add 192.0.2.9/24 dev wan7
    is "$WORLD: and there may be several default routes" "outside 192.0.2.1" "$(ask guest-a tcp 192.0.2.2 7000)"
    down a
    ip netns del "$NS-guest-a"
    drop_hosts
done
done_testing
