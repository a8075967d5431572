#!/bin/bash
# The guest's network from its inside and from outside: published ports, DNS, IPv6, and none at all.
#: kvm
#: disk build/e2e.disk
#: timeout 600
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry ctr=$BIN/ctr-jailer
VM_TREE=$TREES/rootfs-debian
work=$(mktemp -d /tmp/e2e.XXXXXX)

# An uplink with both kinds of addresses, and a host with a web server behind it.
ip netns add outside
ip link add up0 mtu 9000 type veth peer name out0 mtu 9000 netns outside
ip addr add 192.0.2.1/24 dev up0
ip addr add 2001:db8:9::1/64 dev up0 nodad
ip -n outside addr add 192.0.2.2/24 dev out0
ip -n outside addr add 2001:db8:9::2/64 dev out0 nodad
ip -n outside link set out0 up
ip -n outside link set lo up
ip link set up0 addrgenmode none up
ip route add default via 192.0.2.2
ip -6 route add default via 2001:db8:9::2
echo "from outside" >"$work/line"
ip netns exec outside busybox httpd -f -p '[::]:80' -h "$work" &
server=$!

# Docker's resolver, as a container has it: on a loopback address.
dns_answer='import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.11", 53))
while True:
    query, peer = s.recvfrom(512)
    end = query.index(b"\0", 12) + 5
    s.sendto(query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:end] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc6\x33\x64\x07", peer)'
python3 -c "$dns_answer" &
resolver=$!
# not over the file: in the emulated host that is a machine's own
printf 'search example.test\nnameserver 127.0.0.11\noptions ndots:1\n' >"$work/resolv.conf"
mount --bind "$work/resolv.conf" /etc/resolv.conf
# as `docker run --add-host` writes it
printf '127.0.0.1\tlocalhost\n203.0.113.5\tfriend friend.example.test\n172.17.0.2\t%s\n' "$(hostname)" >"$work/hosts"
mount --bind "$work/hosts" /etc/hosts
before=$(host_state | grep -v anycast) # which a forwarding host has too

vm VM_PORTS=8080:80,127.0.0.1:9090:80 "$entry" /bin/bash -c 'echo ready; sleep 1000' >"$work/out" 2>"$work/err" &
job=$!
check "a VM with published ports has started" wait_until 100 grep -q ready "$work/out"
[ ! -s "$work/err" ] || note "$(<"$work/err")"
is "resolv.conf: the relay, search and options" "$("$ctr" exec cat /etc/resolv.conf | sed 's/10\.[0-9.]*/TAP/')" \
    $'search example.test\nnameserver TAP\noptions ndots:1'
is "a name from a resolver that only the host reaches" \
    "$("$ctr" exec getent ahostsv4 some.example.test | awk '{print $1; exit}')" 198.51.100.7
is "a name of the container's /etc/hosts" "$("$ctr" exec getent hosts friend.example.test | tr -s ' ')" \
    "203.0.113.5 friend friend.example.test"
is "the guest's own name is its own address" "$("$ctr" exec getent ahostsv4 "$(hostname)" | awk '{print $1; exit}' | cut -d. -f1)" 10
is "the uplink's MTU" "$("$ctr" exec cat /sys/class/net/eth0/mtu)" 9000
# get HOST PORT, by bash alone
cat >"$work/get" <<'GET'
exec 3<>"/dev/tcp/$1/$2" && printf 'GET /line HTTP/1.0\r\n\r\n' >&3 && tail -n 1 <&3
GET
get() { timeout 10 bash "$work/get" "$@" 2>/dev/null; }
fetched() { [ "$(get "$@")" = "from the guest" ]; }
is "out over IPv4" "$("$ctr" exec -i bash -s 192.0.2.2 80 <"$work/get")" "from outside"
is "out over IPv6" "$("$ctr" exec -i bash -s 2001:db8:9::2 80 <"$work/get")" "from outside"

"$ctr" exec -- sh -c 'mkdir -p /srv/www; echo "from the guest" >/srv/www/line'
"$ctr" exec --busybox sh -c 'exec busybox httpd -f -p 80 -h /srv/www' &
check "published: from the host itself" wait_until 60 fetched 192.0.2.1 8080
check "published: through 127.0.0.1" fetched 127.0.0.1 8080
check "published on 127.0.0.1 only: from there" fetched 127.0.0.1 9090
is "published: from outside" "$(ip netns exec outside timeout 10 bash "$work/get" 192.0.2.1 8080)" "from the guest"
check "published on 127.0.0.1 only: not from outside" \
    bash -c '! ip netns exec outside timeout 3 bash "$0" 192.0.2.1 9090 2>/dev/null' "$work/get"
is "published: from the guest through the host's address" "$("$ctr" exec -i bash -s 192.0.2.1 8080 <"$work/get")" "from the guest"
capture vm VM_PORTS=8080:80 "$entry" /bin/true
like "a port that is taken is refused by its number" "$STATUS/$STDERR" "125/*8080*"
check "stop" "$ctr" stop -t 1
wait $job || true
is "nothing is left on the host" "$(diff <(echo "$before") <(host_state | grep -v anycast))" ""

capture vm VM_NETWORK=none "$entry" /bin/bash -c 'echo /sys/class/net/*'
is "VM_NETWORK=none: no interface but lo" "$STATUS/$STDOUT" "0//sys/class/net/lo"

umount /etc/resolv.conf /etc/hosts
kill $server $resolver
ip netns del outside
umount /run/netns 2>/dev/null || true # ip made it a mount
rm -rf "$work"
done_testing
