#!/bin/bash
# VMs of different kinds beside each other in one network namespace. A takeover gets all that arrives at its interface,
# so a nat VM cannot leave by the same one: whoever comes second is refused. All else is fine.
#
#   outside === up0, host, up1 === other
#: timeout 120
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"
PLUGIN=$PWD/build/bin/tc-redirect-tap

killed() { # ID: with whatever it has started
    kill -9 "${VM[$1]}"
    wait "${VM[$1]}" 2>/dev/null
}
plugin() { # COMMAND
    CNI_COMMAND=$1 CNI_CONTAINERID=vm-1 CNI_NETNS=/run/netns/$NS-host CNI_IFNAME=up0 CNI_PATH=$PWD/build/bin "$PLUGIN" \
        <<<'{"cniVersion":"1.0.0","name":"net","type":"tc-redirect-tap","prevResult":{"cniVersion":"1.0.0","interfaces":
           [{"name":"up0","sandbox":"/run/netns/'"$NS"'-host"}],"ips":[]}}'
}
everything() { snapshot; in_ns host tc qdisc show; }
refused_as() { # DESCRIPTION MESSAGE up|take OPTION...: exit status 125, one line, and nothing is left
    local before code
    before=$(everything)
    "$3" no "${@:4}" 2>/dev/null && kill "${VM[no]}"
    wait "${VM[no]}"
    code=$?
    is "$1: refused in one line" "125 netsetup: $2" "$code $(cat "$TMP/no.err")"
    is "$1: and nothing is left" "$before" "$(everything)"
}
taken='(start this VM in a network namespace of its own, or choose another interface by HOST_IFACE)'
used='(start this VM in a network namespace of its own, or choose other interfaces by HOST_IFACE)'

make_hosts 1500
make_ns other
ip -n "$NS-host" link add up1 type veth peer name eth0 netns "$NS-other"
ip -n "$NS-host" link set up1 addrgenmode none up
ip -n "$NS-host" addr add 198.51.100.1/24 dev up1
ip -n "$NS-other" link set eth0 up
ip -n "$NS-other" addr add 198.51.100.2/24 dev eth0
serve outside tcp 0.0.0.0 7000 outside
in_ns host sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
for tool in iptables ip6tables; do # the empty tables that the first rule creates, and leaves
    for table in raw mangle nat filter; do in_ns host $tool -t $table -L -n >/dev/null; done
done

for WORLD in "${WORLDS[@]}"; do
    # The rules go where rules are.
    [ "$WORLD" = nft ] || { ipt -A FORWARD -j ACCEPT; ip6t -A FORWARD -j ACCEPT; }
    up a --ports 8000:80
    up b
    result $? "$WORLD: two nat VMs are beside each other"
    guest a
    like "$WORLD: and the first one's guest is answered" '^outside 192.0.2.1' "$(ask guest-a tcp 192.0.2.2 7000)"
    down b
    refused_as "$WORLD: a takeover beside nat" "the guest cannot take over the interface up0: the traffic of the VM a leaves by it $used" take --iface up0
    refused_as "$WORLD: of all interfaces" "the guest cannot take over the interface up0: the traffic of the VM a leaves by it $used" take
    like "$WORLD: the guest is still answered" '^outside 192.0.2.1' "$(ask guest-a tcp 192.0.2.2 7000)"
    take c --iface up1
    result $? "$WORLD: a takeover of another interface is fine"
    like "$WORLD: and the guest is still answered" '^outside 192.0.2.1' "$(ask guest-a tcp 192.0.2.2 7000)"
    down c
    like "$WORLD: the CNI plugin is refused the interface, too" '"code":100,"msg":"the guest cannot take over the interface up0' "$(plugin ADD)"
    down a
    ip netns del "$NS-guest-a"
    up named --uplink up1
    take c --iface up0
    result $? "$WORLD: a takeover beside nat that leaves by another interface is fine"
    refused_as "$WORLD: but not of that one" "the guest cannot take over the interface up1: the traffic of the VM named leaves by it $used" take --iface up1
    down c
    down named
    up any --uplink any
    refused_as "$WORLD: nor beside nat that leaves by any" "the guest cannot take over the interface up1: the traffic of the VM any leaves by it $used" take --iface up1
    killed any
    take c --iface up1
    result $? "$WORLD: a dead nat VM is in nobody's way"
    down c
    [ "$WORLD" = nft ] || { ipt -F; ip6t -F; }
done

take c --iface up0
refused_as "nat beside a takeover" "the VM c has taken over the interface up0, by which this guest's traffic would leave $taken" up
refused_as "nat by that interface" "the VM c has taken over the interface up0, by which this guest's traffic would leave $taken" up --uplink up0
refused_as "nat by any" "the VM c has taken over the interface up0, by which this guest's traffic would leave $taken" up --uplink any
refused_as "a second takeover of an interface" \
    "the interface up0 already has an ingress qdisc: another program uses it (tc qdisc show)" take --iface up0
like "the CNI plugin beside a takeover" '"code":100,"msg":"the interface up0 already has an ingress qdisc' "$(plugin ADD)"
take d --iface up1
result $? "a second takeover, of another interface, is fine"
down d
up other --uplink up1
result $? "nat by another interface is fine"

# A default route that comes to be there is not followed.
ip -n "$NS-host" route del default
ip -n "$NS-host" -6 route del default
up later
result $? "nat without a default route is fine"
ip -n "$NS-host" route add default via 198.51.100.2
leaves() { grep -q "leaves by $1 now" "$TMP/later.err"; }
patiently leaves up1
result $? "it follows the default route"
ip -n "$NS-host" route add default via 192.0.2.2 metric 5
ip -n "$NS-host" route del default via 198.51.100.2
stays() { grep -q "does not leave by up0, which another VM has taken over" "$TMP/later.err"; }
patiently stays
result $? "but not to an interface that is taken over"
is "which is in none of its rules" "" "$(in_ns host iptables-nft-save | grep -e '-o up0')"
killed c
in_ns host "$NETSETUP" gc >/dev/null
patiently leaves up0
result $? "until that VM is gone"
down later
down other
ip -n "$NS-host" -6 route add default via fd77::2

take c --iface up0
killed c
up a
result $? "what a dead takeover left does not refuse a nat VM"
is "and is gone" "" "$(in_ns host tc qdisc show | grep -e clsact)"
down a
plugin ADD >/dev/null
refused_as "nat beside what the CNI plugin gave away" \
    "tc-redirect-tap/up0 has taken over the interface up0, by which this guest's traffic would leave $taken" up
plugin DEL
up a
result $? "and after its DEL all is well"
down a

# At the same moment: never both.
both=0
for ((n = 0; n < 20; n++)); do
    : >"$TMP/x.json"
    : >"$TMP/y.json"
    nsenter --net="/run/netns/$NS-host" -- "$NETSETUP" up x >"$TMP/x.json" 2>"$TMP/x.err" &
    x=$!
    nsenter --net="/run/netns/$NS-host" -- "$NETSETUP" take y --iface up0 >"$TMP/y.json" 2>"$TMP/y.err" &
    y=$!
    started $x "$TMP/x.json"
    started $y "$TMP/y.json"
    [ -s "$TMP/x.json" ] && [ -s "$TMP/y.json" ] && both=$((both + 1))
    kill $x $y 2>/dev/null
    wait $x $y 2>/dev/null
done
is "of two that start at once, at most one has the interface" 0 $both
drop_hosts
done_testing
