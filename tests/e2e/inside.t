#!/bin/bash
# What a command finds in its guest: processes as under an init of a container, users, limits, files of /etc,
# mounts; in Debian, and in a tree of one program.
#: kvm
#: disk build/e2e.disk
#: timeout 900
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry ctr=$BIN/ctr-jailer
work=$(mktemp -d /tmp/e2e.XXXXXX)
before=$(host_state)
# the container's own lines; not over the file: in the emulated host that is a machine's own
printf '127.0.0.1 localhost\n10.9.9.9 db db.example\n127.0.1.1 %s\n' "$(hostname)" >"$work/hosts"
mount --bind "$work/hosts" /etc/hosts

# --- one static program, nothing else: what is missing is there ------------------------------------------
VM_TREE=$TREES/rootfs-static
vm MEM_SIZE_MIB=512 "$entry" /guest-static wait >"$work/out" 2>"$work/err" &
job=$!
check "a static guest has started" wait_until 100 grep -q ready "$work/out"
is "10,000 orphans leave no zombie" "$(timeout 300 "$ctr" exec /guest-static forks 10000)" "0 zombies"
is "what is in a tree without anything" "$("$ctr" exec /guest-static list / /etc /etc/hosts /etc/resolv.conf /etc/hostname \
    /tmp /run /dev/shm /dev/pts /dev/ptmx /dev/null /dev/fd /dev/stdin /proc /sys /sys/fs/cgroup /dev/mqueue)" \
"/ 40755 40755
/etc 40755 40755
/etc/hosts 100644 100644
/etc/resolv.conf 100644 100644
/etc/hostname 100644 100644
/tmp 41777 41777
/run 40755 40755
/dev/shm 41777 41777
/dev/pts 40755 40755
/dev/ptmx 20666 20666
/dev/null 20666 20666
/dev/fd 120777 40500
/dev/stdin 120777 20666
/proc 40555 40555
/sys 40555 40555
/sys/fs/cgroup 40555 40555
/dev/mqueue 41777 41777"
is "hostname, and hosts with the container's further lines" \
    "$("$ctr" exec /guest-static cat /etc/hostname; "$ctr" exec /guest-static cat /etc/hosts | grep -vE '^(127|::1|f[ef])' |
        sed "s/^$("$ctr" status --json | jq -r .address)\t/GUEST\t/" | tr '\t' ' ')" \
    "$(hostname)
10.9.9.9 db db.example
GUEST $(hostname)"
capture "$ctr" exec sh -c true
is "there is no shell" "$STATUS" 127
capture "$ctr" exec --busybox sh -c 'ls / | tr "\n" " "; ps | grep -c "[g]uest-static wait"; exit 44'
is "exec --busybox: a shell, and nothing of it in the tree" "$STATUS/$STDOUT" \
    "44/dev etc flow guest-hostile guest-static proc run sys tmp 1"
# many at once, each with its own exit code
for i in $(seq 100); do
    { status=0; "$ctr" exec /guest-static exit "$i" || status=$?; echo "$i $status"; } &
done >"$work/codes"
wait_codes() { [ "$(wc -l <"$work/codes")" = 100 ]; }
check "a hundred at once" wait_until 200 wait_codes
is "each has its own exit code" "$(awk '$1 != $2' "$work/codes")" ""
check "stop" "$ctr" stop -t 5
wait $job || true
is "nothing is left on the host" "$(diff <(echo "$before"; findmnt -rno TARGET /etc/hosts) <(host_state | grep -v ' /etc/hosts '; findmnt -rno TARGET /etc/hosts))" ""

# --- limits that Firecracker could not live with, and a user who may have two processes: its shell and that one's child --
VM_TREE=$TREES/rootfs-debian
capture vm VM_USER=www-data prlimit --nproc=2:2 --fsize=1048576:1048576 --as=100000000:100000000 --data=50000000:50000000 \
    --cpu=3:3 --nofile=20:20 --stack=1048576:2097152 "$entry" /bin/bash -c 'for l in u f v d t n s; do ulimit -$l; done; (:) && echo forked'
is "the container's low limits are the guest's alone" "$STATUS $(xargs <<<"$STDOUT") $STDERR" "0 2 1024 97656 48828 3 20 1024 forked "

# --- Debian: a user, limits, links of the image, a group of processes -------------------------------------
VM_TREE=$work/tree
mkdir "$work/upper" "$work/ovl" "$work/tree"
mount -t tmpfs upper "$work/ovl"
mkdir "$work/ovl/u" "$work/ovl/w"
mount -t overlay -o "lowerdir=$TREES/rootfs-debian,upperdir=$work/ovl/u,workdir=$work/ovl/w" overlay "$VM_TREE"
ln -sf ../run/systemd/resolve/stub-resolv.conf "$VM_TREE/etc/resolv.conf"
ln -sf /dev/null "$VM_TREE/etc/hostname"
echo shipped >"$VM_TREE/etc/hosts"
sed -i 's/^\(video\|staff\|games\):.*:/&www-data/' "$VM_TREE/etc/group"
printf '%s\n' '127.0.0.1 localhost' "10.244.1.5 $(hostname).nginx.default.svc.cluster.local $(hostname)" \
    '10.1.2.3 localhost.localstack.cloud' >"$work/hosts" # as in a pod
cat >"$work/script" <<'GUEST'
trap 'echo "parent got it"' USR1
bash -c 'trap "echo \"child got it\"; exit" USR1; echo child waits; while :; do sleep 0.2; done' &
id
ulimit -n; ulimit -Hn; ulimit -u; ulimit -c; ulimit -Hc
echo ready
while :; do sleep 0.2; done
GUEST
vm VM_USER=www-data: unshare --uts sh -c 'echo names.test >/proc/sys/kernel/domainname; exec "$@"' - prlimit --nofile=1024:4096 --nproc=unlimited --core=0:unlimited "$entry" /bin/bash -c "$(<"$work/script")" >"$work/out" 2>"$work/err" &
job=$!
waits() { grep -q "child waits" "$work/out" && grep -q ready "$work/out"; }
check "a Debian guest has started" wait_until 100 waits
is "the user has the groups of the image" "$(grep uid= "$work/out")" \
    "uid=33(www-data) gid=33(www-data) groups=33(www-data),44(video),50(staff),60(games)"
is "its long name, the addresses of names, the domain" "$("$ctr" exec -- sh -c 'hostname -f
    for name in "$(hostname)" "$(hostname -f)" localhost.localstack.cloud; do getent ahostsv4 "$name" | head -n 1 | cut -d " " -f 1; done
    cat /proc/sys/kernel/domainname' | sed "s/^$("$ctr" status --json | jq -r .address)\$/GUEST/")" \
    "$(printf '%s\n' "$(hostname).nginx.default.svc.cluster.local" GUEST GUEST 10.1.2.3 names.test)"
is "limits: files, processes, core files" "$(grep -xE '[0-9]+|unlimited' "$work/out" | tr '\n' ' ')" \
    "1024 524288 unlimited 0 unlimited "
is "exec: user, limits and groups are the same" "$("$ctr" exec -- bash -c 'id -G; ulimit -n; ulimit -u' | tr '\n' ' ')" \
    "33 44 50 60 1024 unlimited "
pid=$(pgrep -P $job -x entry || echo $job)
kill -USR1 "$pid"
both() { grep -q "child got it" "$work/out" && grep -q "parent got it" "$work/out"; }
check "a signal reaches the process group" wait_until 30 both
is "resolv.conf, a link to what is not there, is still one" \
    "$("$ctr" exec -- sh -c 'readlink /etc/resolv.conf; grep -c . /etc/resolv.conf; cat /run/systemd/resolve/stub-resolv.conf | grep -c .')" \
    "../run/systemd/resolve/stub-resolv.conf
$(grep -c . /etc/resolv.conf)
$(grep -c . /etc/resolv.conf)"
is "a link to what is no file is replaced" "$("$ctr" exec -- sh -c 'cat /etc/hostname; ls -l /dev/null | cut -c 1-10; cat /dev/null')" \
    "$(hostname)
crw-rw-rw-"
is "what the image ships is beneath" "$("$ctr" exec -u root -- sh -c 'umount /etc/hosts; cat /etc/hosts')" shipped
is "/tmp and /run are the image's" "$("$ctr" exec -- sh -c 'stat -c "%n %a" /tmp /run; findmnt -no FSTYPE -T /tmp; findmnt -no FSTYPE -T /run' | tr '\n' ' ')" \
    "/tmp 1777 /run 755 overlay overlay "
is "mounts" "$("$ctr" exec -- findmnt -rno TARGET,FSTYPE | grep -E '^/(dev|sys|proc)' | sort | tr '\n' ' ')" \
    "/dev devtmpfs /dev/mqueue mqueue /dev/pts devpts /dev/shm tmpfs /proc proc /proc/1/fd tmpfs /sys sysfs /sys/fs/cgroup cgroup2 "
is "cgroup2 with its controllers" "$("$ctr" exec -u root -- sh -c 'cd /sys/fs/cgroup; for c in cpu memory pids io; do
    grep -qw $c cgroup.controllers && echo +$c >cgroup.subtree_control && echo $c; done
    mkdir a && echo 50M >a/memory.max && cat a/memory.max' | tr '\n' ' ')" "cpu memory pids io 52428800 "
is "a user may listen on port 80, and ping" "$("$ctr" exec -- cat /proc/sys/net/ipv4/ip_unprivileged_port_start \
    /proc/sys/net/ipv4/ping_group_range | tr '\t\n' '  ')" "0 0 2147483647 "
is "a shell in the guest leaves no zombie behind" "$("$ctr" exec -- sh -c '(sleep 0.1 & echo $! >/tmp/orphan)
    n=0; while [ -e "/proc/$(cat /tmp/orphan)" ] && [ $n -lt 300 ]; do n=$((n + 1)); sleep 0.1; done
    cat /proc/[0-9]*/stat | grep -c ") Z "')" 0
check "stop" "$ctr" stop -t 1
wait $job || true
umount "$VM_TREE" "$work/ovl" /etc/hosts
is "nothing is left on the host" "$(diff <(echo "$before") <(host_state))" ""
rm -rf "$work"
done_testing
