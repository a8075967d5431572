#!/bin/bash
# A terminal in the guest, used as a person does: in tmux, whose screen is what is looked at.
#: kvm
#: disk build/e2e.disk
#: timeout 600
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry ctr=$BIN/ctr-jailer
VM_TREE=$TREES/rootfs-debian
work=$(mktemp -d /tmp/e2e.XXXXXX)
export LC_ALL=C.UTF-8 TERM=xterm

tm() { tmux -L ctr -f /dev/null "$@"; }
screen() { tm capture-pane -p; }
# type TEXT [key...]: what Enter ends, then keys by tmux's names
type() {
    tm send-keys -l -- "$1"
    tm send-keys Enter "${@:2}"
}
shows() { screen | grep -qE -- "$1"; }
# sees NAME REGEX [SECONDS]: a line of the screen matches
sees() {
    if wait_until "${3:-20}" shows "$2"; then pass "$1"; else fail "$1" "$(screen)"; fi
}
# The shell on the host, in whose terminal entry and ctr-jailer run; `run` leaves what stty says around them.
cat >"$work/run" <<RUN
#!/bin/bash
stty -g >$work/before
rm -f $work/after
"\$@"
echo "left \$?"
stty -g >$work/after
RUN
cat >"$work/vm" <<VM
#!/bin/bash
echo \$\$ >$work/pid
exec env -i ${VM_ENV[*]@Q} VM_ROOTFS_DIR=$VM_TREE "\$@"
VM
chmod +x "$work/run" "$work/vm"
tm new-session -d -x 80 -y 24 "cd $work && PS1='host> ' exec bash --norc --noprofile"
before=$(host_state)
restored() { [ -s "$work/after" ] && cmp "$work/before" "$work/after"; }
# ends NAME CODE [SECONDS]: what `run` started has ended, and the terminal is as it was
ends() {
    sees "$1: exit code" "left $2\$" "${3:-30}"
    check "$1: the terminal is as it was" wait_until 10 restored
    type clear
}
# uses: a session of a person, in the guest's shell
uses() {
    sees "$1: a prompt" '^guest>' 100
    tm resize-window -x 100 -y 40
    type 'stty size; tty'
    sees "$1: the size follows" '^40 100$'
    sees "$1: it is a terminal" '^/dev/pts/'
    type "bash -c 'echo begun; exec sleep 1000'"
    sees "$1: a command" '^begun$'
    tm send-keys C-c
    type 'echo "status $?"'
    sees "$1: Ctrl-C" '^status 130$'
    type 'sed -u s/fro/FRO/'
    type 'to and fro'
    sees "$1: one that reads" '^to and FRO$'
    tm send-keys C-z
    sees "$1: Ctrl-Z" 'Stopped'
    type 'jobs; fg'
    type 'again' C-d
    type 'echo "$((20 + 2))"'
    sees "$1: fg, and Ctrl-D" '^22$'
    type 'vim.tiny -u NONE /tmp/text'
    sees "$1: vim has the whole screen" '"/tmp/text" \[New'
    is "$1: vim's rows" "$(screen | grep -c '^~')" 38
    tm resize-window -x 80 -y 24
    rows() { [ "$(screen | grep -c '^~')" = 22 ]; }
    check "$1: vim follows the size" wait_until 20 rows
    tm send-keys -l 'iwritten in vim'
    tm send-keys Escape
    type ':wq'
    type 'cat /tmp/text; seq 500 | less'
    sees "$1: less" '^23$'
    tm send-keys G
    sees "$1: less, its end" '^500$'
    tm send-keys q
    type 'cat /tmp/text; exit 21'
    sees "$1: what vim wrote" '^written in vim$'
    ends "$1" 21
}

# --- a container's own terminal ----------------------------------------------------------------------------
type "./run ./vm CTR_PS1='guest> ' $entry bash --norc --noprofile -i"
uses "entry"

type "./run ./vm $entry sleep 1000"
wait_until 60 pgrep -x firecracker >/dev/null || true
tm send-keys C-c
ends "Ctrl-C while it boots" 130 20
type "./run ./vm EXTRA_KERNEL_BOOT_ARGS=rdinit=/nonexistent $entry true"
ends "a failure while it boots" 125 60
type "./run ./vm VM_ID=tty $entry bash -c 'stty raw -echo; echo ready; exec sleep 1000'"
sees "a command that changes its terminal" ready 60
kill -TERM "$(<"$work/pid")"
ends "it is stopped" 143

# --- an exec's -------------------------------------------------------------------------------------------
(exec env -i "${VM_ENV[@]}" VM_ROOTFS_DIR="$VM_TREE" VM_STOP_TIMEOUT=1 "$entry" /bin/bash -c 'trap "" TERM; echo ready; sleep 1000') \
    >"$work/out" 2>"$work/err" &
pid=$!
check "a VM for an exec" wait_until 100 grep -q ready "$work/out"
type "./run $ctr exec -it -e PS1='guest> ' -- bash --norc --noprofile -i"
uses "exec -it"
"$ctr" exec -- sh -c "printf '\\033[7mmarked\\302\\2331m\\n' >/dev/console"
is "logs into a pipe are as they were" "$("$ctr" logs | tr -d '\r' | grep marked)" $'\e[7mmarked\u009b1m'
type "$ctr logs"
sees "logs on a terminal are text" '^.x1b\[7mmarked.xc2.x9b1m$'
type clear
type "./run $ctr exec -it -- bash -c 'echo begun; exec sleep 1000'"
sees "an exec with a terminal" '^begun$'
kill -TERM "$pid"
status=0
wait "$pid" || status=$?
is "after VM_STOP_TIMEOUT the VM's command is killed: 137" "$status" 137
ends "an exec whose VM ends" 125

tm kill-server
is "nothing is left on the host" "$(diff <(echo "$before") <(host_state))" ""
rm -rf "$work"
done_testing
