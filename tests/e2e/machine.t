#!/bin/bash
# The machine: memory that an idle guest lends to the host, entropy, CPU templates, Firecracker's version, and the
# metrics, as Prometheus' own parser reads them.
#: kvm
#: disk build/e2e.disk
#: timeout 1500
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry ctr=$BIN/ctr-jailer
work=$(mktemp -d /tmp/e2e.XXXXXX)

# metric NAME [LABEL=VALUE]: its value, by python3-prometheus-client; nothing when it is not there
cat >"$work/metric" <<'PY'
import sys
from prometheus_client.parser import text_string_to_metric_families
label = sys.argv[2].split("=") if len(sys.argv) > 2 else None
for family in text_string_to_metric_families(sys.stdin.read()):
    assert family.documentation and family.type in ("counter", "gauge"), family
    for s in family.samples:
        assert s.labels["vm"], s
        if s.name == "ctr_jailer_" + sys.argv[1] and (not label or s.labels[label[0]] == label[1]):
            print(int(s.value))
PY
scrape() { "$ctr" status --metrics >"$work/metrics"; }
metric() { /usr/bin/python3 "$work/metric" "$@" <"$work/metrics"; }
fresh() { scrape && metric "$@"; }
least() { [ "$(fresh "${@:2}")" -ge "$1" ]; } # BYTES METRIC...
most() { [ "$(fresh "${@:2}")" -le "$1" ]; }
MIB=$((1 << 20))

# --- memory: a guest of 512 MiB frees 250, lends them, and gets them back ------------------------------------
vm MEM_SIZE_MIB=512 VM_MEM_MIN_MIB=128 "$entry" /guest-static hold 250 >"$work/out" 2>"$work/err" &
job=$!
check "the guest has used 250 MiB and freed them" wait_until 200 grep -q freed "$work/out"
pid=$(pgrep -x firecracker)
kb() { awk -v "name=$1:" '$1 == name { print $2 }' "$2"; }
most=$(kb VmHWM "/proc/$pid/status") # the most that it ever had: what it has may be less already
check "so Firecracker had them" test "$most" -ge $((250 << 10))
check "the balloon takes them" wait_until 120 least $((200 * MIB)) balloon_actual_bytes
# What the balloon takes first may never have been the host's; it goes on until the guest has only what it needs.
given_back() { [ "$(kb RssAnon "/proc/$pid/status")" -lt $((most - (200 << 10))) ]; }
check "and the host has them back" wait_until 120 given_back
note "Firecracker's memory: $most kB, then $(kb RssAnon "/proc/$pid/status") kB"
check "the guest keeps what it may" most $(((512 - 128) * MIB)) balloon_target_bytes
told=$(fresh vmm_resident_memory_bytes) actual=$(kb VmRSS "/proc/$pid/status")
note "Firecracker's memory: $told bytes are told, /proc says $actual kB"
check "the metric is what /proc says, but for what has changed since" \
    test $((told / 1024 - actual)) -lt $((20 << 10)) -a $((actual - told / 1024)) -lt $((20 << 10))

# --- metrics -------------------------------------------------------------------------------------------------------
is "metrics: the guest's memory" "$(metric guest_memory_size_bytes)" $((512 * MIB))
check "metrics: what the guest's kernel says of it" test "$(metric guest_memory_total_bytes)" -gt $((400 * MIB))
check "metrics: disk" test "$(metric disk_read_bytes_total disk=root)" -gt 0
check "metrics: processor" test -n "$(metric vmm_cpu_seconds_total)"
is "metrics: the boot's phases" "$(metric boot_seconds | wc -l)" 4
is "metrics: state" "$(metric state_info state=running)" 1
is "metrics: Firecracker" "$(metric firecracker_info version=1.12.1)" 1
old=$(metric disk_read_bytes_total disk=root)
"$ctr" exec /guest-static cat /guest-hostile >/dev/null
check "counters grow" test "$(fresh disk_read_bytes_total disk=root)" -gt "$old"
# A VMM that has stopped is told of all the same, and the supervisor lives on.
kill -STOP "$pid"
check "metrics of a VMM that is stopped" scrape
is "are what is known" "$(metric guest_memory_size_bytes)" $((512 * MIB))
kill -CONT "$pid"

# --- entropy, in the same guest ----------------------------------------------------------------------------------
"$ctr" exec /guest-static random >"$work/random"
like "an entropy device" "$(tail -n 1 "$work/random")" "virtio_rng*"
check "gives bytes" test "$(head -n 1 "$work/random" | fold -w 2 | sort -u | wc -l)" -gt 8

kill -USR1 "$(pgrep -P $job -x entry || echo $job)"
status=0
wait $job || status=$?
is "the guest gets its memory back" "$status/$(tail -n 1 "$work/out")/$(<"$work/err")" "0/again/"

# --- more than there is, when asked for; how the run before ended ------------------------------------------------
more=$(($(kb MemTotal /proc/meminfo) / 512)) # MiB
pid1() { unshare -m -p -f --mount-proc env -i "${VM_ENV[@]}" VM_ROOTFS_DIR="$VM_TREE" "$@"; }
rm -rf /var/lib/ctr-jailer
capture pid1 MEM_SIZE_MIB=$more "$entry" /guest-static exit 3
is "twice the host's memory" "$STATUS/$STDERR" "3/"
pid1 "$entry" /guest-static wait >"$work/out" 2>"$work/err" &
job=$!
check "the container's next run" wait_until 200 grep -q ready "$work/out"
inside() { nsenter -t "$(pgrep -x firecracker)" -n "$ctr" --id "$(pgrep -x firecracker -a | sed 's/.*--id \([^ ]*\).*/\1/')" status --metrics >"$work/metrics"; }
check "metrics from outside" inside
is "it is the second" "$(metric restarts_total)" 1
is "and knows how the first ended" "$(metric last_exit_info reason=exited)/$(metric last_exit_code)" 1/3
kill -KILL "$(pgrep -x entry | head -n 1)"
wait $job 2>/dev/null || true
rm -rf /var/lib/ctr-jailer

# --- refusals: by Firecracker, and for its version -----------------------------------------------------------------
capture vm VM_CPU_TEMPLATE=Z80 "$entry" /guest-static exit 0
like "a CPU template that there is not" "$STATUS/$STDERR" \
    "125/ctr-jailer: VM_CPU_TEMPLATE=Z80: must be None, T2*"
capture vm VM_CPU_TEMPLATE=None "$entry" /guest-static exit 5
is "one that it knows" "$STATUS/$STDERR" "5/"
capture vm VM_MEM_RECLAIM=yes "$entry" /guest-static exit 0
is "a feature that this version lacks" "$STATUS/$STDERR" \
    "125/ctr-jailer: VM_MEM_RECLAIM=yes (free page reporting) needs Firecracker 1.14 or newer; VM_FIRECRACKER_BIN is 1.12.1"
# The same program under another number is as close as one binary comes to being older, or newer.
sed 's/1\.12\.1/1.11.9/g' "$FIRECRACKER/firecracker" >"$work/firecracker"
chmod 755 "$work/firecracker"
capture vm VM_FIRECRACKER_BIN="$work/firecracker" "$entry" /guest-static exit 0
is "a version that is too old" "$STATUS/$STDERR" \
    "125/ctr-jailer: VM_FIRECRACKER_BIN: Firecracker 1.11.9 is too old: 1.12 or newer is needed"
sed 's/1\.12\.1/1.14.0/g' "$FIRECRACKER/firecracker" >"$work/firecracker"
capture vm VM_MEM_RECLAIM=yes VM_FIRECRACKER_BIN="$work/firecracker" "$entry" /guest-static exit 0
like "one that should have it is asked for it" "$STATUS/$STDERR" \
    "125/ctr-jailer: Firecracker refuses balloon:*free_page_reporting*"
for value in 63 x; do
    capture vm MEM_SIZE_MIB=512 VM_MEM_MIN_MIB=$value "$entry" /guest-static
    is "VM_MEM_MIN_MIB=$value" "$STATUS/$STDERR" "125/ctr-jailer: VM_MEM_MIN_MIB=$value: must be a number from 64 to 16777216"
done
capture vm MEM_SIZE_MIB=512 VM_MEM_MIN_MIB=513 "$entry" /guest-static
is "VM_MEM_MIN_MIB=513" "$STATUS/$STDERR" "125/ctr-jailer: VM_MEM_MIN_MIB=513: must not be more than the guest's 512 MiB"
rm -rf "$work"
done_testing
