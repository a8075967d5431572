#!/bin/bash
# ctr-jailer cp in both directions, in a guest without a shell, and in one behind a namespace; status and health.
#: kvm
#: disk build/e2e.disk
#: timeout 900
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry ctr=$BIN/ctr-jailer
work=$(mktemp -d /tmp/e2e.XXXXXX)
cd "$work"

# all that a copy keeps
long=$(head -c 200 /dev/zero | tr '\0' x)
mkdir -p tree/sub tree/ro "tree/$long/$long"
head -c 3000000 /dev/urandom >tree/sub/data
echo "a b" >"tree/sub/with space, \\1&"
echo deep >"tree/$long/$long/$long"
ln tree/sub/data tree/hard
ln -s sub/data tree/link
ln -s /nonexistent tree/dangling
chown -h 7:8 tree/dangling
chown 1234:70000 tree/sub/data
chmod 4751 tree/sub/data
mkfifo tree/fifo
chmod 1777 tree/sub
chmod 555 tree/ro
setfattr -n trusted.note -v kept tree/sub/data
touch -h -d '2002-02-02 02:02:02.5' tree/dangling
touch -d '2001-02-03 04:05:06.789012345' tree/sub/data tree/sub tree/ro tree
list() {
    (cd "$1" && find . -printf '%P %y %m %U:%G %T@ %l %n %f\n' | sed 's/^ \(d.*\) [^ ]*$/\1/' | sort &&
        find . -type f -exec sha256sum {} + | sort && getfattr -hd -m "^trusted.note" sub/data)
}
list tree >wanted

for guest in static pid1; do
    VM_TREE=$TREES/rootfs-static command=(/guest-static wait) first=no
    if [ $guest = pid1 ]; then # in whose namespace copies go
        VM_TREE=$TREES/rootfs-debian first=yes command=(/bin/bash -c 'mount -t tmpfs mine /mnt; echo ready; sleep 1000')
    fi
    vm VM_PORTS=127.0.0.1:8080:80,2000-2001:3000-3001/udp VM_INIT=$first \
        VM_HEALTHCHECK_CMD='[ -e /healthy ] && echo good || { echo bad; exit 7; }' "$entry" "${command[@]}" >out 2>err &
    job=$!
    check "$guest: a VM has started" wait_until 100 grep -q ready out

    check "$guest: a folder in, under a new name" "$ctr" cp tree :/copy
    check "$guest: into an existing folder, under its own" "$ctr" cp tree :/copy
    check "$guest: what is in it, over what is there" "$ctr" cp tree/. :/copy
    check "$guest: out again" "$ctr" cp --archive :/copy back
    check "$guest: and the inner one" cmp <(list back/tree) wanted
    rm -rf back/tree
    touch -d '2001-02-03 04:05:06.789012345' back
    is "$guest: owners, modes, times, links, attributes and bytes are the same" "$(list back | diff - wanted)" ""
    rm -rf back
    # without --archive: what any user could have made
    "$ctr" exec --busybox mknod /copy/null c 1 3
    capture "$ctr" cp :/copy/. back
    is "$guest: out without --archive: what is left out" "$STATUS/$(sort <<<"$STDERR")" \
        "0/ctr-jailer: warning: back/fifo is a FIFO, and is skipped (--archive copies it)
ctr-jailer: warning: back/null is a device, and is skipped (--archive copies it)
ctr-jailer: warning: back/tree/fifo is a FIFO, and is skipped (--archive copies it)"
    is "$guest: no set-user-id bits, other owners and attributes" \
        "$(find back -perm /6000 -o ! -uid 0 -o ! -gid 0; getfattr -Rhd -m - back; stat -c '%a %Y' back/sub/data)" "751 981173106"
    check "$guest: but all bytes, names and links" cmp <(cd back && find . ! -path './tree*' -printf '%P %y %l\n' | sort &&
        sha256sum sub/data hard) <(cd tree && find . ! -type p -printf '%P %y %l\n' | sort && sha256sum sub/data hard)
    rm -rf back
    "$ctr" exec --busybox rm /copy/null

    echo one >one
    check "$guest: a file in" "$ctr" cp one :/copy/sub
    check "$guest: a file in, under a new name" "$ctr" cp one ':/copy/sub/two, \1&'
    check "$guest: and out under another" "$ctr" cp ':/copy/sub/two, \1&' 'three, \2&'
    is "$guest: it is the same" "$(cat 'three, \2&')" one
    mkdir -p here
    check "$guest: and out into a folder" "$ctr" cp :/copy/sub/one here
    check "$guest: a link is copied as one" "$ctr" cp :/copy/link here
    is "$guest: what came" "$(cat here/one; readlink here/link)" $'one\nsub/data'
    "$ctr" cp :/copy/sub - >stream.tar
    is "$guest: as a stream" "$(tar -tf stream.tar | sort | head -n 2 | tr '\n' ' ')" "sub/ sub/data "
    check "$guest: a stream in" "$ctr" cp - :/copy/ro <stream.tar
    check "$guest: it is there" "$ctr" cp :/copy/ro/sub/one here/
    capture "$ctr" cp nosuch :/
    is "$guest: no such file here" "$STATUS/$STDERR" "125/ctr-jailer: cp: nosuch: no such file or directory"
    capture "$ctr" cp :/nosuch .
    is "$guest: no such file there" "$STATUS/$STDERR" "125/ctr-jailer: cp: /nosuch: no such file or directory"
    capture "$ctr" cp one :/nosuch/
    is "$guest: no such directory" "$STATUS/$STDERR" "125/ctr-jailer: cp: /nosuch/: no such directory"
    capture "$ctr" cp one :/nosuch/one
    is "$guest: no such parent" "$STATUS/$STDERR" "1/ctr-jailer: in the guest: copy: cannot change to the directory /nosuch: No such file or directory"
    capture "$ctr" cp tree :/copy/sub/one
    is "$guest: a folder onto a file" "$STATUS/$STDERR" "125/ctr-jailer: cp: a directory cannot be copied onto the file /copy/sub/one"
    capture "$ctr" cp one two
    like "$guest: none in the guest" "$STATUS/$STDERR" "125/*colon*"
    head -c 1000 /dev/urandom >noise
    capture "$ctr" cp - :/ <noise
    is "$guest: a stream that is none" "$STATUS/$STDERR" "1/ctr-jailer: in the guest: copy: this is not a tar archive, or it is damaged"
    if [ $guest = pid1 ]; then
        check "a mount of PID 1's is seen" "$ctr" cp one :/mnt/
        is "and by exec too" "$("$ctr" exec cat /mnt/one)" one
        is "exec is in the namespace" "$("$ctr" exec -- sh -c 'cat /proc/1/comm; [ $$ -lt 1000 ] && echo yes')" $'sleep\nyes'
    fi

    # --- health, by the guest's shell, or by busybox' ------------------------------------------------------
    capture "$ctr" status --healthy
    is "$guest: not healthy" "$STATUS/$STDOUT" "1/bad"
    "$ctr" cp one :/healthy
    capture "$ctr" status --healthy
    is "$guest: healthy" "$STATUS/$STDOUT" "0/good"
    "$ctr" status --json >status
    is "$guest: status" "$(jq -c '[.state, .ports, .restarts, .pids.entry]' status)" \
        "[\"running\",[\"127.0.0.1:8080:80/tcp\",\"2000-2001:3000-3001/udp\"],null,$(pgrep -x entry | head -n 1)]"
    is "$guest: status: Firecracker" "$(cat "/proc/$(jq .pids.firecracker status)/comm")" firecracker
    like "$guest: status: the address" "$("$ctr" exec --busybox ip -o -4 addr show eth0)" "*inet $(jq -r .address status)/30 *"
    check "$guest: status: phases in order" jq -e '.boot_ms | 0 < .firecracker and .firecracker < .kernel + 500
        and .kernel < .init and .init < .exec' status
    is "$guest: status: the command" "$(jq .pids.command_in_guest status)" "$(
        [ $guest = pid1 ] && echo 1 || "$ctr" exec --busybox ps | awk '/guest-static wait$/ {print $1}')"
    like "$guest: status as text" "$("$ctr" status)" "id: *
state: running
*ports: 127.0.0.1:8080:80/tcp, 2000-2001:3000-3001/udp
pids: 
  entry: *boot_ms: 
  firecracker: *restarts: null
*"
    check "$guest: stop" "$ctr" stop -t 1
    wait $job || true
    capture "$ctr" status --healthy
    is "$guest: without a VM" "$STATUS/$STDERR" "1/ctr-jailer: no VM is running here"
done
cd /
rm -rf "$work"
done_testing
