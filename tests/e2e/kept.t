#!/bin/bash
# VM_VOLUMES=...:disk: disks that directories of the host keep, in two guests one after the other.
#: kvm
#: disk build/e2e.disk
#: timeout 600
set -euo pipefail
. "$(dirname "$0")/vm.sh"
VM_TREE=$TREES/rootfs-debian
entry=$BIN/entry
work=$(mktemp -d /tmp/e2e.XXXXXX)
chmod 755 "$work"
one=$work/one two=$work/a,b:c
mkdir "$one" "$two" "$work/frozen"
echo frozen >"$work/frozen/file"
before=$(host_state)
escaped="$work/a\\,b\\:c"
list() { echo "$one:/var/lib/one:disk=$1,$work/frozen:/frozen:ro,$escaped:/srv/t\\:wo:disk=64M"; } # SIZE of the first

capture vm VM_NETWORK=none VM_LOG_LEVEL=warn VM_VOLUMES="$(list 64M)" "$entry" /bin/sh -c '
    cat /frozen/file; grep -cE "^/dev/vd[df] (/var/lib/one|/srv/t:wo) ext4 rw" /proc/mounts; ls -A /var/lib/one
    mkdir /var/lib/one/sub && ln -s x /var/lib/one/link && chown 7:8 /var/lib/one/sub && echo first >/var/lib/one/sub/f
    echo second >"/srv/t:wo/f" && sync && exit 5'
is "a guest has two disks of its own" "$STATUS/$STDOUT/$STDERR" "5/frozen
2/"
is "which their directories keep" "$(cd "$work" && echo one/* a,b:c/*)" "one/data.ext4 a,b:c/data.ext4"
check "as clean file systems" eval "e2fsck -fn $one/data.ext4 >/dev/null 2>&1 && e2fsck -fn '$two/data.ext4' >/dev/null 2>&1"
is "of the size that was asked for" "$(stat -c %s "$one/data.ext4")" $((64 << 20))
capture vm VM_NETWORK=none VM_LOG_LEVEL=warn VM_VOLUMES="$(list 96M)" "$entry" /bin/sh -c '
    cat /var/lib/one/sub/f "/srv/t:wo/f"; stat -c "%u %g" /var/lib/one/sub; readlink /var/lib/one/link
    [ "$(stat -f -c "%b %S" /var/lib/one | { read -r b s; echo $((b * s >> 20)); })" -gt 70 ] && echo larger'
is "the next guest has what is on them, and one has grown" "$STATUS/$STDOUT/$STDERR" "0/first
second
7 8
x
larger/"
is "a directory keeps one disk" "$(vm VM_VOLUMES="$one:/x:disk,$one/.:/y:disk" "$entry" --dry-run /bin/true 2>&1 >/dev/null)" \
    "ctr-jailer: VM_VOLUMES=$one:/x:disk,$one/.:/y:disk: $one/.: this directory keeps the disk of /x already"
is "nothing else is left" "$(host_state)" "$before"
rm -rf "$work"
done_testing
