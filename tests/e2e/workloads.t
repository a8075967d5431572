#!/bin/bash
# What people run in a guest that needs more of a kernel than a server does: packet filters, WireGuard, tun, FUSE,
# BPF, io_uring, traffic, and a Docker engine on the data disk.  On our kernel, which has all of it built in; the
# modules that Debian's would need are not in a container image.  init.t has systemd.
#: kvm
#: disk build/e2e.disk
#: timeout 1500
set -euo pipefail
. "$(dirname "$0")/vm.sh"
[[ $KERNEL == *microvm* ]] || skip_all 'our kernel is not built (make kernel-x86_64)'
entry=$BIN/entry ctr=$BIN/ctr-jailer
work=$(mktemp -d /tmp/e2e.XXXXXX)
VM_TREE=$TREES/rootfs-apps
before=$(host_state)

vm MEM_SIZE_MIB=768 VM_DATA_MOUNT=/var/lib/docker DATAFS_SIZE=1G ROOTFS_SIZE=1G VM_HOST_ACCESS=yes VM_PORTS=8080 "$entry" /bin/sleep infinity \
    >"$work/out" 2>"$work/err" &
job=$!
check "a guest has started" wait_until 100 "$ctr" status --healthy
tap=$("$ctr" status --json | jq -r .tap)
host=$(ip -o -4 addr show dev "$tap" | sed 's/.* inet \([0-9.]*\).*/\1/')

# guest NAME SCRIPT: what bash does in the guest is well done when every command is
guest() { check "$1" timeout -k 10 400 "$ctr" exec -- /bin/bash -exo pipefail -c 'ping() { busybox ping -c 1 -W 2 "$1"; }; '"$2"; }
no() { printf 'if %s; then exit 1; fi\n' "$*"; } # a command that has to fail

# --- packet filters, each by what it does -------------------------------------------------------------------
guest "nftables" "ping 127.0.0.1; nft add table inet t
    nft add chain inet t in '{ type filter hook input priority 0; }'; nft add rule inet t in icmp type echo-request drop
    $(no ping 127.0.0.1)
    nft delete table inet t; ping 127.0.0.1"
for tables in iptables-nft iptables-legacy; do
    guest "$tables" "$tables -A INPUT -p icmp -m comment --comment why -j DROP
        $(no ping 127.0.0.1)
        $tables -D INPUT -p icmp -m comment --comment why -j DROP; ping 127.0.0.1"
done

# --- VPNs ---------------------------------------------------------------------------------------------------
guest "WireGuard: two peers, and a ping through the tunnel" '
    ip netns add a; ip netns add b
    ip link add v netns a type veth peer name v netns b
    number=0
    for n in a b; do
        number=$((number + 1)); wg genkey >/tmp/$n.key
        ip -n $n addr add 192.0.2.$number/24 dev v; ip -n $n link set v up
        ip -n $n link add wg0 type wireguard; ip -n $n addr add 10.77.0.$number/24 dev wg0
        ip netns exec $n wg set wg0 listen-port 5000 private-key /tmp/$n.key
    done
    ip netns exec a wg set wg0 peer "$(wg pubkey </tmp/b.key)" allowed-ips 10.77.0.0/24 endpoint 192.0.2.2:5000
    ip netns exec b wg set wg0 peer "$(wg pubkey </tmp/a.key)" allowed-ips 10.77.0.0/24
    ip -n a link set wg0 up; ip -n b link set wg0 up
    ip netns exec a busybox ping -c 2 -W 5 10.77.0.2
    [ "$(ip netns exec b wg show wg0 latest-handshakes | cut -f 2)" -gt 0 ]
    ip netns del a; ip netns del b'
guest "tun and tap devices" '
    for mode in tun tap; do ip tuntap add dev ${mode}5 mode $mode; ip addr add 10.78.0.1/24 dev ${mode}5
        ip link set ${mode}5 up; ping 10.78.0.1; ip link del ${mode}5; done'

# --- FUSE, BPF, io_uring --------------------------------------------------------------------------------------
guest "FUSE: fuse-overlayfs" '
    mkdir -p /tmp/f/{lower,upper,work,merged}; echo below >/tmp/f/lower/a; echo away >/tmp/f/lower/b
    fuse-overlayfs -o lowerdir=/tmp/f/lower,upperdir=/tmp/f/upper,workdir=/tmp/f/work /tmp/f/merged
    findmnt -no FSTYPE /tmp/f/merged | grep -x fuse.fuse-overlayfs
    cd /tmp/f/merged; echo more >>a; rm b; printf "below\nmore\n" | cmp - a; cmp a ../upper/a; [ "$(ls)" = a ]
    cd /; umount /tmp/f/merged; [ "$(cat /tmp/f/lower/a)" = below ]'
guest "BPF: a program that tc loads drops what it should" "
    tc qdisc add dev lo clsact; tc filter add dev lo ingress bpf direct-action obj /usr/lib/e2e/tc.bpf.o sec classifier
    tc filter show dev lo ingress | grep jited
    $(no ping 127.0.0.1)
    tc qdisc del dev lo clsact; ping 127.0.0.1"
guest "io_uring: on the root, and on the data disk" '
    for f in /tmp/ring /var/lib/docker/ring; do [ "$(/usr/lib/e2e/uring $f)" = "through the ring" ]; rm $f; done'

# --- traffic: the host's iperf3 is the guest's ------------------------------------------------------------------
mount -t tmpfs tmp "$VM_TREE/tmp"
chroot "$VM_TREE" /usr/bin/iperf3 -s -B "$host" >"$work/iperf3" 2>&1 &
server=$!
for flag in '' -R; do
    capture timeout 300 "$ctr" exec -- iperf3 -c "$host" -n 20M --json $flag
    note "iperf3 $flag: $(jq '.end.sum_received.bits_per_second / 8e6 | round' <<<"$STDOUT") MB/s"
    # Its word that the test is over may overtake what is in the sender's buffers: that is not counted.
    check "iperf3 ${flag:-to the host}: 20 MiB are sent and arrive" jq -e '.end.sum_sent.bytes >= 20 * 1048576 and
        .end.sum_received.bytes > 10 * 1048576 and .error == null' <<<"$STDOUT"
done
kill $server
wait $server || true
umount "$VM_TREE/tmp"

# --- Docker ------------------------------------------------------------------------------------------------------
guest "a Docker engine starts on the data disk" '
    containerd >/var/log/containerd.log 2>&1 & # dockerd gives one of its own 15 seconds, too little in emulation
    for i in $(seq 150); do [ -S /run/containerd/containerd.sock ] && break; sleep 1; done
    dockerd --containerd /run/containerd/containerd.sock >/var/log/dockerd.log 2>&1 &
    for i in $(seq 150); do docker version >/dev/null 2>&1 && break; sleep 1; done
    docker info -f "{{.Driver}} cgroup {{.CgroupVersion}}" | grep -x "overlay2 cgroup 2" || { cat /var/log/dockerd.log; exit 1; }'
guest "an image is imported" 'tar -C /bin -c busybox | docker import --change "ENTRYPOINT [\"/busybox\"]" - box'
guest "a container runs in its limits" '[ "$(docker run --rm --memory 64m --pids-limit 20 --cpus 0.5 box sh -c "
    /busybox cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max; /busybox hostname | /busybox wc -c")" = "$(printf "67108864\n20\n13")" ]'
capture timeout -k 10 400 "$ctr" exec -- docker run --rm box sh -c 'exit 7'
is "its exit code" "$STATUS" 7
guest "another publishes a port" 'docker run -d --name web -p 8080:80 box sh -c "
    echo from a container in a guest >/index.html; exec /busybox httpd -f -p 80 -h /"'
address=$("$ctr" status --json | jq -r .address)
# shellcheck disable=SC2016 # for the bash inside
fetch() { timeout 20 bash -c 'exec 3<>"/dev/tcp/$0/8080" && printf "GET / HTTP/1.0\r\n\r\n" >&3 && tail -n 1 <&3' "$address" 2>/dev/null; }
fetched() { [ "$(fetch)" = 'from a container in a guest' ]; }
check "which is reached from outside of the guest" wait_until 100 fetched
guest "docker exec, and rm" 'docker exec web /busybox cat /index.html | grep -x "from a container in a guest"; docker rm -f web'

check "stop" "$ctr" stop -t 30
wait $job || true
is "nothing on stderr" "$(<"$work/err")" ""
is "nothing is left on the host" "$(diff <(echo "$before") <(host_state))" ""
rm -rf "$work"
done_testing
