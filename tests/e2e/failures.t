#!/bin/bash
# What the jailer and Firecracker refuse, and how they can end: exit 125, one line with their own words and what to do.
# A wrapper in the jailer's place breaks one thing and becomes the jailer.  No guest boots: the kernel only halts.
#: kvm
#: disk build/e2e.disk
#: timeout 900
set -euo pipefail
# shellcheck disable=SC2016 # $root is for the wrapper's shell
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry ctl=$BIN/ctr-jailer here=$PWD/tests/e2e
work=$(mktemp -d /tmp/e2e.XXXXXX)
before=$(host_state)
python3 "$here/tiny.py" "$work/halt" halt
# shellcheck disable=SC2120 # it has arguments in fails
start() { vm VM_KERNEL_IMAGE="$work/halt" VM_BOOT_TIMEOUT=30 VM_NETWORK=none "$@" "$entry" /guest-static exit 0; }

# fails NAME PATTERN WHAT [NAME=value...]: WHAT is shell code for before the jailer's start; $root is its chroot
fails() {
    printf '#!/bin/bash\nexport PATH=/usr/sbin:/usr/bin\nroot=$(echo /srv/jailer/firecracker/*/root)\n%s\nexec %s "$@"\n' \
        "$3" "$FIRECRACKER/jailer" >"$work/jailer"
    chmod +x "$work/jailer"
    capture start VM_JAILER_BIN="$work/jailer" "${@:4}"
    like "$1" "$STATUS/$STDOUT/$STDERR" "125//ctr-jailer: $2"
    [[ $STDERR != *$'\n'* ]] || fail "$1, in one line" "$STDERR"
}
lost() { fails "the $1 is missing" "Firecracker refuses $2*\(os error 2)*" "umount \$root/$1; rm \$root/$1"; }

head -c 3000000 "$KERNEL" >"$work/cut"
fails 'a kernel that was cut off' 'Firecracker refuses actions:*Cannot load kernel*\(VM_KERNEL_IMAGE must be a complete*' '' VM_KERNEL_IMAGE="$work/cut"
cp "$work/halt" "$work/arm64"
printf '\xb7' | dd of="$work/arm64" bs=1 seek=18 conv=notrunc status=none
fails 'a kernel for another machine' "VM_KERNEL_IMAGE=$work/arm64: is a kernel for another kind of machine" '' VM_KERNEL_IMAGE="$work/arm64"
truncate -s 200M "$work/large"
fails 'an initramfs larger than memory' 'Firecracker refuses actions:*initrd*\(raise MEM_SIZE_MIB: VM_INITRD_IMAGE*' '' VM_INITRD_IMAGE="$work/large" MEM_SIZE_MIB=64
lost kernel boot-source
lost initrd boot-source
# the disks come into the chroot while the jailer runs: what does not reach its copy leaves an empty file of root's
fails 'a disk that is unreadable' 'Firecracker refuses drives/root:*\(os error 13)*\(*SELinux*' 'mount --make-private $root'
fails 'memory beyond ulimit -v' 'Firecracker refuses actions:*\(os error 12) (lower MEM_SIZE_MIB*' 'ulimit -v 200000'
fails 'memory beyond what KVM can give' 'Firecracker refuses actions:*Cannot set the memory regions*\(lower MEM_SIZE_MIB*' '' MEM_SIZE_MIB=1048576
fails 'a limit of file sizes, in the jailer' 'Firecracker ended with signal 25, a file exceeded its size limit (*ulimit fsize=-1)' 'ulimit -f 100'
fails '/dev/kvm is there already' 'the jailer refuses: Failed to create /dev/kvm*\(os error 17) (the jail*already has*' 'mkdir $root/dev; : >$root/dev/kvm'
fails 'a jail that is nodev' 'Firecracker refuses actions:*KVM object*\(os error 13)*\(check with: entry --check-kvm)' 'mount -o remount,bind,nodev $root'
fails 'a jail that is noexec' 'the jailer refuses: Failed to exec into Firecracker:*\(os error 13) (*noexec*)' 'mount -o remount,bind,noexec $root'
fails 'a jail that is read-only' 'the jailer refuses: *\(os error 30)*' 'mount -o remount,ro ${root%/root}'
fails 'a jail that is full' 'the jailer refuses: Failed to copy*\(os error 28) (the jail is in memory: free some memory)' 'mount -o remount,size=2M ${root%/root}' # which does not hold Firecracker
fails 'an unknown log level' 'Firecracker ended with status 15[23], it does not accept *' 'set -- "${@/Warning/Chatty}"'
fails 'an unknown argument' 'Firecracker ended with status 153, it does not accept its arguments*' 'set -- "$@" --unknown'
fails 'a TAP that is open' 'Firecracker refuses network-interfaces*\(os error 16)*\(another process has opened TAP_DEVICE*' \
    "python3 $here/opentap.py tap-busy >/dev/null; :" VM_NETWORK=nat TAP_DEVICE=tap-busy
printf '#!/bin/sh\nexec 3</dev/null\n' >"$work/firecracker"
chmod +x "$work/firecracker"
fails 'a Firecracker that needs more than itself' 'the jailer refuses: Failed to exec into Firecracker:*\(os error 2) (VM_FIRECRACKER_BIN must be a static*' '' VM_FIRECRACKER_BIN="$work/firecracker"
mkdir "$work/full"
mount -t tmpfs -o nr_inodes=2 full "$work/full"
fails 'VM_JAIL_BASE without room' "cannot create the jail's directory $work/full*: No space left on device" '' VM_JAIL_BASE="$work/full"
mount -o remount,ro "$work/full"
fails 'VM_JAIL_BASE that is read-only' "cannot create the jail's directory $work/full*: Read-only file system*" '' VM_JAIL_BASE="$work/full"
umount "$work/full"
mount -t tmpfs -o nodev,noexec full "$work/full"
fails 'VM_JAIL_BASE may be nodev and noexec' '*VM_BOOT_TIMEOUT=1 *' '' VM_JAIL_BASE="$work/full" VM_BOOT_TIMEOUT=1
umount "$work/full"
is 'nothing is left' "$(diff <(echo "$before") <(host_state))" ''

# Another hypervisor is what has switched SVM on (EFER's bit 12), and KVM then leaves that alone.
modprobe msr
efer() { python3 -c "import os; f = os.open('/dev/cpu/0/msr', os.O_RDWR); efer = int.from_bytes(os.pread(f, 8, 0xC0000080), 'little')
os.pwrite(f, (efer $1 0x1000).to_bytes(8, 'little'), 0xC0000080)"; }
efer '|'
fails 'KVM is busy' 'KVM busy: another hypervisor*' ''
capture "$entry" --check-kvm
like '--check-kvm tells it too' "$STATUS/$STDOUT" '1/busy: another hypervisor*'
efer '& ~'

# --- how Firecracker can end under its guest ----------------------------------------------------------
running() { "$ctl" status --json >"$work/status" 2>/dev/null; }
ends() { # PATTERN COMMAND...: the command's last argument is Firecracker's process id
    start 2>"$work/said" &
    local vm=$! status=0
    wait_until 60 running || fail 'a VM' "$(<"$work/said")"
    firecracker=$(jq .pids.firecracker "$work/status")
    "${@:2}" "$firecracker"
    wait $vm || status=$?
    like "${*:2}" "$status/$(<"$work/said")" "125/ctr-jailer: Firecracker ended with $1"
}
warned() { "$ctl" logs --vmm | grep -q 'Received signal 13'; }
warn() {
    kill -PIPE "$1"
    check "logs --vmm tells Firecracker's log" wait_until 20 warned
    is 'logs tells none of it' "$("$ctl" logs)" ''
    kill -HUP "$1"
}
ends 'status 148, its seccomp filter stopped a system call: *bad syscall (83)*\(use Firecracker*' python3 "$here/badcall.py"
ends 'status 149, SIGBUS*: *intercepting signal 7*\(free memory*' kill -BUS
ends 'status 150, SIGSEGV: *intercepting signal 11*' kill -SEGV
ends 'status 151, SIGXFSZ*: *signal 25*\(raise the fsize limit*' kill -XFSZ
ends 'status 154, SIGXCPU*: *signal 24*\(raise the cpu limit*' kill -XCPU
ends 'status 156, SIGHUP: *signal 1,*\(another process sent it*' warn
ends 'status 157, SIGILL*: *signal 4*\(VM_FIRECRACKER_BIN*' kill -ILL
ends 'signal 9, it was killed, as the kernel does when memory runs out (raise the container*' kill -KILL
ends 'signal 15, SIGTERM (another process*' kill -TERM
is 'nothing is left' "$(diff <(echo "$before") <(host_state))" ''
rm -rf "$work"
done_testing
