#!/bin/bash
# A tree with one static program, no shell: what reaches the command, and what comes back of it.
#: kvm
#: kernels both
#: disk build/e2e.disk
#: timeout 600
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry
work=$(mktemp -d /tmp/e2e.XXXXXX)
before=$(host_state)

# --- environment, byte for byte ---------------------------------------------------------------------
long=$(head -c 100000 /dev/zero | tr '\0' x)
values=(
    "SPACES= a  b " "QUOTES=it's \"so\"" "EQUALS=a=b=" $'NEWLINE=a\nb\n' "EMPTY=" "SUBST=\$(touch /pwned)\`touch /pwned\`"
    "LONG=$long" $'BYTES=\xff\xfe\x80' "CTR_PATH=/from/prefix" "CTR_VCPU_COUNT=9" "BOTH=plain" "CTR_BOTH=wins"
)
capture vm "${values[@]}" HOME=/not HOSTNAME=not TERM=not "$entry" /guest-static exit 0
is "a command that exits with 0" "$STATUS/$STDOUT/$STDERR" "0//"
vm "${values[@]}" HOME=/not HOSTNAME=not TERM=not "$entry" /guest-static env >"$work/env"
for value in "${values[@]}"; do
    name=${value%%=*}
    case $value in CTR_*) value=${value#CTR_} ;; BOTH=*) continue ;; esac
    if grep -zqxF -- "$value" "$work/env" || grep -zqxF -e "${value//$'\n'/}" <(tr -d '\n' <"$work/env"); then
        pass "environment: $name arrives unchanged"
    else
        fail "environment: $name arrives unchanged"
    fi
done
like "environment: a newline stays one" "$(tr '\0\n' '\n|' <"$work/env" | grep ^NEWLINE)" 'NEWLINE=a|b|'
is "environment: the prefixed one wins" "$(tr '\0\n' '\n|' <"$work/env" | grep ^BOTH=)" BOTH=wins
is "environment: what configures the VM or describes the container stays outside" \
    "$(tr '\0\n' '\n|' <"$work/env" | grep -E '^(VM_ROOTFS_DIR|MEM_SIZE_MIB|VM_KERNEL_IMAGE|HOME|HOSTNAME|TERM)=' | sort)" \
    "HOME=/root"$'\n'"HOSTNAME=$(hostname)"

# --- arguments, streams, exit codes ------------------------------------------------------------------
vm "$entry" /guest-static argv "a b" "" $'x\ny\xff' '$(id)' >"$work/argv"
check "arguments arrive unchanged" cmp "$work/argv" <(printf 'a b\0\0x\ny\xff\0$(id)\0')
capture vm "$entry" /guest-static both
is "stdout and stderr arrive apart" "$STATUS/$STDOUT/$STDERR" "0/out/err"
for code in 7 125 255; do
    capture vm "$entry" /guest-static exit $code
    is "exit code $code" "$STATUS/$STDOUT/$STDERR" "$code//"
done
capture vm "$entry" /guest-static kill 9
is "killed by SIGKILL: 137" "$STATUS/$STDERR" "137/"
capture vm "$entry" /nonexistent
is "not found: 127" "$STATUS" 127
is "not found: one line" "$STDERR" "ctr-jailer: cannot run '/nonexistent' in the guest: No such file or directory"
capture vm "$entry" /etc
is "not executable: 126" "$STATUS" 126

# --- signals, and the end of entry itself --------------------------------------------------------------
ready() { grep -q ready "$work/out"; }
vm "$entry" /guest-static wait >"$work/out" 2>"$work/err" &
job=$!
check "a command that waits has started" wait_until 100 ready
pid=$(pgrep -P $job -x entry || echo $job)
kill -TERM "$pid"
status=0
wait $job || status=$?
is "SIGTERM reaches the command" "$status/$(<"$work/err")" "15/"
after=$(host_state)
is "nothing is left on the host" "$(diff <(echo "$before") <(echo "$after"))" ""

: >"$work/out"
vm VM_ID=fixed "$entry" /guest-static wait >"$work/out" 2>"$work/err" &
job=$!
check "another one has started" wait_until 100 ready
capture vm VM_ID=fixed "$entry" /guest-static exit 3
like "its id is taken" "$STATUS/$STDERR" "125/ctr-jailer: VM_ID=fixed*"
pid=$(pgrep -P $job -x entry || echo $job)
kill -KILL "$pid"
wait $job || true
capture vm VM_ID=fixed "$entry" /guest-static exit 3
is "killed by SIGKILL: the next VM of that id runs" "$STATUS/$STDERR" "3/"
is "and nothing is left of either" "$(diff <(echo "$before") <(host_state))" ""

: >"$work/out"
vm "$entry" /guest-static wait >"$work/out" 2>"$work/err" &
job=$!
check "one more has started" wait_until 100 ready
kill -KILL "$(pgrep -P $job -x entry || echo $job)"
wait $job || true
clean() { diff <(echo "$before") <(host_state); }
check "nothing is left of a killed one, without another start" wait_until 20 clean

# --- a VMM that is held up for seconds, again and again, as on a machine with too much to do ---------------
vm VM_NETWORK=none VM_BOOT_TIMEOUT=0 "$entry" /guest-static both >"$work/out" 2>"$work/err" &
job=$!
check "a VMM to be held up" wait_until 60 pgrep -x firecracker
python3 tests/e2e/stall.py "$(pgrep -x firecracker)" &
status=0
wait $job || status=$?
is "takes longer, and that is all" "$status/$(<"$work/out")/$(<"$work/err")" "0/out/err"
wait $! || true
rm -rf "$work"
done_testing
