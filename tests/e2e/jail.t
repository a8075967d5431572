#!/bin/bash
# Least privilege: what the VMM's process can see, open and change, and what rights those have that serve it.  Its
# id is as long as one can be, its folder deeper than a socket's path, and on a tmpfs as Docker makes it.
#: kvm
#: disk build/e2e.disk
#: timeout 600
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry
work=$(mktemp -d /tmp/e2e.XXXXXX)
mount -t tmpfs -o noexec,nodev,nosuid tmpfs /srv
mkdir -p /jail/data "$work/volume"
mount -t tmpfs data /jail/data
mount --make-private /jail/data
before=$(host_state)
id=$(printf 'i%.0s' {1..64})
base=/srv
for _ in {1..8}; do base+=/$(printf 'b%.0s' {1..100}); done
long=(VM_ID="$id" VM_JAIL_BASE="$base" DATAFS_SIZE=32M VM_VOLUMES="$work/volume:/v:ro" SECRET=squeamish)

vm "${long[@]}" "$entry" /guest-static wait >"$work/out" 2>"$work/err" &
job=$!
check "a VM with the longest id, in a folder of ${#base} characters" wait_until 200 grep -q ready "$work/out"
[ ! -s "$work/err" ] || note "$(<"$work/err")"
main=$(pgrep -P $job -x entry || echo $job)
vmm=$(pgrep -x firecracker)
first=$(awk '/^PPid:/ {print $2}' "/proc/$vmm/status")
keeper=$(pgrep -P "$main" -x entry-keeper)
mapfile -t servers < <(pgrep -P "$main" -x entry | grep -vx "$first")
field() { awk -v name="$2:" '$1 == name {$1 = ""; sub(/^ /, ""); print}' "/proc/$1/status"; } # PID NAME
uid=$(field "$vmm" Uid | cut -d' ' -f1)
none=0000000000000000

# --- Firecracker ---------------------------------------------------------------------------------------------
check "Firecracker's user is one that nothing hands out" test $((uid >> 28)) = 7
is "in all its forms, its group too, and it has no other groups" \
    "$(field "$vmm" Uid)/$(field "$vmm" Gid)/$(field "$vmm" Groups)" "$uid $uid $uid $uid/$uid $uid $uid $uid/"
others() { for s in /proc/[0-9]*/status; do ! grep -q "^Uid:.*\b$uid\b" "$s" 2>/dev/null || echo "$s"; done; }
is "and nobody else's" "$(others)" "/proc/$vmm/status"
for set in CapInh CapPrm CapEff CapAmb; do is "no capability: $set" "$(field "$vmm" $set)" $none; done
is "no way to any: NoNewPrivs" "$(field "$vmm" NoNewPrivs)" 1
is "its seccomp filter is on, in all threads" "$(cat /proc/"$vmm"/task/*/status | awk '/^Seccomp:/ {print $2}' | sort -u)" 2
namespaces() { for n in mnt pid net ipc uts user; do [ "$(readlink /proc/"$1"/ns/$n)" = "$(readlink /proc/"$2"/ns/$n)" ] || echo -n "$n "; done; }
is "its view of mounts and processes is its own" "$(namespaces "$vmm" "$main")" "mnt pid "
is "entry's mounts are its own" "$(namespaces "$main" $$)" "mnt "

python3 tests/e2e/sees.py "$vmm" | sort >"$work/sees"
is "all that it sees, and what it may do with that" "$(grep -v userfaultfd "$work/sees")" "/ d rx
/data - rw
/dev d rx
/dev/kvm c rw
/dev/net d rx
/dev/net/tun c rw
/dev/urandom c rw
/firecracker - rx
/firecracker.log p rw
/firecracker.metrics p rw
/firecracker.pid - r
/initrd - r
/kernel - r
/root - r
/run d rx
/run/api.sock s rwx
/run/v.sock s rwx
/run/v.sock_1024 s rw
/scratch - rw
/volume0 - r"
is "all that is mounted, and whether to be written to" "$(awk '{print $5, ($6 ~ /^ro/ || $NF ~ /^ro/ ? "ro" : "rw")}' /proc/"$vmm"/mountinfo | sort)" "/ ro
/data rw
/initrd ro
/kernel ro
/root ro
/scratch rw
/volume0 ro"
is "the files that it has open" "$(readlink /proc/"$vmm"/fd/* | grep ^/ | sed 's/ (deleted)$//' | sort -u | tr '\n' ' ')" \
    "/data /dev/kvm /dev/net/tun /dev/null /firecracker.log /firecracker.metrics /initrd /kernel /root /scratch /volume0 "
used=$(nsenter -t "$main" -m df -k --output=used "$base/firecracker/$id" | tail -n 1)
binary=$(stat -c %s "$FIRECRACKER/firecracker")
note "the jail holds $used KiB of memory; Firecracker has $((binary >> 10))"
check "no kernel or initramfs is copied: the jail holds Firecracker's binary" test "$used" -le $(((binary >> 10) + 64))
is "nor is the environment in it" "$(nsenter -t "$main" -m find "$base/firecracker/$id" -xdev -type f -exec grep -l squeamish {} + || true)" ""

# --- entry, and those that serve -------------------------------------------------------------------------------
sets() { echo "$(field "$1" CapInh) $(field "$1" CapPrm) $(field "$1" CapEff) $(field "$1" CapBnd) $(field "$1" CapAmb)"; }
own="$((uid + 1)) $((uid + 1)) $((uid + 1)) $((uid + 1))"
for pid in "$main" "$first"; do
    is "$([ "$pid" = "$main" ] && echo entry || echo "the jail's first process") is not root any more" "$(field "$pid" Uid)/$(field "$pid" Gid)/$(field "$pid" Groups)" "$own/$own/"
    is "without capabilities" "$(sets "$pid")" "$none $none $none $none $none"
    is "for ever" "$(field "$pid" NoNewPrivs)" 1
    is "its seccomp filter is on" "$(field "$pid" Seccomp)" 2
done
is "two disks are served" ${#servers[@]} 2
reads=0000000000000004 # CAP_DAC_READ_SEARCH
for pid in "${servers[@]}"; do
    is "a disk's server may read files" "$(field "$pid" Uid)/$(sets "$pid")" "$own/$none $reads $reads $none $none"
    is "its seccomp filter is on" "$(field "$pid" Seccomp)" 2
done
is "the keeper is root" "$(field "$keeper" Uid)" "0 0 0 0"
is "and has no stdin and stdout" "$(readlink /proc/"$keeper"/fd/0 /proc/"$keeper"/fd/1 | sort -u)" /dev/null
rss=$(field "$main" VmRSS)
check "entry takes at most 8 MiB of memory: $rss" test "${rss% kB}" -le 8192
note "entry $(field "$main" VmRSS), $(field "$main" RssAnon) its own; keeper $(field "$keeper" RssAnon)"

kill -TERM "$main"
status=0
wait $job || status=$?
is "its exit code" "$status/$(<"$work/err")" 15/
is "nothing is left on the host" "$(diff <(echo "$before") <(host_state))" ""

# --- without a VM ----------------------------------------------------------------------------------------------
base+=/$(printf 'b%.0s' {1..200})
capture vm "${long[@]}" VM_JAIL_BASE="$base" "$entry" /guest-static
like "a folder that is too deep is refused" "$STATUS/$STDERR" "125/ctr-jailer: VM_JAIL_BASE=/srv/bbb*: the path is too long"
capture vm "${long[@]}" VM_JAIL_BASE="/srv/$(printf 'b%.0s' {1..300})" "$entry" /guest-static
like "and one with too long a name" "$STATUS/$STDERR" "125/ctr-jailer: *File name too long"
capture vm "${long[@]}" "$entry" --id "i$id" /guest-static
like "and a longer id" "$STATUS/$STDERR" "125/ctr-jailer: VM_ID=i*: must be 1 to 64 of*"
is "nothing is left on the host" "$(diff <(echo "$before") <(host_state))" ""
umount /jail/data
umount /srv
rm -rf "$work" /jail
done_testing
