#!/bin/bash
# ctr-jailer run --cni-network-name: VMs on a network of real CNI plugins, in namespaces of their own; what is made goes
# with the VM, however it ends.  Entry, jailer and Firecracker are the real ones; the kernels are a few bytes that wait,
# or end the VM.  A script in entry's place says what a command would.
#: timeout 120
set -euo pipefail
. tests/faults/host.bash
store_host
mount -t sysfs sys /sys # of this network namespace
mkdir -p "$work"/{fake,net.d} /run/systemd/resolve
ln -s "$top/build/bin/ctr-jailer" "$work/fake"
printf '#!/bin/sh\ncat /etc/resolv.conf\nip -o -4 addr show dev eth0 | sed "s/ brd.*//; s/.*inet //"\necho "$VM_NETWORK ${VM_PORTS-no ports}"\nexit 7\n' >"$work/fake/entry"
chmod 755 "$work/fake/entry"
build/bin/rootdisk write "$work/tree" "$work/image"
cp build/faults/waiting "$work"
cp build/faults/vmlinux "$work/ending"
cd "$work"
ip link set lo up
ctr() { "${run[@]}" ctr-jailer "$@"; }
ctr image add image app >/dev/null
ctr kernel add waiting waiting >/dev/null
ctr kernel add ending ending >/dev/null
network() { # DNS: the network "machines", whose chain is one of firecracker's tools
    cat >net.d/10-machines.conflist <<JSON
{"cniVersion": "0.4.0", "name": "machines", "plugins": [
  {"type": "bridge", "bridge": "vms0", "isGateway": true, "ipMasq": true,
   "ipam": {"type": "host-local", "dataDir": "$work/leases", "ranges": [[{"subnet": "192.0.2.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}${1:-}},
  {"type": "firewall"}, {"type": "portmap", "capabilities": {"portMappings": true}},
  {"type": "tc-redirect-tap"}]}
JSON
}
network
on=(--cni-network-name machines --cni-conf-dir "$work/net.d" --cni-cache-dir "$work/cache")
host() { # all that a VM can leave
    ip netns list
    ip -o link show | cut -d: -f 2 | sed 's/@.*//' | xargs
    iptables-save | grep '^-A' | grep -E '192\.0\.2\.[0-9]+(/32)? ' || true
    find leases cache jails scratch -mindepth 1 ! -name lock ! -name 'last_reserved*' -type f 2>/dev/null
    ls /run/ctr-jailer 2>/dev/null || true
}
inside() { ip netns exec "$@"; } # NAME COMMAND...
unused() { [ "$(host)" = "$before" ]; }
capture ctr run -d --rm --name first "${on[@]}" --kernel waiting app /guest-static # makes the bridge, and empty chains
is "a VM on a CNI network" "$STATUS/$STDOUT/$STDERR" 0/first/
ctr kill first
check "and nothing of it, once it has ended" wait_until 20 test ! -e /run/netns/ctr-first
before=$(host)
is "not a thing" "$before" "lo vms0"

capture ctr run -d --rm --name one "${on[@]}" -p 8080:80 -p 127.0.0.1:5353:53/udp --ip-address 192.0.2.77 --kernel waiting app /guest-static
is "another, with ports and an address" "$STATUS/$STDOUT/$STDERR" 0/one/
is "inspect has firebuild's names of the network" "$(ctr inspect --vmm-id=one | jq -c '[.CNI, .Configs.CNI, .Configs.Machine.CniNetworkName, .Configs.Jailer.NetNS, .RunCache, .NetworkInterfaces[0].StaticConfiguration.IPConfiguration.IP]')" \
    "[{\"VethName\":\"eth0\",\"NetName\":\"machines\",\"NetNS\":\"/run/netns/ctr-one\"},{\"BinDir\":\"/opt/cni/bin:/usr/lib/cni\",\"ConfDir\":\"$work/net.d\",\"CacheDir\":\"$work/cache\"},\"machines\",\"/run/netns/ctr-one\",\"/var/lib/ctr-jailer\",\"192.0.2.77\"]"
is "it has the address" "$(jq -r '.network, .address' /run/ctr-jailer/one/state.json | xargs)" "takeover 192.0.2.77"
like "it has taken over its interface" "$(inside ctr-one tc filter show dev eth0 ingress)" '*ctr-jailer/one~*'
like "its ports are published" "$(iptables-save -t nat)" $'*--dport 8080 -j DNAT --to-destination 192.0.2.77:80\n*-d 127.0.0.1/32 *--dport 5353 -j DNAT --to-destination 192.0.2.77:53\n*'
attendant() { # NAME: who holds the namespace
    local fd
    for fd in /proc/[0-9]*/fd/*; do
        [ "$(readlink "$fd" 2>/dev/null)" != "/run/netns/ctr-$1" ] || cut -d/ -f3 <<<"$fd"
    done
}
pid=$(attendant one)
is "its attendant has no terminal and few files" "$(readlink /proc/"$pid"/fd/* | sed 's/:.*//' | sort | xargs)" "/dev/null /dev/null /dev/null /run/netns/ctr-one anon_inode pipe"
capture ctr run -d --rm --name other "${on[@]}" --ip-address 192.0.2.77 --kernel waiting app /guest-static
like "the same address again is refused in the plugin's words" "$STATUS/$STDOUT/$STDERR" '125//ctr-jailer: the CNI plugin bridge failed at ADD: *192.0.2.77*'
check "and leaves nothing" wait_until 20 test ! -e /run/netns/ctr-other
capture ctr run -d --rm --name two "${on[@]}" --kernel waiting app /guest-static
is "a second VM" "$STATUS/$STDOUT/$STDERR" 0/two/
kill -9 "$(jq .pids.entry /run/ctr-jailer/two/state.json)"
check "entry is killed: its network goes" wait_until 20 test ! -e /run/netns/ctr-two
check "that of the first stays" test -e /run/netns/ctr-one
ctr kill one
check "until it ends" wait_until 20 unused
is "nothing is left" "$(host)" "$before"

# the foreground
capture ctr run --name fore "${on[@]}" --kernel ending app /guest-static
like "in the foreground, a VM that ends at once" "$STATUS/$STDERR" '125/*'
capture ctr run --name fore "${on[@]}" --kernel ending app /guest-static
like "and again, by the same name" "$STATUS/$STDERR" '125/*'
check "nothing is left" wait_until 20 unused

# What its attendant would have done, if it had not been killed, the next VM of that name does.
ctr run -d --rm --name gone "${on[@]}" --kernel waiting app /guest-static >/dev/null
kill -9 "$(attendant gone)"
ctr kill gone
wait_until 20 test ! -e /run/ctr-jailer/gone
like "a killed attendant leaves the network" "$(host)" '*ctr-gone*'
capture ctr run -d --rm --name gone "${on[@]}" --kernel waiting app /guest-static
is "a VM of the same name" "$STATUS/$STDOUT/$STDERR" 0/gone/
ctr kill gone
check "and nothing is left" wait_until 20 unused

# Or purge does, but not to a VM that lives, with its attendant or without.
purge() { ctr purge --cni-cache-dir "$work/cache"; }
for name in lives alone dead boot; do
    ctr run -d --rm --name $name "${on[@]}" --kernel waiting app /guest-static >/dev/null
    [ $name = lives ] || kill -9 "$(attendant $name)"
done
for name in dead boot; do
    ctr kill $name
    wait_until 20 test ! -e /run/ctr-jailer/$name
done
# A reboot keeps the cache and the leases, but neither the namespace nor rules.
ip netns delete ctr-boot
iptables-save | grep -v 'id: .*ctr-boot' | iptables-restore
living() { find cache/results leases/machines -name 'machines-ctr-*' -o -name '192*' | wc -l; }
is "four VMs have been there" "$(living)" 8
check "purge" purge
is "takes away what two of them left" "$(living) $(ip netns list | cut -d ' ' -f 1 | sort | xargs)" "4 ctr-alone ctr-lives"
like "and their ports, rules and devices" "$(host)" "*ctr-alone*ctr-lives*lo vms0 veth* veth*"
capture ctr run --name alone "${on[@]}" --kernel waiting app /guest-static
is "a name that is in use is refused" "$STATUS/$STDERR" "125/ctr-jailer: run: --name alone: a VM in the background has or had that name: ctr-jailer rm alone"
ctr kill lives
ctr kill alone
check "when these have ended" wait_until 20 test ! -e /run/netns/ctr-lives -a ! -e /run/ctr-jailer/alone
# Results that were damaged cost the others nothing.
left=(cache/results/machines-ctr-alone-*)
jq '.config = "AAAA"' "${left[0]}" >bad
jq --arg name "ctr-0" '.containerId = $name | .netns = "/run/netns/ctr-0" | .config = "AAAA"' bad >cache/results/machines-ctr-0-eth0
jq --arg name "ctr-1" '.containerId = $name | .netns = "/run/netns/ctr-1" | .config = "AAAA"' bad >cache/results/machines-ctr-1-eth0
mkdir -p /run/ctr-jailer/gone
touch /run/ctr-jailer/gone/lock
capture purge
like "purge tells of results that are damaged" "$STATUS/$STDERR" "125/ctr-jailer: purge: ctr-0: *
ctr-jailer: purge: ctr-1: *"
is "... and goes on" "$(ip netns list | grep -c ctr-alone || true) $(ls /run/ctr-jailer 2>/dev/null)" "0 "
rm -f cache/results/machines-ctr-[01]-eth0
check "purge" purge
is "leaves nothing" "$(host)" "$before"

# A network of version 1.1.0 is asked before (STATUS), and collects what is lost after a purge (GC).
mkdir plugins
cat >plugins/lake <<'LAKE'
#!/bin/sh
cat >/dev/null
echo "$CNI_COMMAND" >>"${0%/*}/called"
[ "$CNI_COMMAND" != ADD ] || {
    nsenter --net="$CNI_NETNS" sh -c 'ip link add eth0 type veth peer name lake0 && ip link set eth0 up && ip link set lake0 up' || exit 1
    echo '{"cniVersion": "1.1.0", "interfaces": [], "ips": []}'
}
LAKE
chmod 755 plugins/lake
echo '{"cniVersion": "1.1.0", "name": "lake", "type": "lake"}' >net.d/20-lake.conf
lake=(--cni-network-name lake --cni-conf-dir "$work/net.d" --cni-cache-dir "$work/cache" --cni-bin-dir "$work/plugins")
ctr run -d --rm --name wet "${lake[@]}" --kernel waiting app /guest-static >/dev/null
kill -9 "$(attendant wet)"
ctr kill wet
wait_until 20 test ! -e /run/ctr-jailer/wet
check "purge" ctr purge --cni-cache-dir "$work/cache" --cni-bin-dir "$work/plugins" --cni-conf-dir "$work/net.d"
is "a network of version 1.1.0 is asked, and collects" "$(xargs <plugins/called)" "STATUS ADD DEL GC"
is "nothing is left" "$(host)" "$before"

# What entry finds, by a script in its place.
run[1]="PATH=$work/fake:$PATH"
found() { capture ctr run --name dns "${on[@]}" -p 8080:80 app x; }
found
is "entry has the interface, and the host's nameservers" "$STATUS/$STDOUT" "7/$(cat /etc/resolv.conf)
$(sed -n 's/^\(192.0.2.[0-9]*\/24\).*/\1/p' <<<"$STDOUT")
takeover no ports"
echo nameserver 127.0.0.53 >local.conf
mount --bind local.conf /etc/resolv.conf
echo nameserver 198.51.100.53 >/run/systemd/resolve/resolv.conf
found
like "systemd-resolved's own, where it listens on the host's loopback" "$STATUS/$STDOUT" '7/nameserver 198.51.100.53'$'\n*'
network ', "dns": {"nameservers": ["192.0.2.53", "192.0.2.54"], "domain": "example.test", "search": ["a.test", "b.test"], "options": ["ndots:2"]}'
found
like "or the network's" "$STATUS/$STDOUT" $'7/nameserver 192.0.2.53\nnameserver 192.0.2.54\ndomain example.test\nsearch a.test b.test\noptions ndots:2\n192.0.2.*'
is "which only that VM has" "$(cat /etc/resolv.conf)" "nameserver 127.0.0.53"
check "nothing is left" wait_until 20 unused

refused() { # NAME MESSAGE ARGUMENTS...
    capture ctr run --name bad "${@:3}" app x
    is "refused: $1" "$STATUS/$STDOUT/$STDERR" "125//ctr-jailer: $2"
}
refused "an unknown network" "$work/net.d: there is no CNI network none" "${on[@]}" --cni-network-name none
refused "a port without the host's" "run: -p 80: has to be [ADDRESS:]PORT:PORT[/tcp|/udp] on a CNI network" "${on[@]}" -p 80
refused "a protocol" "run: -p 80:80/sctp: has to be [ADDRESS:]PORT:PORT[/tcp|/udp] on a CNI network" "${on[@]}" -p 80:80/sctp
refused "--dry-run" "run: --dry-run: a CNI network makes the VM's interface at the start: leave out --cni-network-name" "${on[@]}" --dry-run
refused "a directory without a network" "run: --cni-... and --ip-address say nothing without --cni-network-name" --cni-conf-dir net.d
refused "no plugin" "there is no CNI plugin bridge in /none (Debian's package containernetworking-plugins has many)" "${on[@]}" --cni-bin-dir /none
check "nothing is left" wait_until 20 unused
done_testing
