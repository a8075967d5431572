#!/bin/bash
# VMs in the background: run -d, logs, rm, kill.  Entry, jailer and Firecracker are the real ones; the kernels are a few
# bytes that wait, or end the VM.  A script in entry's place says what a command would.
#: timeout 120
set -euo pipefail
. tests/faults/host.bash
store_host
mkdir "$work/fake"
ln -s "$top/build/bin/ctr-jailer" "$work/fake"
build/bin/rootdisk write "$work/tree" "$work/image"
cp build/faults/waiting "$work"
cp build/faults/vmlinux "$work/ending"
cd "$work"
run+=(VM_NETWORK=none)
ctr() { "${run[@]}" ctr-jailer "$@"; }
ctr image add image app >/dev/null
ctr kernel add waiting waiting >/dev/null
ctr kernel add ending ending >/dev/null
vms=/var/lib/ctr-jailer/vms

# --- real VMs
capture ctr run -d --name=one --kernel waiting -e SECRET=of-the-guest app /guest-static
is "the id is printed once it has started" "$STATUS/$STDOUT/$STDERR" 0/one/
is "it runs" "$(ctr ls | cut -f 1)" one
check "and its Firecracker does" test -e "/proc/$(jq .pids.firecracker /run/ctr-jailer/one/state.json)"
is "its record is root's alone" "$(cd $vms && stat -c '%n %a %u' . one one/*)" ". 700 0
one 700 0
one/log 600 0
one/pid 600 0
one/vm.json 600 0"
is "ps tells no secret" "$(cat /proc/[0-9]*/cmdline | tr '\0' ' ' | grep -c 'of-the-gues[t]')" 0
is "nor does state.json" "$(grep -c of-the-guest /run/ctr-jailer/one/state.json)" 0
is "its record has it" "$(jq -c .environment $vms/one/vm.json)" '["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","SECRET=of-the-guest"]'
pid=$(<$vms/one/pid)
logger=$(pgrep -P "$pid" -f ctr-jailer | while read -r p; do [ "$(readlink "/proc/$p/exe")" != "$top/build/bin/ctr-jailer" ] || echo "$p"; done)
is "the logger has a filter, no capabilities, and few descriptors" \
    "$(sed -n 's/^\(CapEff\|CapPrm\|Seccomp\|NoNewPrivs\):\t//p' "/proc/$logger/status" | tr '\n' ' ')$(readlink "/proc/$logger"/fd/* | sed 's/:.*//; s,^/var/lib/.*/,,' | sort | tr '\n' ' ')" \
    "0000000000000000 0000000000000000 1 2 /dev/null /dev/null /dev/null log one pipe pipe "
kill -TERM "$pid" "$logger"
capture ctr run -d --name=one --kernel waiting app /guest-static
is "its name is taken" "$STATUS/$STDOUT/$STDERR" "125//ctr-jailer: run: --name one: a VM with that name runs"
capture ctr run --name=one --kernel waiting app /guest-static
is "for the foreground, too" "$STATUS/$STDERR" "125/ctr-jailer: run: --name one: a VM in the background has or had that name: ctr-jailer rm one"
is "a record that lives stays" "$(ctr rm one 2>&1)" "ctr-jailer: rm: one: the VM is running: stop it first, or use rm -f"
fields() { jq -c ".[] | [.id, .status, .place, .from, .exit_code]"; }
is "it is listed, with its image's name" "$(ctr ls | cut -f 1,6-)" "$(printf '%s\t' one app:latest running host | sed 's/.$//')"
is "as JSON, too" "$(ctr ps --json | fields)" '["one","running","host","app:latest",null]'
is "ls has a format" "$(ctr ls -a --format 'vm {{.ID}}\t{{.Status}} {x} {{.Place}}' --filter id=one)" $'vm one\trunning {x} host'
is "or JSON, as with --json" "$(ctr ls --format json | jq -c .)" "$(ctr ls --json | jq -c .)"
for format in '{{.Nonsense}}' '{{.ID' ''; do
    capture ctr ls --format "$format"
    like "ls --format '$format': refused" "$STATUS/$STDOUT/$STDERR" "125//ctr-jailer: ls: --format $format: is neither json nor text with *"
done
inspect() { ctr inspect "$@" | jq -c "[.Running, .Rootfs.Tag, .Rootfs.Image, .Configs.RunConfig.EnvVars.SECRET, .Configs.RunConfig.Command, .Configs.Machine.Mem, .State.id]"; }
is "inspect tells what it was started with, but no value" "$(inspect one)" '[true,"app:latest",{"Org":"_","Image":"app","Version":"latest"},null,["/guest-static"],"64","one"]'
is "unless asked for" "$(inspect --show-env --vmm-id=one | jq -c '.[3]')" '"of-the-guest"'
check "it is stopped" ctr stop -t 1 one
check "its keeper ends" wait_until 10 test -s $vms/one/exit
is "its exit code is kept" "$(cat $vms/one/exit)" 143
is "nothing of the VM is left" "$(find jails scratch -mindepth 1; ls /run/ctr-jailer 2>/dev/null)" ""
is "ls lists no VM" "$(ctr ls)$(ctr ls -q)" ""
is "but with -a those that have ended" "$(ctr ls -a | cut -f 1,2,4-)" "$(printf '%s\t' one - - - app:latest 'exited (143)' host | sed 's/.$//')"
is "as JSON, too" "$(ctr ls -a --json | fields)" '["one","exited (143)","host","app:latest",143]'
is "inspect knows it" "$(ctr inspect one | jq -c '[.Running, .ExitCode, .State]')" '[false,143,null]'
capture ctr run -d --name=one --kernel waiting app /guest-static
is "its name is taken still" "$STATUS/$STDERR" "125/ctr-jailer: run: --name one: a VM with that name has ended: ctr-jailer rm one"
check "until it is removed" ctr rm one
is "with all of it" "$(ls $vms)" ""
capture ctr rm one
is "there is no second time" "$STATUS/$STDERR" "125/ctr-jailer: rm: one: no VM in the background has that name (ctr-jailer ls -a lists them)"

id=$(ctr run -d --kernel waiting app /guest-static)
like "without a name it has one of 20 letters" "$id" "$(printf '[a-z0-9]%.0s' {1..20})"
check "rm -f ends it" ctr rm -f "$id"
is "and removes it" "$(ls $vms; ls /run/ctr-jailer 2>&1)" "ls: cannot access '/run/ctr-jailer': No such file or directory"
ctr run -d --rm --name two --kernel waiting app /guest-static >/dev/null
check "kill stops a VM" ctr kill two
check "of which with --rm nothing stays" wait_until 10 test ! -e $vms/two
ctr run -d --name two --kernel waiting app /guest-static >/dev/null
check "kill without --rm" ctr kill --vmm-id=two --shutdown-timeout=1s
is "removes it, as firebuild's" "$(ls $vms)" ""

capture ctr run -d --name bad --kernel waiting --mem 1 app /guest-static
like "what entry refuses is told" "$STATUS/$STDOUT/$STDERR" "125//ctr-jailer: MEM_SIZE_MIB=1: *"
capture ctr run -d --name bad --kernel waiting -w nowhere app /guest-static
like "whatever it is" "$STATUS/$STDOUT/$STDERR" "125//ctr-jailer: VM_WORKDIR=nowhere: *"
is "and leaves nothing" "$(ls $vms; ls /run/ctr-jailer 2>&1)" "ls: cannot access '/run/ctr-jailer': No such file or directory"
for words in "-i" "-t" "-it"; do
    is "run -d $words: refused" "$(ctr run -d $words app 2>&1)" \
        "ctr-jailer: run: -d: a VM in the background has neither stdin nor a terminal: leave out -i and -t"
done
is "a terminal is one" "$(ctr run -it app 2>&1 </dev/null)" "ctr-jailer: run: -t: stdin is not a terminal: leave out -t"
for name in "a b" -x "" a/b "$(printf 'x%.0s' {1..65})"; do
    capture ctr run -d "--name=$name" --hostname=/ app /guest-static
    like "a name that is none: '$name'" "$STATUS/$STDERR" "125/ctr-jailer: run: --*name*"
done
is "the command has the hostname" "$(uname -n)/$(ctr run --dry-run --hostname other-host --kernel waiting app /guest-static >/dev/null && uname -n)" "$(uname -n)/$(uname -n)"

# --- VMs of containers: here, of mount and PID namespaces of their own
ctr run -d --name here --kernel waiting app /guest-static >/dev/null
# shellcheck disable=SC2016 # the container's
"${run[@]}" VM_ID=inside VM_ROOTFS_DIR="$work/tree" VM_KERNEL_IMAGE="$work/waiting" unshare --mount --pid --fork --kill-child --mount-proc bash -c '
    mount -t tmpfs run /run
    mkdir -p /run/ctr-jailer/{pipe,link,folder/state.json,stale,large}
    mkfifo /run/ctr-jailer/pipe/state.json
    ln -s /proc/self/environ /run/ctr-jailer/link/state.json
    echo "{\"pids\":{\"entry\":99999}}" >/run/ctr-jailer/stale/state.json
    head -c 300000 /dev/zero >/run/ctr-jailer/large/state.json
    entry /guest-static; :' </dev/null >inside.out 2>&1 &
inside=$!
listed() { [ "$(timeout 10 ctr-jailer ls -q | sort | tr '\n' ' ')" = "here inside " ]; }
check "a container's VM is listed, and nothing else that it has" wait_until 20 env PATH="$work/bin:$PATH" bash -c "$(declare -f listed); listed"
pid=$(ctr ls --filter id=inside | cut -f 2)
is "with its entry's process here" "$(ctr ls --filter place=container | cut -f 1,2,8)" "$(printf 'inside\t%s\tcontainer' "$pid")"
is "which it is" "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "entry /guest-static "
is "as JSON, too" "$(ctr ls --json --filter status=run --filter place=cont | jq -c '.[] | [.id, .pid, .status, .place]')" "[\"inside\",$pid,\"running\",\"container\"]"
is "a filter by image" "$(ctr ls -q --filter image=app:)" here
is "a filter that is none" "$(ctr ls --filter x=y 2>&1)" "ctr-jailer: ls: --filter x=y: is not one of id=, name=, status=, image=, place=, network=, address="
kill -9 $inside
wait $inside 2>/dev/null || true
ctr rm -f here

# --- killed, at a time of somebody else's choice
ctr run -d --name three --kernel waiting app /guest-static >/dev/null
kill -9 "$(<$vms/three/pid)"
is "a VM whose keeper was killed goes on" "$(ctr ls | cut -f 1)" three
is "so its name is taken" "$(ctr rm three 2>&1)" "ctr-jailer: rm: three: the VM is running: stop it first, or use rm -f"
check "and it can be removed" ctr rm -f three
is "it is" "$(ls $vms)" ""

# --- the log: a script in entry's place
cat >fake/entry <<'SH'
#!/bin/bash
mkdir -p /run/ctr-jailer/$VM_ID
echo "{\"pids\":{\"entry\":$$,\"firecracker\":1}}" >/run/ctr-jailer/$VM_ID/state.json
trap 'rm -r /run/ctr-jailer' EXIT
eval "$CTR_SCRIPT"
SH
chmod 755 fake/entry
fake() { PATH="$work/fake:$PATH" ctr-jailer run -d --name "$1" -e SCRIPT="$2" "${@:3}" app x; }
ended() { [ -e "$vms/$1/exit" ]; }
cri='^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}Z (stdout|stderr) (F|P) '
# shellcheck disable=SC2016 # entry's
fake log 'echo out; echo err >&2; printf "no end"; exit 7' >/dev/null
check "it ends" wait_until 10 ended log
is "with its code" "$(<$vms/log/exit)" 7
is "each line has a time, a stream and a tag" "$(grep -cvE "$cri" $vms/log/log)" 0
is "stdout and stderr are apart" "$(ctr logs log 2>/dev/null; echo /; ctr logs log 2>&1 >/dev/null)" $'out\nno end/\nerr'
like "with times" "$(ctr logs -t log 2>/dev/null | head -1)" "20*Z out"
is "the last line" "$(ctr logs --tail 1 log 2>/dev/null)" $'no end'
is "its console is another thing" "$(ctr logs --console log 2>&1)" "ctr-jailer: --id log: no VM with that id is running here"
ctr rm log
# shellcheck disable=SC2016
fake many 'for i in {1..200000}; do echo "$i 0123456789012345678901234567890123456789"; done; head -c 100000 /dev/zero | tr "\0" x; echo' >/dev/null
check "much is written" wait_until 60 ended many
sizes=$(stat -c %s $vms/many/log $vms/many/log.1 | sort -n | tail -1)
check "and is bounded: $sizes bytes, in two files" [ "$sizes" -le $((4 << 20)) ]
is "the last line is whole" "$(ctr logs --tail 1 many | wc -c)" 100001
first=$(ctr logs many | sed -n '1s/ .*//p')
is "from $first on nothing is missing" "$(ctr logs many | head -n -1 | cut -d ' ' -f 1 | cksum)" "$(seq "$first" 200000 | cksum)"
ctr rm many
mkfifo go
# shellcheck disable=SC2016
fake live 'exec 3<>go; while read -r line <&3; do echo "$line"; [ "$line" != end ] || exit 0; done' --rm >/dev/null
ctr logs -f live >followed &
follower=$!
echo first >go
check "a line is followed" wait_until 10 grep -q first followed
for i in {1..300}; do printf '%s %08000d\n' "$i" 0 >go; done
for i in {1..300}; do printf '%s %08000d\n' "$i" 0 >go; done
echo end >go
wait $follower
is "through changes of the file, to the end" "$(cut -d ' ' -f 1 followed | cksum)" "$( (echo first; seq 300; seq 300; echo end) | cksum)"
check "and then it has gone" wait_until 10 test ! -e $vms/live

# --- a full disk
mount -t tmpfs -o mode=700,size=64k small $vms
# shellcheck disable=SC2016
fake full 'for i in {1..4000}; do echo "$i 0123456789012345678901234567890123456789"; done; : >written; read -r line <go; echo "$line"; exit 3' >/dev/null
check "more is written than the disk has room for" wait_until 10 test -e written
mount -o remount,size=1m $vms
echo after >go
check "the VM goes on all the same" wait_until 10 ended full
is "its code is kept" "$(<$vms/full/exit)" 3
check "and what is lost is told" grep -qx 'ctr-jailer: [0-9]* bytes of output were lost: No space left on device' <(ctr logs full 2>&1)
is "what comes then is there" "$(ctr logs --tail 1 full)" after
umount $vms
cd /
umount "$work"
rmdir "$work"
done_testing
