#!/bin/bash
# Profiles: firebuild's flags and names; what is refused; which value wins; a VM by a profile alone; and a failure or a
# SIGKILL at every step of a change, after which the profile is the one before or the one after.
#: timeout 300
set -euo pipefail
. tests/faults/host.bash
store_host
mkdir "$work/etc" "$work/firecracker" "$work/firecracker/vmlinux"
mount --bind "$work/etc" /etc # no program here needs it
export PATH=$work/bin:$PATH
build/bin/rootdisk write "$work/tree" "$work/image"
cp build/faults/vmlinux "$work/firecracker/vmlinux/vmlinux-v5.8"
cp build/faults/waiting "$work/firecracker/vmlinux/waiting"
cd "$work"
firecracker=$top/build/firecracker/firecracker jailer=$top/build/firecracker/jailer
folder=/etc/ctr-jailer/profiles

# --- firebuild's commands
create() { ctr-jailer profile-create --profile=standard "$@"; }
all=(--binary-firecracker="$firecracker" --binary-jailer="$jailer" --chroot-base="$work/jails" --run-cache="$work/cache"
    --storage-provider=directory --storage-provider-property-string="rootfs-storage-root=$work/firecracker/rootfs"
    --storage-provider-property-string="kernel-storage-root=$work/firecracker/vmlinux")
is "without profiles there is nothing to list" "$(ctr-jailer profile-ls)" ""
capture create "${all[@]}"
is "a profile is made, and nothing is said" "$STATUS/$STDOUT/$STDERR" 0//
is "it is root's alone, in a directory of root's" "$(stat -c '%a %u' $folder $folder/standard | xargs)" "700 0 600 0"
wanted=$(jq -n --arg w "$work" --arg f "$firecracker" --arg j "$jailer" '{"binary-firecracker": $f, "binary-jailer": $j,
    "chroot-base": "\($w)/jails", "run-cache": "\($w)/cache", "storage-provider": "directory",
    "tracing-enable": false, "tracing-log-enable": false,
    "storage-profile-config-strings": {"rootfs-storage-root": "\($w)/firecracker/rootfs", "kernel-storage-root": "\($w)/firecracker/vmlinux"},
    "storage-profile-config-int64": {}}')
is "profile-inspect prints it as jq does, indented by 2" "$(ctr-jailer profile-inspect --profile=standard)" "$wanted"
is "small and capital letters are the same" "$(ctr-jailer profile-inspect STANDARD)" "$wanted"
create_other() { ctr-jailer profile-create --profile Other_1.x --chroot-base '/a "b\' --tracing-enable --tracing-collector-host-port=127.0.0.1:6831; }
check "another one" create_other
is "is listed in small letters, beside the first" "$(ctr-jailer profile-ls | xargs)" "other_1.x standard"
is "quotes come back" "$(ctr-jailer profile-inspect other_1.x | jq -r '.["chroot-base"], .["tracing-enable"], .["tracing-collector-host-port"]' | tr '\n' ' ')" \
    '/a "b\ true 127.0.0.1:6831 '
check "one is removed" ctr-jailer profile-rm --profile=OTHER_1.x
is "and the other stays" "$(ctr-jailer profile-ls)" standard

# --- what is refused
refused() { # NAME MESSAGE ARGUMENTS...
    local name=$1 message=$2 before
    shift 2
    before=$(cd /etc && find . -type f -exec sha256sum {} +)
    capture ctr-jailer "$@"
    like "refused: $name" "$STATUS/$STDOUT/$STDERR" "125//ctr-jailer: $message"
    is "refused: $name, and nothing has changed" "$(cd /etc && find . -type f -exec sha256sum {} +)" "$before"
}
refused "a name that is taken" "profile standard: exists in $folder: --overwrite replaces it" profile-create --profile=Standard
for name in '' . .. ../x a/b .x -x 'a b' $'a\nb' "$(printf '%061d' 1)"; do
    for verb in profile-create profile-inspect profile-rm; do
        refused "$verb ${name:0:20}" "profile *: is not a profile's name: up to 60 *" $verb --profile="$name"
    done
done
refused "no name" "profile-create: the name is missing: --profile NAME" profile-create --chroot-base=/x
refused "no name for inspect" "profile-inspect: the name is missing: --profile NAME" profile-inspect
refused "two names" "profile-rm: usage: *" profile-rm a b
refused "one that is not there" "profile none: is not in $folder*" profile-inspect none
refused "nor to be removed" "profile none: is not in $folder" profile-rm none
refused "an unknown flag" "profile-create: unknown option --chroot (*" profile-create --profile=x --chroot=/x
refused "a relative path" "profile-create: chroot-base=x: is not an absolute path" profile-create --profile=x --chroot-base=x
refused "an unprintable one" "profile-create: run-cache=*: has characters that cannot be printed" profile-create --profile=x --run-cache=$'/a\e[31m'
refused "a program that is not there" "profile x: binary-jailer /none: cannot run it: No such file or directory" profile-create --profile=x --binary-jailer=/none
refused "a directory as a program" "profile x: binary-jailer /: is not a regular file" profile-create --profile=x --binary-jailer=/
refused "another provider" "profile-create: storage-provider=s3: is not a storage provider: *" profile-create --profile=x --storage-provider=s3
refused "another property" "profile-create: --storage-provider-property-string x=y: is neither *" profile-create --profile=x --storage-provider-property-string x=y
refused "a number" "profile-create: --storage-provider-property-int64 x=1: the provider directory has no *" profile-create --profile=x --storage-provider-property-int64 x=1
refused "an address without a port" "profile-create: tracing-collector-host-port=host: is not HOST:PORT" profile-create --profile=x --tracing-collector-host-port host
refused "a switch that is neither" "profile-create: tracing-enable=yes: is neither true nor false" profile-create --profile=x --tracing-enable=yes
refused "run by one that is not there" "profile none: is not in $folder*" run --profile none app
refused "ls by one that is not there" "profile none: is not in $folder*" ls --profile none
refused "a directory of profiles alone" "run: --profile-conf-dir says nothing without --profile" run --profile-conf-dir /x app
broken() { # NAME MESSAGE CONTENT
    printf %s "$3" >$folder/broken
    refused "$1" "profile broken: $2" run --profile broken app
}
broken "what is not JSON" "is not JSON" '{"chroot-base"'
broken "a list" "is not a JSON object" '[]'
broken "a number for a path" "chroot-base: is not a string" '{"chroot-base": 5}'
broken "a relative path in the file" "chroot-base=x: is not an absolute path" '{"chroot-base": "x"}'
broken "a program in the file that is not there" "binary-firecracker /none: cannot run it: *" '{"binary-firecracker": "/none"}'
chmod 666 $folder/broken
refused "a file that others may write to" "profile broken: $folder/broken: is not a regular file that only its owner may write" run --profile broken app
rm $folder/broken
ln -s standard $folder/broken
refused "a link" "profile broken: cannot open $folder/broken: *" profile-inspect broken
rm $folder/broken
chmod 770 $folder
refused "a directory that others may write to" "the directory of profiles $folder: another user owns it or may write to it *" run --profile standard app
chmod 700 $folder

# --- which value wins
mkdir -p "$work/plain/jails"
run=(env VM_INITRD_IMAGE="$top/build/initramfs.cpio" VM_NETWORK=none VM_LOG_LEVEL=error VM_SCRATCH_DIR="$work/scratch"
    ROOTFS_SIZE=64M DATAFS_SIZE=64M MEM_SIZE_MIB=64 VCPU_COUNT=1)
ctr-jailer image --profile standard add image org/app:1.0 >/dev/null
check "the profile's store has the image" test -L "$work/firecracker/rootfs/images/org+app:1.0"
is "and its kernel is a file in the profile's directory" \
    "$("${run[@]}" ctr-jailer run --dry-run --profile=standard --from=org/app:1.0 --vmlinux-id=vmlinux-v5.8 -- /x 2>/dev/null | jq -r .kernel_image)" \
    "$work/firecracker/vmlinux/vmlinux-v5.8"
says() { # WHAT WANTED ENVIRONMENT... -- ARGUMENTS...
    local what=$1 wanted=$2 variables=()
    shift 2
    while [ "$1" != -- ]; do variables+=("$1") && shift; done
    shift
    capture "${run[@]}" "${variables[@]}" ctr-jailer run --dry-run --kernel vmlinux-v5.8 "$@" org/app:1.0 /x
    like "$what" "$STATUS
$STDERR
" "0
*ctr-jailer: run: $wanted
*"
}
by=(--profile standard)
says "the profile's" "VM_JAIL_BASE=$work/jails: profile standard, chroot-base" -- "${by[@]}"
like "which entry gets" "$(jq -c .jail <<<"$STDOUT")" "*\"$work/jails*"
says "a variable wins over it" "VM_JAIL_BASE=$work/plain/jails: environment" VM_JAIL_BASE="$work/plain/jails" -- "${by[@]}"
says "and a flag over both" "VM_JAIL_BASE=$work/scratch: --chroot-base" VM_JAIL_BASE="$work/plain/jails" -- "${by[@]}" --chroot-base="$work/scratch"
says "the store is told, too" "store $work/firecracker/rootfs: profile standard, rootfs-storage-root" -- "${by[@]}"
says "and the run cache" "run cache $work/cache: profile standard, run-cache" -- "${by[@]}"
says "which a flag moves" "run cache $work/else: --run-cache" -- "${by[@]}" --run-cache="$work/else"
says "the default" "VM_WORKDIR=/: default" -- "${by[@]}"
says "a flag's" "MEM_SIZE_MIB=96: --memory" -- "${by[@]}" -m 96m
capture "${run[@]}" SECRET=x ctr-jailer run --dry-run "${by[@]}" -e PASSWORD=not-to-be-told org/app:1.0 /x
is "the command's variables are not told" "$(grep -c not-to-be-told <<<"$STDERR")" 0

# --- a VM by a profile
capture "${run[@]}" ctr-jailer run -d --profile=standard --name=one --from=org/app:1.0 --vmlinux-id=waiting -- /guest-static
is "a VM starts by it" "$STATUS/$STDOUT/$STDERR" 0/one/
check "its record is in the run cache" test -e "$work/cache/vms/one/vm.json"
check "its jail where the profile says" test -n "$(find "$work/jails" -mindepth 1 | head -n 1)"
like "ls shows it" "$(ctr-jailer ls --profile=standard)" "one"$'\t'*
is "inspect, too" "$(ctr-jailer inspect --profile=standard --vmm-id=one | jq -r '.VMMID, .Configs.Jailer.ChrootBase' | xargs)" "one $work/jails"
is "purge leaves it" "$(ctr-jailer purge --profile=standard)" ""
check "kill" ctr-jailer kill --profile=standard --vmm-id=one
is "leaves nothing" "$(find cache/vms jails scratch -mindepth 1)" ""

# --- docs/host.md's commands, as they stand
"$top/tests/lib/blocks.py" "$top/docs/host.md" sh "$work/blocks"
# the second one is faults/build.t's
is "the page has two blocks of commands" "$(cd blocks && echo *)" "1 2"
for directory in /usr/local/bin /srv; do mount -t tmpfs "$directory" $directory; done
cp "$firecracker" "$jailer" /usr/local/bin
cp -r firecracker/vmlinux /srv/kernels
mv /srv/kernels/vmlinux-v5.8 /srv/kernels/vmlinux-6.1
cp image my-tree.img
ctr-jailer profile-rm standard
capture "${run[@]}" bash -e blocks/1
like "profile and plan" "$STATUS/$STDOUT" $'0/standard\n/srv/jailer\nmy-org/my-app:1.0\tsha256:*"/srv/kernels/vmlinux-6.1"*'
like "and where values come from" "$STDERR" "*$(sed -n 's/^    \(ctr-jailer: run: VM_JAIL\)/\1/p' "$top/docs/host.md")*"

# --- every step
steps() { # NAME ERROR ARGUMENTS...
    local name=$1 error=$2 n=0 bad=() status how before after now
    shift 2
    if [ "$error" = kill ]; then how=INJECT_KILL=self; else how=INJECT_ERROR=$error; fi
    before=$(cat profiles/x 2>/dev/null || true)
    rm -rf kept && cp -a profiles kept 2>/dev/null || true
    ctr-jailer "$@" && after=$(cat profiles/x 2>/dev/null || true)
    rm -f all-steps
    while [ ! -e all-steps ] && [ $n -lt 100 ]; do
        n=$((n + 1)) status=0
        rm -rf profiles && cp -a kept profiles 2>/dev/null || true
        env INJECT_NAMES=1 "$how" INJECT=$n INJECT_DONE="$work/all-steps" LD_PRELOAD="$top/build/inject.so" ctr-jailer "$@" >out 2>err || status=$?
        now=$(cat profiles/x 2>/dev/null || true)
        [ "$now" = "$before" ] || [ "$now" = "$after" ] || bad+=("$n: neither before nor after: $now")
        [ $status != 0 ] || [ "$now" = "$after" ] || bad+=("$n: success is told, but it was not done")
        case $error/$status in
        kill/137 | */0) ;;
        */125) [ "$(wc -l <err)" = 1 ] || bad+=("$n: not one line: $(<err)") ;;
        *) bad+=("$n: exit status $status: $(<err)") ;;
        esac
        ctr-jailer profile-create --profile-conf-dir profiles --profile next --overwrite || bad+=("$n: the next change fails")
        [ -z "$(find profiles -name '.*')" ] || bad+=("$n: left after the next change: $(find profiles -name '.*')")
    done
    [ $n -gt 4 ] || bad+=("only $n steps")
    is "$name: $error at each of $n steps" "${bad[*]}" ""
}
for error in kill ENOSPC; do
    rm -rf profiles
    steps "the first profile" $error profile-create --profile-conf-dir profiles --profile x --chroot-base /one
    steps "another content" $error profile-create --profile-conf-dir profiles --profile x --chroot-base /two --overwrite
    steps "its removal" $error profile-rm --profile-conf-dir profiles x
done
done_testing
