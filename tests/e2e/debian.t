#!/bin/bash
# Debian by debootstrap as the guest: its disks, its network, and a root filesystem that behaves as one.
#: kvm
#: kernels both
#: disk build/e2e.disk
#: timeout 600
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry
work=$(mktemp -d /tmp/e2e.XXXXXX)
VM_TREE=$TREES/rootfs-debian
before=$(host_state)

# An uplink with a server behind it, in a namespace of its own.
ip netns add outside
ip link add up0 type veth peer name out0 netns outside
ip addr add 192.0.2.1/24 dev up0
ip -n outside addr add 192.0.2.2/24 dev out0
ip -n outside link set out0 up
ip -n outside link set lo up
ip link set up0 addrgenmode none up # or its own IPv6 address comes up in the midst of the test
ip route add default via 192.0.2.2
iptables -P FORWARD DROP
mkdir "$work/www"
echo "from outside" >"$work/www/index.html"
ip netns exec outside busybox httpd -f -p 192.0.2.2:80 -h "$work/www" &
server=$!
connected=$(host_state)

cat >"$work/script" <<'GUEST'
exec 2>&1
. /etc/os-release; echo "os: $VERSION_CODENAME"
echo "greeting: $GREETING"
echo "address: $(hostname -I)"
exec 3<>/dev/tcp/192.0.2.2/80 && printf 'GET / HTTP/1.0\r\n\r\n' >&3 && echo "web: $(tail -n 1 <&3)"
mkdir /a && echo x >/a/f && mv /usr/share/doc /usr/share/moved && [ -e /usr/share/moved/bash ] && echo "rename: yes"
ln /etc/passwd /etc/passwd2 && echo y >>/etc/passwd2 && tail -n 1 /etc/passwd && stat -c 'links: %h' /etc/passwd
rm -r /usr/share/moved/bash && [ ! -e /usr/share/moved/bash ] && echo "remove: yes"
echo "shells: $(ls -l /bin/sh /usr/bin/dash | wc -l) $(readlink /bin)"
stat -c '%a %u %g' / /tmp /etc/shadow /usr/bin/passwd | tr '\n' ' '; echo
[ -b /dev/vdb ] && mkdir -p /mnt/d && mount /dev/vdb /mnt/d && cat /mnt/d/kept; date +%s >/mnt/d/kept && echo "data: yes"
echo "root: $(findmnt -n -o FSTYPE /)"
exit 42
GUEST
capture vm GREETING="a 'b'" ROOTFS_SIZE=512M DATAFS_SIZE=64M "$entry" /bin/bash -c "$(<"$work/script")"
is "the command's exit code" "$STATUS" 42
for line in "os: bookworm" "greeting: a 'b'" "address: 10.*" "web: from outside" "rename: yes" y "links: 2" "remove: yes" \
    "shells: 2 usr/bin" "755 0 0 1777 0 0 640 0 42 4755 0 0 " "data: yes" "root: overlay"; do
    like "in the guest: $line" $'\n'"$STDOUT"$'\n' *$'\n'"$line"$'\n'*
done
[ "$STATUS" = 42 ] || note "$STDOUT" "$STDERR"
is "nothing is left on the host" "$(diff <(echo "$connected") <(host_state))" ""
check "the tree is as it was" test -e "$VM_TREE/usr/share/doc/bash" -a ! -e "$VM_TREE/a" -a ! -e "$VM_TREE/usr/share/moved"

# --- the data disk stays when its folder is a mount ----------------------------------------------------
VM_TREE=$TREES/rootfs-static
mkdir -p /jail/data
mount -t tmpfs data /jail/data
capture vm DATAFS_SIZE=64M "$entry" /guest-static exit 0
is "with a mount at /jail/data: made" "$STATUS/$(stat -c %s /jail/data/data.ext4)" "0/$((64 << 20))"
echo "by hand" >"$work/kept"
debugfs -w -R "write $work/kept kept" /jail/data/data.ext4 2>/dev/null >&2
capture vm DATAFS_SIZE=64M VM_ROOTFS_FORMAT=ext4 "$entry" /guest-static exit 5
is "and kept by the next VM, here with an ext4 root" "$STATUS/$(debugfs -R "cat kept" /jail/data/data.ext4 2>/dev/null)" "5/by hand"
check "the data disk is clean" e2fsck -fn /jail/data/data.ext4
exec 9</jail/data/data.ext4
flock -x 9
capture vm "$entry" /guest-static exit 0
like "a data disk in use is refused" "$STATUS/$STDERR" "125/*data disk*another VM uses it*"
exec 9<&-
dd if=/dev/zero of=/jail/data/data.ext4 bs=4096 count=64 seek=0 conv=notrunc status=none
capture vm VM_DATA_MOUNT=/mnt "$entry" /guest-static exit 0
like "a data disk beyond automatic repair is refused" "$STATUS/$STDERR" "125/*data disk*e2fsck*"
capture vm "$entry" /guest-static exit 4
is "what is no ext4 and not to be mounted is the guest's business" "$STATUS/$STDERR" "4/"
umount /jail/data
rmdir /jail/data /jail

kill $server
wait $server 2>/dev/null || true
iptables -P FORWARD ACCEPT
ip netns del outside
umount /run/netns 2>/dev/null || true # ip made it a mount
rm -rf "$work"
is "nothing is left of all this" "$(diff <(echo "$before") <(host_state))" ""
done_testing
