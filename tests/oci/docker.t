#!/bin/bash
# `docker run --runtime`, with a real Docker engine: an image that nobody has prepared (busybox and an empty tree), in
# VMs.
#: engine
#: kvm
#: disk build/e2e.disk
#: timeout 900
set -euo pipefail
. tests/e2e/vm.sh
. tests/docker/engine.sh
. tests/oci/toolkit.bash
work=$(mktemp -d /tmp/e2e.XXXXXX)
undo() {
    docker ps -aq | xargs -r docker rm -f
    stop_engine
    umount "$work/data"
    rm -rf "$work"
} >/dev/null 2>&1
trap undo EXIT
mkdir "$work/data" "$work/tree" "$work/shared"
mount -t tmpfs data "$work/data"
toolkit "$work/data/toolkit" "$BIN/entry" "$KERNEL" "$BIN" "$FIRECRACKER" "$INITRD"
cp build/bin/ctr-jailer-oci "$work/data/"
printf '%s\n' "OCI_TOOLKIT=$work/data/toolkit" "OCI_STATE=$work/data/state" MEM_SIZE_MIB=128 VCPU_COUNT=1 ROOTFS_SIZE=64M \
    VM_BOOT_TIMEOUT=300 >"$work/oci.conf"
export CTR_OCI_CONFIG=$work/oci.conf # containerd hands it on
mkdir -p "$work/tree"/{bin,etc,tmp,srv/app,www}
cp "$(type -P busybox)" "$work/tree/bin/busybox"
for name in sh id hostname cat httpd wget stty tty ls sleep head grep; do ln -s busybox "$work/tree/bin/$name"; done
chmod 1777 "$work/tree/tmp"
echo 'root:x:0:0::/:/bin/sh' >"$work/tree/etc/passwd"
check 'the engine starts, with the runtime' start_engine "$work/data/docker" --add-runtime "ctr-jailer=$work/data/ctr-jailer-oci"
check 'an image' eval 'tar -C "$work/tree" -c . | docker import --change "ENV IMAGE=of-it" --change "WORKDIR /srv" - plain'
run() { docker run --runtime ctr-jailer "$@"; }

# What a container by runc says, a VM says as well.
echo 'one file' >"$work/file"
chmod 666 "$work/file"
# shellcheck disable=SC2016 # for the shell inside
same() { # RUNTIME
    docker run --runtime "$1" --rm -u 1000:1001 --group-add 10 -w /srv/app -h box --ulimit nofile=1024:2048 -e $'A=b  "c"\n$d' \
        -v "$work/shared:/rw" -v "$work/file:/etc/one:ro" --network none --read-only plain sh -c 'id -u; id -g; id -G; pwd; hostname
        ulimit -n; ulimit -Hn; echo "$A $IMAGE $HOSTNAME $PATH"; cat /etc/one; umask
        { echo x >/etc/one; } 2>&1 || echo no; { echo x >/tmp/x; } 2>&1 || echo no; echo "$0" >/rw/"$(id -u)"; cat /rw/*; ls /sys/class/net
        echo error >&2; [ -n "$(cat /proc/sys/kernel/osrelease)" ]; exit 7'
}
chmod 777 "$work/shared"
capture same runc
wanted="$STATUS $STDERR $STDOUT"
capture same ctr-jailer
is 'exit code, stderr, user, groups, directory, hostname, limits, variables, umask, mounts, --read-only, no network' "$STATUS $STDERR $STDOUT" "$wanted"
like 'which is something' "$wanted" '7 error 1000*'

capture run --rm -t plain sh -c 'tty; echo from the guest >/srv/file; cat /srv/file /proc/sys/kernel/osrelease; cat /nothing'
like 'a terminal; the root can be written; an error' "$STATUS $STDOUT" $'1 /dev/*\r\nfrom the guest\r\n*\r\ncat: *'
check 'in a kernel of its own' test "$(grep -c "^$(uname -r)" <<<"$STDOUT")" = 0

check 'docker run -d -p' run -d --name web -p 8080:80 -v "$work/shared:/rw" plain sh -c \
    'trap "echo stopping >/rw/end; exit 9" TERM; httpd -p 80 -h /www; echo served >/www/line; echo ready; while :; do sleep 1 & wait; done'
ready() { docker logs web 2>&1 | grep -qx ready; }
check 'docker logs' wait_until 200 ready
served() { [ "$(busybox wget -qO - http://127.0.0.1:8080/line)" = served ]; }
check 'a published port answers' wait_until 60 served
capture docker exec -u 5:6 -w /etc -e 'Q=a  b' web sh -c 'id -u; pwd; echo "$Q $IMAGE"; cat; exit 3'
is 'docker exec' "$STATUS $STDOUT" $'3 5\n/etc\na  b of-it'
capture docker exec -i web cat <<<'through stdin'
is 'docker exec -i' "$STATUS $STDOUT" '0 through stdin'
capture docker exec web /not-there
is 'docker exec of what is not there' "$STATUS" 127
docker stop -t 120 web >/dev/null
is "docker stop: the command's trap, and its exit code" "$(docker inspect -f '{{.State.ExitCode}}' web) $(cat "$work/shared/end")" '9 stopping'
docker rm web >/dev/null

capture run --rm --tmpfs /x plain sh
like 'what is refused is told by the engine, in one line' "$STATUS $STDERR" '12[5-7] docker: *mount /x: a tmpfs is not supported yet*'
is 'no container is left, and no folder of one' "$(docker ps -aq) $(find "$work/data/state" -mindepth 2)" ' '
is 'and no process' "$(ps -e -o comm= | grep -xE 'entry|entry-keeper|firecracker|jailer|share' || true)" ''
done_testing
