#!/bin/bash
# Programs as people run them, on an overlay root and a data disk: redis, nginx, dpkg and apt; then a restart.
#: kvm
#: disk build/e2e.disk
#: timeout 600
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry
work=$(mktemp -d /tmp/e2e.XXXXXX)
VM_TREE=$TREES/rootfs-apps
before=$(host_state)
mkdir -p /jail/data
mount -t tmpfs -o size=300M data /jail/data
VM_ENV+=(DATAFS_SIZE=200M VM_DATA_MOUNT=/var/lib/redis ROOTFS_SIZE=1G VM_BOOT_TIMEOUT=100)

cat >"$work/first" <<'GUEST'
exec 2>&1
redis() { setpriv --reuid redis --regid redis --clear-groups redis-server --dir /var/lib/redis --appendonly yes \
    --appendfsync always --save '' --daemonize yes --logfile /tmp/redis.log >/dev/null
    until redis-cli ping >/dev/null 2>&1; do sleep 0.2; done; }
stat -c 'data: %U %G %a' /var/lib/redis
redis
redis-benchmark -t set -n 3000 -r 1000 -d 500 -q >/dev/null && redis-cli set kept 'a value' >/dev/null
echo "keys: $(redis-cli dbsize)"

nginx && exec 3<>/dev/tcp/127.0.0.1/80 && printf 'HEAD / HTTP/1.0\r\n\r\n' >&3 && head -n 1 <&3 | tr -d '\r'

# a package of 500 files, by apt, over itself, and away
mkdir -p /tmp/p/DEBIAN /tmp/p/opt/churn/{a,b,c}
for d in a b c; do for i in $(seq 170); do echo "$d $i" >/tmp/p/opt/churn/$d/f$i; done; done
for v in 1 2; do
    printf 'Package: churn\nVersion: %s\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n' $v >/tmp/p/DEBIAN/control
    dpkg-deb -b -Znone /tmp/p /tmp/churn$v.deb >/dev/null
    apt-get install -y /tmp/churn$v.deb >/tmp/apt.log || tail -n 3 /tmp/apt.log
    rm -r /tmp/p/opt/churn/c
done
echo "installed: $(dpkg-query -W -f '${Version}' churn) $(find /opt/churn -type f | wc -l)"
apt-get purge -y churn >/dev/null; [ -e /opt/churn ] || echo "purged: yes"

# directories of the image: renamed, filled, copied with hardlinks, removed
mv /usr/share/perl5 /usr/share/perl6 && mv /usr/share/perl6/Debconf /srv/ && mv /srv/Debconf /usr/share/perl6/Moved
cp -al /usr/share/perl6 /usr/share/linked && cmp /usr/share/perl6/Moved/Db.pm /usr/share/linked/Moved/Db.pm &&
    stat -c 'links: %h' /usr/share/linked/Moved/Db.pm
rm -rf /usr/share/perl6 /usr/share/linked && mkdir /usr/share/perl6 && echo "again: $(ls -A /usr/share/perl6 | wc -l)"
a=$(stat -c %i /etc/passwd); echo >>/etc/passwd; [ "$a" = "$(stat -c %i /etc/passwd)" ] && echo "inode: same"
dd if=/dev/zero of=/srv/big bs=1M count=200 status=none conv=fsync && sha256sum </srv/big | cut -c 1-8
exit 3
GUEST
capture vm "$entry" /bin/bash -c "$(<"$work/first")"
is "the first run's exit code" "$STATUS" 3
zeros=$(head -c $((200 << 20)) /dev/zero | sha256sum | cut -c 1-8)
for line in "data: redis redis 750" "keys: [0-9]*" "HTTP/1.1 200 OK" "installed: 2 340" "purged: yes" "links: 2" "again: 0" "inode: same" "$zeros"; do
    like "in the guest: $line" $'\n'"$STDOUT"$'\n' *$'\n'"$line"$'\n'*
done
[ "$STATUS" = 3 ] || note "$STDOUT" "$STDERR"
keys=$(sed -n 's/^keys: //p' <<<"$STDOUT")
check "the data disk is clean" e2fsck -fn /jail/data/data.ext4

capture vm "$entry" /bin/bash -c "$(sed -n '/^redis()/,/^    until/p' "$work/first")
    redis; redis-cli get kept; redis-cli dbsize; ls /usr/share/perl5 | wc -l; ls -A /opt | wc -l"
is "after a restart: the data are there, the root is the image's" "$STATUS/${STDOUT//$'\n'/ }" \
    "0/a value $keys $(find "$VM_TREE/usr/share/perl5" -mindepth 1 -maxdepth 1 | wc -l) 0"
umount /jail/data
rmdir /jail/data /jail
after=$(host_state)
is "nothing is left on the host" "$(diff <(echo "$before") <(echo "$after"))" ""
rm -rf "$work"
done_testing
