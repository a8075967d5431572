#!/bin/bash
# What is refused: exit 125, one line that says what and why, and nothing left behind.
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"

make_hosts 1500
up a && down a
before=$(snapshot)

refuse() { # DESCRIPTION REGEX COMMAND...: of netsetup
    local what=$1 regex=$2 code
    shift 2
    "$@" >"$TMP/out" 2>"$TMP/err"
    code=$?
    is "$what: 125, one line" "125 1" "$code $(wc -l <"$TMP/err")"
    like "$what: says so" "$regex" "$(cat "$TMP/err")"
}
without() { # PATH COMMAND...: that path is not there
    # shellcheck disable=SC2016
    unshare -m sh -c 'p=$1; shift; mount -t tmpfs none "$(dirname "$p")" && exec "$@"' sh "$@"
}
readonly_sys() { # COMMAND...: as in a container that is not privileged
    unshare -m sh -c 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec "$@"' sh "$@"
}
# Capabilities of a container: what `docker run --cap-add NET_ADMIN` has, and the default.
drop_caps() { in_ns host setpriv --bounding-set "$1" --inh-caps "$1" "${@:2}"; }

RUN=(nsenter "--net=/run/netns/$NS-host" -- "$NETSETUP")
N=("${RUN[@]}" up x --down-after-up)
refuse "no id" "up takes one id" "${RUN[@]}" up
refuse "a bad id" "not 1 to 64 letters, digits and dashes" "${RUN[@]}" up 'a/b'
refuse "a long id" "not 1 to 64 letters, digits and dashes" "${RUN[@]}" up "$(printf 'a%.0s' {1..65})"
refuse "TAP address" "not an IPv4 address" "${N[@]}" --tap-ip foo
refuse "TAP prefix" "must be /30" "${N[@]}" --tap-ip 10.0.0.1/24
refuse "TAP address is the network's" "not the two hosts of one /30" "${N[@]}" --tap-ip 10.0.0.4
refuse "two addresses of different subnets" "not the two hosts" "${N[@]}" --tap-ip 10.0.0.1 --guest-ip 10.0.0.5
refuse "an address of this host" "overlaps address 192.0.2.1/24 on up0" "${N[@]}" --tap-ip 192.0.2.5
refuse "MAC" "not a MAC address" "${N[@]}" --mac foo
refuse "multicast MAC" "multicast" "${N[@]}" --mac 01:00:00:00:00:01
refuse "TAP name" "not a device name" "${N[@]}" --tap 'a b'
refuse "long TAP name" "longer than 15" "${N[@]}" --tap abcdefghijklmnop
refuse "TAP name in use" "cannot create TAP device up0: the name is in use" "${N[@]}" --tap up0
refuse "no such uplink" "HOST_IFACE=eth9: there is no such network interface" "${N[@]}" --uplink eth9
refuse "ports" "cannot publish '80:x': a port is a number" "${N[@]}" --ports 80:x
refuse "an address the host does not have" "does not have that address" "${N[@]}" --ports 198.51.100.7:80:80
background host hold tcp 192.0.2.1 8080
refuse "a port in use on one address" "port 8080/tcp: it is already in use on this host \\(by peer, pid $LAST\\)" "${N[@]}" --ports 8080:80
background host hold udp :: 5353
refuse "a port in use on IPv6" "port 5353/udp: it is already in use on this host \\(by peer, pid $LAST\\)" "${N[@]}" --ports 5350-5360/udp
up other --ports 9090 --tap-ip 10.77.0.1 --tap mytap
is "names and addresses as asked for" "mytap 10.77.0.1 10.77.0.2" \
    "$(field other tap) $(field other tap_ip) $(field other guest_ip)"
refuse "another VM's port" "port 9090/tcp: it is already in use" "${N[@]}" --ports 9090
refuse "another VM's address" "belongs to another running VM|overlaps" "${N[@]}" --tap-ip 10.77.0.1
refuse "another VM's TAP" "mytap: the name is in use" "${N[@]}" --tap mytap
refuse "another VM's id" "a VM with the id other is already running" "${RUN[@]}" up other
in_ns host "$PEER" hold tcp 0.0.0.0 9090 >/dev/null 2>&1
is "nor does anybody else get a port of a VM's" 2 $?
down other
serve host tcp 0.0.0.0 9090 former
former=$LAST
faded() { # one connection, and whether it was the server that closed first
    ask host tcp 127.0.0.1 9090 && in_ns host ss -Htan 'sport = 9090' | grep TIME-WAIT
}
ok "a server leaves connections" patiently faded
stop $former
ok "which keep no port from a VM" "${N[@]}" --ports 9090
# Ports that a NAT rule turns elsewhere, without any socket.
for world in "${WORLDS[@]}"; do
    nat() { in_ns host "iptables-$world" -t nat "$@"; }
    nat -N HOSTPORTS
    nat -A PREROUTING -m addrtype --dst-type LOCAL -j HOSTPORTS
    nat -A HOSTPORTS -p tcp -m tcp --dport 9090 -j DNAT --to-destination 10.0.0.2:80
    nat -A HOSTPORTS -d 192.0.2.1/32 -p udp -m udp --dport 5350:5359 -j REDIRECT --to-ports 53
    nat -A HOSTPORTS -d 127.0.0.11/32 -p udp -m udp --dport 53 -j DNAT --to-destination 127.0.0.11:4711
    nat -A HOSTPORTS -d 203.0.113.7/32 -p tcp -m tcp --dport 8081 -j DNAT --to-destination 10.0.0.3
    nat -A OUTPUT -p tcp -m tcp --dport 8082 -j REDIRECT --to-ports 99
    in_ns host "ip6tables-$world" -t nat -A PREROUTING -d 2001:db8::7 -p tcp -m tcp --dport 8083 -j DNAT --to-destination fd77::9
    refuse "$world: a port that a NAT rule has" "port 9090/tcp: a NAT rule of this host.*HOSTPORTS" "${N[@]}" --ports 8080-9999
    refuse "$world: an address's port that a NAT rule has" "port 5355/udp: a NAT rule" "${N[@]}" --ports 192.0.2.1:5355:53/udp
    refuse "$world: the same on all addresses" "port 5350/udp: a NAT rule" "${N[@]}" --ports 5340-5350/udp
    ok "$world: rules of other ports, addresses and directions do not matter" \
        "${N[@]}" --ports 9090/udp,53/udp,8081-8083,5360/udp,127.0.0.1:5355:53/udp
    nat -F && nat -X HOSTPORTS
    in_ns host "ip6tables-$world" -t nat -F
done
before=$(snapshot) # with the empty tables of both backends
refuse "no /dev/net/tun" "/dev/net/tun: No such file.*passed into the container" without /dev/net/tun "${N[@]}"
refuse "no CAP_NET_ADMIN" "CAP_NET_ADMIN" drop_caps -net_admin "$NETSETUP" up x
# /dev/null for the programs: nothing in PATH or in the usual places is iptables any more.
# shellcheck disable=SC2016
refuse "no iptables" "cannot find iptables-restore" unshare -m sh -c \
    'for i in /usr/sbin/*tables*; do mount --bind /dev/null "$i"; done; exec "$@"' sh "${N[@]}"
in_ns host sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
refuse "no forwarding, and no way to turn it on" "ip_forward.*--sysctl" readonly_sys "${N[@]}"
in_ns host sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
refuse "unknown option" "see netsetup --help" "${N[@]}" --foo
refuse "unknown command" "no such command" "${RUN[@]}" foo

mkdir "$TMP/bin"
for name in iptables-nft-restore iptables-legacy-restore; do
    printf '#!/bin/sh\necho "%s: the table is on fire" >&2\nexit 1\n' $name >"$TMP/bin/$name"
    chmod +x "$TMP/bin/$name"
done
refuse "iptables fails" "iptables-nft-restore.* failed: .*on fire" env PATH="$TMP/bin:$PATH" "${N[@]}"
# Fails after its first tables are in.
printf '#!/bin/sh\nsed "s/^.filter/*no-such-table/" | %s "$@"\n' "$(command -v iptables-nft-restore)" \
    >"$TMP/bin/iptables-nft-restore"
refuse "iptables fails half-way" "iptables-nft-restore.* failed" env PATH="$TMP/bin:$PATH" "${N[@]}"
is "nothing of all that is left" "$before" "$(snapshot)"

# Where /proc/sys cannot be written but forwarding is on already, it just works; IPv6 as well where it is on.
readonly_sys "${N[@]}" --ports 80 >"$TMP/out" 2>"$TMP/err"
is "read-only /proc/sys, forwarding on: works" "0 " "$? $(cat "$TMP/err")"
like "read-only /proc/sys: IPv6 too" guest_ip6 "$(cat "$TMP/out")"
in_ns host sh -c 'echo 0 >/proc/sys/net/ipv6/conf/all/forwarding'
readonly_sys "${N[@]}" >"$TMP/out" 2>"$TMP/err"
is "read-only /proc/sys, IPv6 not forwarding: works without IPv6" "0  0" "$? $(cat "$TMP/err") $(grep -c ip6 "$TMP/out")"
in_ns host ip6tables-save | grep -q ctr-jailer
result $((1 - $?)) "and its rule against IPv6 is gone with it"
in_ns host setpriv --bounding-set -all,+net_admin,+net_raw,+net_bind_service --inh-caps -all "$NETSETUP" up x --down-after-up --ports 80 >"$TMP/out" 2>"$TMP/err"
is "CAP_NET_ADMIN, NET_RAW and NET_BIND_SERVICE are enough" "0 " "$? $(cat "$TMP/err")"
is "nothing of all that is left" "$before" "$(snapshot)"
drop_hosts

# The uplink's MTU, and no uplink at all.
for mtu in 1420 9000; do
    make_hosts $mtu
    up a
    guest a
    is "MTU $mtu: the TAP's and the guest's" "$mtu $mtu" "$(field a mtu) $(ip -n "$NS-host" -j link show "$(field a tap)" |
        sed 's/.*"mtu":\([0-9]*\).*/\1/')"
    down a
    ip netns del "$NS-guest-a"
    drop_hosts
done
make_ns host
up a
is "no default route: a warning, and a network" "1500 1" "$(field a mtu) $(grep -c 'no default route' "$TMP/a.err")"
down a
done_testing
