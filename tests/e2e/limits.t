#!/bin/bash
# VM_NET_BANDWIDTH, VM_NET_OPS, VM_DISK_BANDWIDTH and VM_DISK_OPS, measured.  A bucket holds a second's worth, and Firecracker
# refills it only once it is empty, for all the time before: two seconds' worth pass at once, and what follows
# takes its time.  The same without limits, to see that it is they that hold.
#: kvm
#: disk build/e2e.disk
#: timeout 600
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry
VM_TREE=$TREES/rootfs-debian
work=$(mktemp -d /tmp/e2e.XXXXXX)
ip netns add outside
ip link add up0 mtu 1420 type veth peer name out0 mtu 1420 netns outside # as a tunnel's
ip addr add 192.0.2.1/24 dev up0
ip -n outside addr add 192.0.2.2/24 dev out0
ip -n outside link set out0 up
ip link set up0 up
ip route add default via 192.0.2.2

# Outside: port 1 sends 1 MiB and waits for a byte; port 2 takes 1 MiB, port 3 takes 150 datagrams, and both answer
# when all has come.  Each prints what it was and how many milliseconds it took.  The guest waits for the answers: it
# may not end, and its interface with it, while the limit still holds back what it has sent.
cat >"$work/server.py" <<'PY'
import socket, threading, time
PATIENCE = 60  # seconds without a byte
def report(what, start):
    print(what, int((time.monotonic() - start) * 1000), flush=True)
def listen(port, serve):
    s = socket.create_server(("192.0.2.2", port))
    def loop():
        while True:
            c = s.accept()[0]
            c.settimeout(PATIENCE)
            start = time.monotonic()
            try:
                report(serve(c), start)
                c.sendall(b".")
            except OSError as error:
                report(f"port {port}: {error!r} after", start)
            c.close()
    threading.Thread(target=loop, daemon=True).start()
def send(c):
    c.sendall(bytes(1 << 20))
    c.recv(1)
    return "received"
def take(c):
    total = 0
    while total < 1 << 20 and (n := len(c.recv(65536))):
        total += n
    return f"sent/{total}"
listen(1, send)
listen(2, take)
d = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
d.bind(("192.0.2.2", 3))
print("ready", flush=True)
while True:
    guest = d.recvfrom(64)[1]
    start = time.monotonic()
    for _ in range(149):
        d.recv(64)
    report("datagrams", start)
    d.sendto(b".", guest)
PY
ip netns exec outside python3 "$work/server.py" >>"$work/server" &
server=$!
check "a server outside" wait_until 30 grep -q ready "$work/server"

# In the guest, by its own clock: reads past the page cache, 8 MiB in large requests and 150 small ones.
cat >"$work/guest" <<'GUEST'
set -e
ms() { local a=$EPOCHREALTIME; "${@:2}"; echo "$1 $((((${EPOCHREALTIME/./} - ${a/./}) / 1000)))"; }
large() { dd if=/dev/vdb of=/dev/null bs=256k count=32 iflag=direct status=none; }
small() { dd if=/dev/vdb of=/dev/null bs=4k count=150 iflag=direct status=none; }
write() { dd if=/dev/zero of=/dev/vdb bs=256k count=32 oflag=direct status=none; }
case $1 in disk)
    ms large large
    ms small small
    ms write write ;;
net)
    answer() { read -rn 1 -t 60 -u 3 || { echo "no answer: $1"; exit 1; }; }
    exec 3<>/dev/tcp/192.0.2.2/1
    head -c 1048576 <&3 >/dev/null
    echo >&3
    exec 3<>/dev/tcp/192.0.2.2/2
    head -c 1048576 /dev/zero >&3
    answer "1 MiB"
    exec 3<>/dev/udp/192.0.2.2/3
    for ((i = 0; i < 150; i++)); do echo $i >&3; done
    answer "150 datagrams" ;;
esac
GUEST
run() { vm DATAFS_SIZE=64M "$@" <"$work/guest" 2>&1; }
took() { sed -n "s|^$1 ||p" "$2" | tail -n 1; } # WHAT FILE: milliseconds
# With the limit it takes that; how long without, where a busy machine may need as much, is for people to read.
least() { # WHAT LIMITED-FILE MILLISECONDS
    local limited free
    limited=$(took "$1" "$2") free=$(took "$1" "$work/free")
    note "$1: $free ms without a limit, $limited ms with it"
    check "$1: at least $3 ms with the limit" test "$limited" -ge "$3"
}

: >"$work/server"
run "$entry" /bin/bash -s disk >"$work/free"
check "all arrives, without a limit" run "$entry" /bin/bash -s net
cat "$work/server" >>"$work/free"

run VM_DISK_BANDWIDTH=2M "$entry" /bin/bash -s disk >"$work/bandwidth"
least large "$work/bandwidth" 2000
least write "$work/bandwidth" 2000
run VM_DISK_OPS=30 "$entry" /bin/bash -s disk >"$work/ops"
least small "$work/ops" 3000

: >"$work/server"
check "all arrives, by VM_NET_BANDWIDTH" run VM_NET_BANDWIDTH=256K "$entry" /bin/bash -s net
least received "$work/server" 2000
least sent/1048576 "$work/server" 2000
: >"$work/server"
check "all arrives, by VM_NET_OPS" run VM_NET_OPS=30 "$entry" /bin/bash -s net
least datagrams "$work/server" 3000
kill $server
is "--dry-run tells the ports" "$(vm VM_PORTS=80,127.0.0.1:5353:53/udp "$entry" --dry-run /bin/true | jq -c .network.ports)" \
    '["0.0.0.0:80-80:80-80/tcp","127.0.0.1:5353-5353:53-53/udp"]'
is "--dry-run tells the limits" "$(vm VM_NET_BANDWIDTH=1M VM_DISK_OPS=5 "$entry" --dry-run /bin/true | jq -c '[.network_limit, .disk_limit]')" \
    '[{"bytes_per_s":1048576,"ops_per_s":null},{"bytes_per_s":null,"ops_per_s":5}]'
ip netns del outside
umount /run/netns 2>/dev/null || true # ip made it a mount
rm -rf "$work"
done_testing
