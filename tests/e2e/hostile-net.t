#!/bin/bash
# root in a guest that sends what it likes, as whole Ethernet frames: nothing of it reaches the outside, the host or
# another guest.  Every frame carries a word of its own, which is looked for in all that the host receives and
# sends on, the attacker's own TAP apart.
#: kvm
#: disk build/e2e.disk
#: timeout 600
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry ctr=$BIN/ctr-jailer
work=$(mktemp -d /tmp/e2e.XXXXXX)

ip netns add outside
ip link add up0 type veth peer name out0 netns outside
ip link set up0 addrgenmode none
ip addr add 192.0.2.1/24 dev up0
ip addr add 198.51.100.77/32 dev up0 # another address of the host's
ip addr add 2001:db8:9::1/64 dev up0 nodad
ip -n outside addr add 192.0.2.2/24 dev out0
ip -n outside addr add 169.254.169.254/32 dev out0
ip -n outside addr add 2001:db8:9::2/64 dev out0 nodad
ip -n outside link set out0 up
ip link set up0 up
ip route add default via 192.0.2.2
ip route add 169.254.169.254 via 192.0.2.2
ip -6 route add default via 2001:db8:9::2
echo 2 >/proc/sys/net/ipv6/conf/default/accept_ra # hosts that are routers and have one themselves
echo 1 >/proc/sys/net/ipv4/conf/all/accept_redirects

# What is heard: "DEVICE WORD" of frames, "service WORD" of datagrams to any address of the host's port 7777.
cat >"$work/listen.py" <<'PY'
import re, socket, sys, threading
def say(where, data):
    for word in re.findall(rb"WORD-[A-Za-z0-9-]+", data):
        print(where, word.decode(), flush=True)
def service(family):
    s = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind(("", 7777))
    def loop():
        while True:
            say("service", s.recv(2048))
    threading.Thread(target=loop, daemon=True).start()
service(socket.AF_INET)
service(socket.AF_INET6)
frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
print("ready", flush=True)
while True:
    data, where = frames.recvfrom(65536)
    if where[0] not in (sys.argv[1], "lo"):
        say(where[0], data)
PY
python3 "$work/listen.py" evil0 >"$work/heard" &
listener=$!
check "a listener on the host" wait_until 30 grep -q ready "$work/heard"

VM_TREE=$TREES/rootfs-static
vm TAP_DEVICE=victim0 TAP_IP=10.77.0.1/30 "$entry" /guest-static wait >"$work/victim" 2>&1 &
victim=$!
check "another guest has started" wait_until 100 grep -q ready "$work/victim"
VM_TREE=$TREES/rootfs-debian
vm VM_ID=evil TAP_DEVICE=evil0 TAP_IP=10.66.0.1/30 GUEST_MAC=06:00:00:00:66:02 VM_PORTS=127.0.0.1:7070:80 "$entry" \
    /bin/bash -c 'echo ready; sleep 1000' >"$work/evil" 2>&1 &
evil=$!
check "the hostile one has started" wait_until 100 grep -q ready "$work/evil"

cat >"$work/attack" <<'PERL'
use strict; use warnings; use Socket qw(inet_pton inet_aton AF_INET6);
my $index = `cat /sys/class/net/eth0/ifindex`;
socket(my $s, 17, 3, unpack("S", pack("n", 3))) or die "$!";
bind($s, pack("SniSCCa8", 17, 3, $index, 0, 0, 6, "")) or die "$!";
sub mac { pack("H12", $_[0] =~ s/://gr) }
my ($tap, $own, $global) = (mac($ARGV[0]), mac("06:00:00:00:66:02"), $ARGV[1]);
my $all = mac("ff:ff:ff:ff:ff:ff");
sub frame { my ($dst, $src, $type, $data) = @_; send($s, $dst . $src . pack("n", $type) . $data, 0) or die "$!" }
sub sum { my $n = 0; $n += $_ for unpack("n*", $_[0] . (length($_[0]) % 2 ? "\0" : "")); $n = ($n & 65535) + ($n >> 16) while $n > 65535; 65535 & ~$n }
sub packet4 { my ($proto, $src, $dst, $data) = @_;
    my $head = pack("CCnnnCCna4a4", 0x45, 0, 20 + length($data), 7, 0, 64, $proto, 0, inet_aton($src), inet_aton($dst));
    substr($head, 10, 2) = pack("n", sum($head)); $head . $data }
sub udp4 { my ($src, $dst, $word, $port) = @_; packet4(17, $src, $dst, pack("nnnn", 7777, $port // 7777, 8 + length($word), 0) . $word) }
sub packet6 { my ($next, $src, $dst, $data, $at, $hops) = @_; my ($a, $b) = map { inet_pton(AF_INET6, $_) } $src, $dst;
    substr($data, $at, 2) = pack("n", sum($a . $b . pack("NN", length($data), $next) . $data) || 65535);
    pack("NnCC", 6 << 28, length($data), $next, $hops // 64) . $a . $b . $data }
sub udp6 { my ($src, $dst, $word) = @_; packet6(17, $src, $dst, pack("nnnn", 7777, 7777, 8 + length($word), 0) . $word, 6) }
my $me = "10.66.0.2";

frame($tap, $own, 0x800, udp4($me, "192.0.2.2", "WORD-honest"));
frame($tap, $own, 0x86dd, udp6($global, "2001:db8:9::2", "WORD-honest6"));
exit if @ARGV > 2;

# other people's addresses
frame($tap, $own, 0x800, udp4($_, "192.0.2.2", "WORD-spoof-$_")), frame($tap, $own, 0x800, udp4($_, "192.0.2.1", "WORD-spoof-host-$_"))
    for "10.255.255.2", "192.0.2.1", "192.0.2.2", "198.51.100.77", "10.77.0.2", "10.66.0.1", "127.0.0.1", "0.0.0.0", "169.254.169.254";
frame($tap, mac("06:00:00:00:66:03"), 0x800, udp4($me, "192.0.2.2", "WORD-mac"));
frame($tap, $tap, 0x800, udp4($me, "192.0.2.2", "WORD-mac-of-tap"));
frame($tap, mac("06:00:00:00:66:03"), 0x86dd, udp6($global, "2001:db8:9::2", "WORD-mac6"));
frame($tap, $own, 0x86dd, udp6($_, "2001:db8:9::2", "WORD-spoof6")), frame($tap, $own, 0x86dd, udp6($_, "2001:db8:9::1", "WORD-spoof6-host"))
    for "fdfd::2", "2001:db8:9::1", "2001:db8:9::2", "::1", "fe80::66";
# the host itself, by each of its addresses and by everybody's
frame($tap, $own, 0x800, udp4($me, $_, "WORD-host-$_")), frame($all, $own, 0x800, udp4($me, $_, "WORD-all-$_"))
    for "192.0.2.1", "198.51.100.77", "10.66.0.1", "10.77.0.1", "127.0.0.1", "127.0.0.2", "255.255.255.255", "10.66.0.3", "224.0.0.1";
frame($tap, $own, 0x800, udp4($me, $_, "WORD-port-$_", 7070)) for "127.0.0.1", "10.66.0.1";
frame($tap, $own, 0x86dd, udp6($global, $_, "WORD-host6")), frame($tap, $own, 0x86dd, udp6("fe80::66", $_, "WORD-local6"))
    for "2001:db8:9::1", "fe80::1", "ff02::1", "::1";
# the metadata service, another guest, and what a switch might pass on
frame($tap, $own, 0x800, udp4($me, "169.254.169.254", "WORD-metadata"));
frame($tap, $own, 0x800, udp4($me, "10.77.0.2", "WORD-guest"));
frame($all, $own, 0x800, udp4($me, "10.77.0.2", "WORD-guest-all"));
frame($tap, $own, 0x800, udp4($me, "10.77.0.3", "WORD-guest-broadcast"));
frame($tap, $own, 0x8100, pack("nn", 5, 0x800) . udp4($me, "192.0.2.2", "WORD-vlan"));
frame($tap, $own, 0x88b5, "WORD-other-protocol");
frame($tap, $own, 0x800, packet4(4, $me, "192.0.2.1", udp4("192.0.2.1", "10.77.0.2", "WORD-tunnel")));
# a loose source route to the other guest by way of the host
my $routed = udp4($me, "10.66.0.1", "WORD-source-route");
$routed = pack("C", 0x47) . substr($routed, 1, 19) . pack("CCCa4C", 131, 7, 4, inet_aton("10.77.0.2"), 0) . substr($routed, 20);
substr($routed, 2, 2) = pack("n", length($routed)); substr($routed, 10, 2) = "\0\0";
substr($routed, 10, 2) = pack("n", sum(substr($routed, 0, 28)));
frame($tap, $own, 0x800, $routed);

# being somebody else: ARP for the outside and the other guest, a better router, a redirect
for my $ip ("192.0.2.2", "192.0.2.1", "10.77.0.2", "10.66.0.1") { for my $op (1, 2) { for my $target ($ip, "10.66.0.1") {
    frame($_, $own, 0x806, pack("nnCCna6a4a6a4", 1, 0x800, 6, 4, $op, $own, inet_aton($ip), $tap, inet_aton($target))) for $tap, $all } } }
my $prefix = pack("CCCCNNNa16", 3, 4, 64, 0xc0, 86400, 86400, 0, inet_pton(AF_INET6, "2001:db8:bad::"));
frame(mac("33:33:00:00:00:01"), $own, 0x86dd, packet6(58, "fe80::66", "ff02::1", pack("CCnCCnNN", 134, 0, 0, 64, 0, 1800, 0, 0) . $prefix, 2, 255));
my $old = udp4("10.66.0.1", "192.0.2.2", "x");
frame($tap, $own, 0x800, packet4(1, $me, "10.66.0.1", pack("CCna4", 5, 1, sum(pack("CCna4", 5, 1, 0, inet_aton($me)) . $old), inet_aton($me)) . $old));
my $old6 = udp6("fe80::1", "2001:db8:9::2", "x");
frame($tap, $own, 0x86dd, packet6(58, "fe80::66", "fe80::1", pack("CCnN", 137, 0, 0, 0) . inet_pton(AF_INET6, "fe80::66") . inet_pton(AF_INET6, "2001:db8:9::2") . $old6, 2, 255));
PERL
attack() { "$ctr" --id evil exec -i -- perl - "$(cat /sys/class/net/evil0/address)" "$global" "$@" <"$work/attack"; }
global=$("$ctr" --id evil exec --busybox ip -6 addr show dev eth0 | sed -n 's/.*inet6 \(fd[^/]*\).*/\1/p')
heard() { grep -v ready "$work/heard" | sort -u; }
tell() { python3 -c 'import socket, sys; socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM).sendto(sys.argv[2].encode(), (sys.argv[1], 7777))' "$@"; }

# First that each would be heard.
routes() { ip route show table all; ip -6 route show table all; ip neigh show dev up0 | grep -v ^fe80 | sed 's/ [A-Z]* *$//'; ip neigh show dev victim0 | sed 's/ [A-Z]* *$//'; ip -6 addr show dev evil0; }
tell 192.0.2.1 WORD-control
tell 2001:db8:9::1 WORD-control6
tell 169.254.169.254 WORD-to-metadata
tell 10.77.0.2 WORD-to-guest
attack honest
honest=$'service WORD-control\nservice WORD-control6\nup0 WORD-honest\nup0 WORD-honest6\nup0 WORD-to-metadata\nvictim0 WORD-to-guest'
all_heard() { [ "$(heard)" = "$honest" ]; }
check "what is allowed is heard, frames and datagrams" wait_until 20 all_heard
[ "$(heard)" = "$honest" ] || note "$(heard)"

before=$(routes)
attack
sent=$(cat /sys/class/net/evil0/statistics/rx_packets)
note "$sent frames came from the guest"
check "all frames were sent" test "$sent" -gt 90
tell 192.0.2.1 WORD-end
check "and the end of it is heard" wait_until 20 grep -q WORD-end "$work/heard"
is "nothing else is" "$(heard | grep -v WORD-end)" "$honest"
is "routes, neighbours and addresses are the host's own" "$(diff <(echo "$before") <(routes))" ""
capture "$ctr" --id evil exec timeout 3 bash -c '</dev/tcp/10.77.0.1/7777'
is "a connection to the host waits in vain" "$STATUS" 124

kill -TERM "$(pgrep -P $evil -x entry || echo $evil)" "$(pgrep -P $victim -x entry || echo $victim)"
wait $evil $victim || true
kill $listener
ip netns del outside
umount /run/netns 2>/dev/null || true # ip made it a mount
rm -rf "$work"
done_testing
