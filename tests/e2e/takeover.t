#!/bin/bash
# VM_NETWORK=takeover: a VM in a container's network namespace, behind an engine's bridge, is what the container was: in
# both families, on two networks, for peers, the engine and the outside.  When it ends, or is killed, the container has
# its interfaces again.
#: kvm
#: disk build/e2e.disk
#: timeout 600
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry ctr=$BIN/ctr-jailer
VM_TREE=$TREES/rootfs-debian
work=$(mktemp -d /tmp/e2e.XXXXXX)
box() { nsenter --net=/run/netns/box -- "$@"; }

# The engine is this host: bridges, each with the container on it, and a peer on the first.
for ns in box peer; do
    ip netns add $ns
    ip -n $ns link set lo up
done
port() { # BRIDGE NS NAME
    ip link add "$2-$3" type veth peer name "$3" netns "$2"
    ip link set "$2-$3" master "$1" addrgenmode none up
    ip -n "$2" link set "$3" addrgenmode none up
}
for bridge in br0 br1; do ip link add $bridge type bridge && ip link set $bridge addrgenmode none up; done
port br0 box eth0
port br1 box back0
port br0 peer eth0
ip addr add 192.0.2.1/24 dev br0
ip addr add fd77::1/64 dev br0 nodad
ip addr add fe80::1/64 dev br0 nodad
ip addr add 10.8.0.1/24 dev br1
ip -n peer addr add 192.0.2.20/24 dev eth0
ip -n peer addr add fd77::20/64 dev eth0 nodad
ip -n box link set eth0 address 02:42:c0:00:02:0a
ip -n box link set back0 mtu 1400
ip -n box addr add 192.0.2.10/24 brd 192.0.2.255 dev eth0
ip -n box addr add fd77::10/64 dev eth0 nodad
ip -n box addr add 10.8.0.10/24 dev back0
ip -n box route add default via 192.0.2.1
ip -n box -6 route add default via fd77::1 metric 1024
ip -n box route add 203.0.113.0/24 via 10.8.0.1 metric 7

# Docker's resolver, as a container has it: on a loopback address, in its namespace.
box python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.11", 53))
while True:
    query, peer = s.recvfrom(512)
    end = query.index(b"\0", 12) + 5
    s.sendto(query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:end] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc6\x33\x64\x07", peer)' &
printf 'search example.test\nnameserver 127.0.0.11\n' >"$work/resolv.conf"
mount --bind "$work/resolv.conf" /etc/resolv.conf
echo "from a peer" >"$work/line"
ip netns exec peer busybox httpd -p '[::]:80' -h "$work"
box busybox httpd -p 0.0.0.0:90 -h "$work"
cat >"$work/get" <<'GET'
exec 3<>"/dev/tcp/$1/$2" && printf 'GET /line HTTP/1.0\r\n\r\n' >&3 && tail -n 1 <&3
GET
get() { timeout 10 bash "$work/get" "$@" 2>/dev/null; }
fetched() { [ "$(get "$@")" = "from the guest" ]; }
container_state() {
    box ip -d addr
    box ip route show table all
    box ip -6 route show table all
    box tc qdisc show
    box grep -o '@ctr-jailer.*' /proc/net/unix || true
}
is "the container's own server is there" "$(get 192.0.2.10 90)" "from a peer"
# The kernel adds these, or ends its detection of duplicates, a moment after a link has its carrier.
settled() {
    [ "$(box ip -6 route show table all | grep -c '^multicast ff00::/8 dev')" = 2 ] &&
        [ -z "$(box ip -6 addr show tentative)" ]
}
check "the container's interfaces are ready" wait_until 30 settled
before=$(container_state) host_before=$(host_state)

taken() { box env -i "${VM_ENV[@]}" VM_ROOTFS_DIR="$VM_TREE" VM_NETWORK=takeover VM_ID=taken "$@"; }
plan=$(taken "$entry" --dry-run true)
like "--dry-run says so" "$plan" '*"network_mode":"takeover"*"taken_interfaces":\["all"\]*'
is "and changes nothing" "$(container_state)" "$before"

taken "$entry" /bin/bash -c 'echo ready; sleep 1000' >"$work/out" 2>"$work/err" &
job=$!
check "a VM has taken over the container's network" wait_until 100 grep -q ready "$work/out"
[ ! -s "$work/err" ] || note "$(<"$work/err")"
cat >"$work/routes" <<'ROUTES'
awk '$2 !~ /FEA9$/ && ($2 != "00000000" || $3 != "00000000") {print $1, $2, $3, $7}' /proc/net/route | sort
ROUTES
back=$(ip -n box -o link show back0 | sed 's/.*link.ether \([^ ]*\).*/\1/')
is "its cards are the container's" "$("$ctr" exec -- sh -c 'cd /sys/class/net && cat eth0/address eth0/mtu back0/address back0/mtu' | xargs)" \
    "02:42:c0:00:02:0a 1500 $back 1400"
is "its routes are, too" "$("$ctr" exec -i bash <"$work/routes")" "$(box bash "$work/routes")"
is "a peer over IPv4" "$("$ctr" exec -i bash -s 192.0.2.20 80 <"$work/get")" "from a peer"
is "a peer over IPv6" "$("$ctr" exec -i bash -s fd77::20 80 <"$work/get")" "from a peer"
like "resolv.conf has the relay" "$("$ctr" exec cat /etc/resolv.conf)" $'search example.test\nnameserver 169.254.*'
is "a name from the resolver inside the container" \
    "$("$ctr" exec getent ahostsv4 some.example.test | awk '{print $1; exit}')" 198.51.100.7
is "its own name is its own address" "$("$ctr" exec getent ahostsv4 "$(hostname)" | awk '{print $1; exit}')" 192.0.2.10
like "status tells the address" "$("$ctr" status)" $'*\naddress: 192.0.2.10\naddress6: fd77::10\n*'
like "state.json tells the mode" "$(</run/ctr-jailer/taken/state.json)" '*"network":"takeover"*'

"$ctr" exec -- sh -c 'mkdir -p /srv/www; echo "from the guest" >/srv/www/line'
"$ctr" exec --busybox sh -c 'exec busybox httpd -f -p "[::]:80" -h /srv/www' &
check "reached by the engine" wait_until 60 fetched 192.0.2.10 80
check "over IPv6" fetched fd77::10 80
check "on the other network" fetched 10.8.0.10 80
is "and by a peer" "$(ip netns exec peer timeout 10 bash "$work/get" 192.0.2.10 80)" "from the guest"
is "over IPv6" "$(ip netns exec peer timeout 10 bash "$work/get" fd77::10 80)" "from the guest"
is "the container's own server is out of reach" "$(get 192.0.2.10 90 || echo refused)" refused
is "but its own clients are answered" "$(box timeout 10 bash "$work/get" 192.0.2.20 80)" "from a peer"
capture taken VM_ID=second "$entry" /bin/true
like "a second VM is refused" "$STATUS/$STDERR" '125/*interface * already has an ingress qdisc*'
check "stop" "$ctr" stop -t 1
wait $job || true
is "the container has everything as it was" "$(container_state)" "$before"
is "its own server is reached again" "$(get 192.0.2.10 90)" "from a peer"
is "nothing is left on the host" "$(diff <(echo "$host_before") <(host_state))" ""

# entry alone is killed: the keeper gives back.
taken VM_NETWORK=auto HOST_IFACE=eth0 "$entry" /bin/bash -c 'echo /sys/class/net/*; sleep 1000' >"$work/out" 2>"$work/err" &
check "VM_NETWORK=auto: a VM with one of the interfaces" wait_until 100 grep -q eth0 "$work/out"
is "has that one only" "$(<"$work/out")" "/sys/class/net/eth0 /sys/class/net/lo"
kill -9 "$(sed 's/.*"entry":\([0-9]*\).*/\1/' /run/ctr-jailer/taken/state.json)"
same() { [ "$(container_state)" = "$before" ]; }
check "after a SIGKILL of entry the container has everything as it was" wait_until 60 same
is "and its own server is reached again" "$(get 192.0.2.10 90)" "from a peer"

# A guest behind NAT in the same place gets all ports that the container's servers leave.
taken VM_NETWORK=nat VM_PORTS=all "$entry" /bin/bash -c 'echo ready; sleep 1000' >"$work/out" 2>"$work/err" &
job=$!
check "VM_PORTS=all: a VM" wait_until 100 grep -q ready "$work/out"
"$ctr" exec -- sh -c 'mkdir -p /srv/www; echo "from the guest" >/srv/www/line'
"$ctr" exec --busybox sh -c 'exec busybox httpd -f -p "[::]:8123" -h /srv/www' &
check "is reached at the container's address" wait_until 60 fetched 192.0.2.10 8123
check "over IPv6" fetched fd77::10 8123
check "on the other network" fetched 10.8.0.10 8123
is "the container's own server is reached, too" "$(get 192.0.2.10 90)" "from a peer"
like "status tells it" "$("$ctr" status)" $'*\nports: all\n*'
check "stop" "$ctr" stop -t 1
wait $job || true
capture vm VM_PORTS=all "$entry" --dry-run /bin/true
like "but never the host's own ports" "$STATUS/$STDERR" '125/*VM_PORTS=all: with host networking *'

# Refusals, all at once.
capture taken VM_PORTS=80 TAP_IP=10.1.2.1/30 VM_HOST_ACCESS=yes HOST_IFACE=eth9 "$entry" /bin/true
is "what takeover cannot have is refused" "$STATUS $(grep -cE 'VM_PORTS=|TAP_IP=|VM_HOST_ACCESS=|HOST_IFACE=eth9' <<<"$STDERR")" "125 4"
capture vm VM_NETWORK=takeover "$entry" /bin/true
like "the host's own interfaces are refused" "$STATUS/$STDERR" '125/*host networking*'
capture vm VM_NETWORK=auto VM_LOG_LEVEL=info "$entry" --dry-run /bin/true
like "VM_NETWORK=auto comes to nat there" "$STATUS/$STDOUT/$STDERR" '0/*"network_mode":"nat"*/*VM_NETWORK=auto comes to nat: *host networking*'
done_testing
