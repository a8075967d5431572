#!/bin/bash
# VM_VOLUMES=...:rw: a directory of the host in a real guest, both ways, from its first file to its end.
#: kvm
#: kernels both
#: disk build/e2e.disk
#: timeout 1200
set -euo pipefail
. "$(dirname "$0")/vm.sh"
VM_TREE=$TREES/rootfs-debian
entry=$BIN/entry
work=$(mktemp -d /tmp/e2e.XXXXXX)
chmod 755 "$work"
mkdir "$work/share" "$work/frozen" "$work/tools"
share=$work/share
echo frozen >"$work/frozen/file"
echo 'of the host' >"$share/host"
echo one >"$work/single"
ln -s /etc/passwd "$share/link"
before=$(host_state)

# --- one guest does it all ---------------------------------------------------------------------------------
cat >"$share/script" <<'SCRIPT'
set -eu
say() { echo "$1: $2"; }
say read "$(cat /s/host)"
say link "$(readlink /s/link)"
say mount "$(grep ' /s ' /proc/mounts | cut -d ' ' -f 3,4)"
echo 'of the guest' >/s/guest
mkdir -p /s/tree/a/b && cp -a /etc/apt /s/tree/a && tar -C /s/tree -cf /s/tree.tar a
mkdir /s/tree/unpacked && tar -C /s/tree/unpacked -xf /s/tree.tar
diff -r --no-dereference /s/tree/a /s/tree/unpacked/a && say tar same
dd if=/dev/urandom of=/s/data bs=1M count=2 status=none && sync && sha256sum /s/data | cut -d ' ' -f 1 >/s/sum
mkdir /s/theirs && chown 1000:1001 /s/theirs && chmod 700 /s/theirs
setpriv --reuid 1000 --regid 1001 --clear-groups sh -c 'umask 027; echo x >/s/theirs/own; ln -s own /s/theirs/l; mkfifo /s/theirs/p'
setpriv --reuid 1002 --regid 1002 --clear-groups cat /s/theirs/own 2>/dev/null || say others refused
chmod 4755 /s/guest 2>/dev/null || say suid refused
cp /usr/bin/id /tools && chmod 4755 /tools/id && say "asked for" "$(setpriv --reuid 1000 --clear-groups /tools/id -u)"
mknod /s/null c 1 3 2>/dev/null || say device refused
exec 5<>/s/unlinked && rm /s/unlinked && echo kept >&5 && say unlinked "$(cat /proc/self/fd/5)" && exec 5<&-
flock /s/lock sh -c 'flock -n /s/lock true || echo "lock: held"'
mv /s/tree/unpacked /s/moved && ln /s/guest /s/hard && say links "$(stat -c %h /s/guest)"
truncate -s 1T /s/sparse && say sparse "$(stat -c '%s %b' /s/sparse)"
seq 100 | (mkdir /s/many && cd /s/many && xargs touch) && say many "$(ls /s/many | wc -l)" && rm -r /s/many
say single "$(cat /one)" && echo two >/one
touch /frozen/x 2>/dev/null || say frozen "$(cat /frozen/file) refused"
touch /live/x 2>/dev/null || say live "$(cat /live/host) refused"
grep -q . /proc/*/comm; say relay "$(cat /proc/*/comm 2>/dev/null | grep -c share-relay)"
echo go >/s/ready
while [ ! -e /s/answer ]; do sleep 0.2; done
say answer "$(cat /s/answer)"
until [ "$(cat /s/config)" = second ]; do sleep 0.2; done
say replaced "$(cat /s/config)"
echo done
SCRIPT
echo first >"$share/config"
vm VM_NETWORK=none VM_VOLUMES="$share:/s:rw,$work/frozen:/frozen:ro,$share:/live:live-ro,$work/single:/one:rw,$work/tools:/tools:rw=suid" "$entry" \
    /bin/sh /s/script >"$work/out" 2>"$work/err" &
job=$!
check "the guest does its work on the share" wait_until 400 test -e "$share/ready"
servers() { pgrep -x share; }
pid=$(servers | head -n 1)
is "four servers" "$(servers | wc -l)" 4
capture cat "/proc/$pid/status"
like "a server has no more than it needs" "$(tr -s '\t\n' ' ' <<<"$STDOUT")" "*CapPrm: 00000000000000c3*CapAmb: 0000000000000000*NoNewPrivs: 1*"
descriptors() { # of the server: what kinds it has but for O_PATH ones
    local fd
    for fd in /proc/"$pid"/fd/*; do
        case $(readlink "$fd") in
        /dev/null | socket:* | pipe:* | "$work"/* | /tmp/*) ;;
        *) readlink "$fd" ;;
        esac
    done
}
is "and no descriptor of others" "$(descriptors)" ""
# The guest waits for both, and then ends.
echo second >"$share/config.new" && mv "$share/config.new" "$share/config"
echo 'by the host' >"$share/answer.new" && mv "$share/answer.new" "$share/answer"
STATUS=0
wait $job || STATUS=$?
is "it ends as the command does" "$STATUS/$(<"$work/err")" "0/"
is "what the guest saw" "$(<"$work/out")" "read: of the host
link: /etc/passwd
mount: fuse rw,nosuid,nodev,relatime,user_id=0,group_id=0,default_permissions,allow_other
tar: same
others: refused
suid: refused
asked for: 0
device: refused
unlinked: kept
lock: held
links: 2
sparse: 1099511627776 0
many: 100
single: one
frozen: frozen refused
live: of the host refused
relay: 4
answer: by the host
replaced: second
done"
is "what the guest wrote is here" "$(<"$share/guest")" "of the guest"
is "with the guest's owners" "$(cd "$share/theirs" && stat -c '%n %u:%g %a' . l own p | xargs)" \
    ". 1000:1001 700 l 1000:1001 777 own 1000:1001 640 p 1000:1001 640"
is "and content" "$(sha256sum "$share/data" | cut -d ' ' -f 1)" "$(<"$share/sum")"
check "and trees" diff -r --no-dereference "$share/tree/a" "$share/moved/a"
is "and a set-user-id file where that was asked for" "$(stat -c %a "$work/tools/id")" 4755
is "of a single file, too" "$(<"$work/single")" two
is "nothing is left" "$(host_state)" "$before"
none() { ! servers && ! pgrep -x share-keeper; }
check "no server either" wait_until 20 none

# --- a server that is killed; then the next, which hangs -------------------------------------------------------------------------------
rm -f "$share/ready"
vm VM_NETWORK=none VM_STOP_TIMEOUT=2 VM_VOLUMES="$share:/s:rw" "$entry" /bin/bash -c 'exec 5>>/s/appended; touch /s/ready
    while [ -e /s/ready ]; do sleep 0.2; done; exec 2>&1; cat /s/host; echo x >&5; (echo x >/s/new); echo end
    until [ -e /s/host ]; do sleep 0.2; done; cat /s/host; echo x >&5; echo new >/s/new
    hung=0; while [ $hung -lt 10 ]; do cat /s/host >/dev/null &
        hung=0; while [ $hung -lt 10 ] && kill -0 $!; do hung=$((hung + 1)); sleep 0.3; done; done 2>/dev/null
    echo hangs; wait' >"$work/out" 2>"$work/err" &
job=$!
check "another guest has begun" wait_until 200 test -e "$share/ready"
keeper=$(pgrep -x share-keeper)
kill -STOP "$keeper" # it starts no other yet
kill -9 "$(servers)"
check "its server is killed: the guest sees that" wait_until 60 grep -qx end "$work/out"
kill -CONT "$keeper"
check "then another serves" wait_until 60 grep -qsx new "$share/new"
like "errors at once, also of open files, which stay lost" "$(<"$work/out")" \
    "cat: /s/host: *not connected*echo: write error: *not connected*/s/new: *not connected"$'\nend\nof the host\n'"*echo: write error: Stale file handle"
is "one line says so" "$(<"$work/err")" \
    "ctr-jailer: the server of the share $share was killed by signal 9: the guest gets another, but loses the files that it has open there"
kill -STOP "$(servers)" # as if the directory were on NFS without its server
check "the next hangs" wait_until 60 grep -qx hangs "$work/out"
kill -TERM "$(pgrep -P $job -x entry || echo $job)"
STATUS=0
wait $job || STATUS=$?
like "a stop ends a guest that waits for it in vain" "$STATUS" "1[34][37]" # by SIGTERM, or by SIGKILL
check "and the server" wait_until 20 none

# --- a stop ---------------------------------------------------------------------------------------------------
rm -f "$share/ready"
vm VM_NETWORK=none VM_VOLUMES="$share:/s:rw" prlimit --nofile=1024:1024 "$entry" /bin/sh -c 'trap "echo last >/s/last; exit 3" TERM
    mkdir /s/crowd; cd /s/crowd; seq 1000 | xargs touch; ls -l /s/crowd 2>&1 | grep -c root >/s/listed
    touch /s/ready; while :; do sleep 0.2; done' >"$work/out" 2>"$work/err" &
job=$!
check "a third has begun" wait_until 200 test -e "$share/ready"
is "with more files than its server may keep open" "$(<"$share/listed")" 1000
kill -TERM "$(pgrep -P $job -x entry || echo $job)"
STATUS=0
wait $job || STATUS=$?
is "a stop ends it, with what it still wrote" "$STATUS $(<"$share/last") $(grep ctr-jailer "$work/err" || true)" "3 last "
is "nothing is left of these" "$(host_state)" "$before"
check "nor a server" wait_until 20 none
done_testing
