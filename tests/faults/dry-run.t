#!/bin/bash
# What entry refuses before it has changed anything: all of it at once, a line each, with exit code 125; what it warns
# of; and what --dry-run says of a tree and a host.  No VM, and no root filesystem but a few files.
set -euo pipefail
. tests/lib/tap.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{tree/{etc,bin,srv/app,etc/alternatives},scratch}
printf 'root:x:0:0:root:/root:/bin/sh\napp:x:7:8::/srv/app:/bin/sh\n' >"$work/tree/etc/passwd"
printf 'root:x:0:\nstaff:x:8:\n' >"$work/tree/etc/group"
printf '#!/bin/sh\n' >"$work/tree/bin/run"
cp "$work/tree/bin/run" "$work/tree/srv/app/own"
chmod 755 "$work/tree/bin/run" "$work/tree/srv/app/own"
: >"$work/tree/bin/data"
ln -s /etc/alternatives/run "$work/tree/bin/linked"
ln -s /bin/run "$work/tree/etc/alternatives/run"
ln -s nothing "$work/tree/bin/dangling"
ln -s circle "$work/tree/bin/circle"
ln -s ../opt/tool "$work/tree/bin/into-opt"
ln -s /proc/self/exe "$work/tree/bin/into-proc"
mkdir -p "$work/tree/usr/lib"
ln -s usr/lib "$work/tree/lib"
: >"$work/tree/srv/run"
{ printf '\177ELF'; head -c 60 /dev/zero; } >"$work/vmlinux"
cp "$work/tree/bin/run" "$work/program"
base=(VM_ROOTFS_DIR="$work/tree" VM_KERNEL_IMAGE="$work/vmlinux" VM_INITRD_IMAGE="$work/vmlinux" VM_SCRATCH_DIR="$work/scratch"
    VM_FIRECRACKER_BIN="$work/program" VM_JAILER_BIN="$work/program" MEM_SIZE_MIB=64)

plan() { capture env -i "${base[@]}" "$@"; } # [NAME=value...] build/bin/entry --dry-run ...
entry=build/bin/entry
said() { sed 's/^ctr-jailer: //' <<<"$STDERR"; }

# refused NAME PATTERN [NAME=value...] [-- command...]
refused() {
    local name=$1 pattern=$2 variables=()
    shift 2
    while [ $# -gt 0 ] && [ "$1" != -- ]; do variables+=("$1") && shift; done
    shift || true
    plan "${variables[@]}" timeout 20 "$entry" --dry-run "${@:-/bin/run}"
    like "refused: $name" "$STATUS/$STDOUT/$STDERR" "${CODE:-125}//ctr-jailer: $pattern"
    [ "$(wc -l <<<"$STDERR")" = 1 ] || fail "refused: $name, in one line" "$STDERR"
}
accepted() { # NAME [NAME=value...] [-- command...]
    local name=$1 variables=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do variables+=("$1") && shift; done
    shift || true
    plan "${variables[@]}" "$entry" --dry-run "${@:-/bin/run}"
    is "accepted: $name" "$STATUS/$STDERR" "0/"
}

accepted 'the tree as it is'
for user in 0 app 5 7:8 app:staff root; do accepted "VM_USER=$user" VM_USER=$user; done
refused 'an unknown user' "there is no user 'nobody' in the image's /etc/passwd (VM_USER=nobody)" VM_USER=nobody
refused 'an unknown group' "there is no group 'nogroup' in the image's /etc/group (VM_USER=app:nogroup)" VM_USER=app:nogroup
accepted 'users that a volume brings' VM_USER=nobody VM_VOLUMES="$work/scratch:/etc:ro"
accepted 'a working directory' VM_WORKDIR=/srv/app
for made in /proc/self /run/app /tmp; do accepted "$made, which the guest makes" VM_WORKDIR=$made; done
accepted 'one on the data disk' VM_WORKDIR=/var/lib/app/x VM_DATA_MOUNT=/var/lib/app
accepted 'one above it' VM_WORKDIR=/var/lib VM_DATA_MOUNT=/var/lib/app
refused 'one that is not there' 'VM_WORKDIR=/var/lib/app: is not in the root filesystem: No such file*' VM_WORKDIR=/var/lib/app
refused 'one beside the data disk' 'VM_WORKDIR=/var/lib/app2: *' VM_WORKDIR=/var/lib/app2 VM_DATA_MOUNT=/var/lib/app
refused 'one that is a file' 'VM_WORKDIR=/bin/run: is not a directory' VM_WORKDIR=/bin/run
refused 'an id with another character, once' 'VM_ID=a_b: must be 1 to 64 of *' VM_ID=a_b
refused 'a relative one' 'VM_WORKDIR=srv: must be an absolute path' VM_WORKDIR=srv
for command in /bin/run /bin/linked run srv/app/own; do accepted "the command $command" -- $command; done
accepted 'a command by its own PATH' PATH=/srv/app -- own
CODE=127 refused 'a command that is not there' "cannot run '/bin/none' in the guest: No such file or directory" -- /bin/none
CODE=127 refused 'one that PATH does not find' "cannot run 'own' in the guest: No such file or directory" PATH=/bin:/sbin -- own
CODE=127 refused 'a link to nothing' "cannot run '/bin/dangling' in the guest: No such file or directory" -- /bin/dangling
CODE=126 refused 'links in a circle' "cannot run '/bin/circle' in the guest: Too many levels of symbolic links" -- /bin/circle
CODE=126 refused 'one that cannot be executed' "cannot run '/bin/data' in the guest: Permission denied" -- /bin/data
CODE=126 refused 'nor one that PATH finds' "cannot run 'data' in the guest: Permission denied" PATH=/bin:/none -- data
CODE=126 refused 'a folder' "cannot run '/bin' in the guest: Permission denied" -- /bin
CODE=127 refused 'a command beside a volume' "cannot run '/opt/tool' in the guest: *" VM_VOLUMES="$work/scratch:/opt/too:ro" -- /opt/tool
for command in /bin/none none /bin/data; do
    plan "$entry" $command
    like "refused by a start, before there is a VM: $command" "$STATUS/$STDOUT/$STDERR" "12[67]//ctr-jailer: cannot run '$command' in the guest: *"
done
plan VM_WORKDIR=/none "$entry" none
is 'and not alone' "$STATUS $(said)" "125 VM_WORKDIR=/none: is not in the root filesystem: No such file or directory
cannot run 'none' in the guest: No such file or directory"

# What the tree does not tell is left to the guest.
accepted 'a command of a volume' VM_VOLUMES="$work/scratch:/opt:ro" -- /opt/tool
accepted 'one that a link finds there' VM_VOLUMES="$work/scratch:/opt:ro" -- /bin/into-opt
accepted 'one of a volume on a link' VM_VOLUMES="$work/scratch:/lib/app:ro" -- /usr/lib/app/tool
accepted 'the same by the link' VM_VOLUMES="$work/scratch:/usr/lib/app:ro" -- /lib/app/tool
accepted 'one of the data disk, by PATH' VM_DATA_MOUNT=/opt PATH=/bin:/opt/bin -- tool
accepted 'one that a link finds in /proc' -- /bin/into-proc
accepted 'one in the working directory' PATH=/bin: -- tool
accepted 'one relative to it' -- ./tool
accepted 'a command that is not executable in the first folder of PATH' PATH=/srv:/bin -- run
refused 'a CPU template that is unknown' 'VM_CPU_TEMPLATE=Z80: must be None, T2, T2S, T2CL, T2A, C3 or V1N1' VM_CPU_TEMPLATE=Z80
accepted 'VM_CPU_TEMPLATE=None' VM_CPU_TEMPLATE=None
vendor=$(sed -n 's/^vendor_id\t*: //p' /proc/cpuinfo | head -n 1)
case $vendor in
GenuineIntel) own=T2 other=T2A whose="AMD's" ;;
AuthenticAMD) own=T2A other=T2 whose="Intel's" ;;
esac
if [ -n "${own:-}" ]; then
    accepted "VM_CPU_TEMPLATE=$own" VM_CPU_TEMPLATE="$own"
    refused 'a CPU template for others' "VM_CPU_TEMPLATE=$other: is for another CPU than this machine's: $whose" VM_CPU_TEMPLATE="$other"
else
    skip 'CPU templates of two vendors' "this CPU's vendor is $vendor"
fi
refused 'a controller that no cgroup has' 'VM_CGROUP: gpu.max=1: no cgroup here has the controller gpu*' VM_CGROUP=gpu.max=1

# Volumes inside of volumes.
mkdir -p "$work/app/certs" "$work/certs"
: >"$work/app/key"
accepted 'a volume on a folder of another' VM_VOLUMES="$work/certs:/etc/app/certs/:ro,$work/app:/etc/app/:ro"
accepted 'a file on a file of one' VM_VOLUMES="$work/app:/etc/app:ro,$work/program:/etc/app/key:ro"
accepted 'a volume beside another' VM_VOLUMES="$work/app:/etc/app:ro,$work/certs:/etc/app-certs:ro"
refused 'a volume in one that has no place for it' "VM_VOLUMES: /etc/app/x/y is inside the volume /etc/app, which is read-only: \
make the directory x/y in $work/app first" VM_VOLUMES="$work/certs:/etc/app/x/y:ro,$work:/etc:ro,$work/app:/etc/app:ro"
refused 'a folder on a file of one' "VM_VOLUMES: */etc/app/key is inside*make the directory key in*" \
    VM_VOLUMES="$work/app:/etc/app:ro,$work/certs:/etc/app/key:ro"
refused 'a file on a folder of one' "VM_VOLUMES: */etc/app/certs is inside*make the file certs in*" \
    VM_VOLUMES="$work/app:/etc/app:ro,$work/program:/etc/app/certs:ro"
refused 'the data disk in one' "VM_DATA_MOUNT: /etc/app/data is inside the volume /etc/app, which is read-only: make the directory data*" \
    VM_VOLUMES="$work/app:/etc/app:ro" VM_DATA_MOUNT=/etc/app/data
mkfifo -m 755 "$work/fifo"
for what in "$work/fifo" /dev/zero; do
    for option in VM_KERNEL_IMAGE VM_INITRD_IMAGE VM_FIRECRACKER_BIN VM_JAILER_BIN; do
        refused "$option=${what##*/}" "$option=$what: *" "$option=$what"
    done
    refused "VM_ROOTFS_DIR=${what##*/}" "VM_ROOTFS_DIR=$what: is neither a directory nor an EROFS image*" VM_ROOTFS_DIR="$what"
done
refused "a volume in the kernel's place" "VM_VOLUMES=*: nothing can be mounted at /, nor in the guest's /dev, /proc and /sys" \
    VM_VOLUMES="$work/app:/dev/shm:ro"
refused "the data disk in the kernel's place" 'VM_DATA_MOUNT=/sys: must be an absolute path in the guest, not / and not in /dev, /proc or /sys' \
    VM_DATA_MOUNT=/sys

mkdir "$work/data"
volume() { # FLAGS: as docker run -v does it
    capture unshare -m bash -c 'mount -t tmpfs -o "$1" data "$2" && shift 2 && exec "$@"' - "$1" "$work/data" \
        env -i "${base[@]}" VM_DATA_DIR="$work/data" "$entry" --dry-run /bin/run
}
volume ro
is 'a read-only volume for the data disk: what to do' "$STATUS $(said)" "125 VM_DATA_DIR=$work/data: Read-only file system \
(the guest's data disk is a file in it: mount it without :ro, or not at all)"
volume rw
is 'a writable one' "$STATUS $STDERR $(jq .drives.data_persistent <<<"$STDOUT")" '0  true'
plan MEM_SIZE_MIB= VM_LOG_LEVEL=info "$entry" --dry-run /bin/run
is 'without MEM_SIZE_MIB it is said what a guest may take' "$STATUS $(said)" \
    "0 the guest may use $(jq .mem_size_mib <<<"$STDOUT") MiB, all that this machine can spare: set MEM_SIZE_MIB to give it less"

# All at once.
plan VCPU_COUNT=many MEM_SIZE_MIB=1 VM_NETWORK=wlan VM_PORTS=http TAP_IP=ten GUEST_IP=eleven GUEST_MAC=twelve VM_USER=nobody VM_WORKDIR=/none VM_CGROUP=x \
    VM_VOLUMES=/none VM_KERNEL_IMAGE=/none VM_JAILER_BIN=/none VM_DATA_MOUNT=x EXTRA_KERNEL_BOOT_ARGS="$(head -c 3000 /dev/zero | tr '\0' x)" \
    VM_SCRATCH_DIR=/none VM_BOOT_TIMEOUT=x "$entry" /bin/run
is 'all that is wrong, at once: no VM is tried' "$STATUS $(said | sed 's/[=:. ].*//' | sort | tr '\n' ' ')" \
    '125 EXTRA_KERNEL_BOOT_ARGS GUEST_IP GUEST_MAC MEM_SIZE_MIB TAP_IP VCPU_COUNT VM_BOOT_TIMEOUT VM_CGROUP VM_DATA_MOUNT VM_JAILER_BIN VM_KERNEL_IMAGE VM_NETWORK VM_PORTS VM_SCRATCH_DIR VM_VOLUMES VM_WORKDIR there '
plan VM_ROOTFS_DIR=/none VCPU_COUNT=many VM_USER=nobody VM_WORKDIR=/none "$entry" /bin/none
is 'and without a root filesystem' "$STATUS $(said | sed 's/[=:].*//' | sort | tr '\n' ' ')" '125 VCPU_COUNT VM_ROOTFS_DIR '
mkdir "$work/empty"
plan VM_ROOTFS_DIR="$work/empty" VCPU_COUNT=many VM_USER=nobody VM_WORKDIR=/none "$entry" /bin/none
is 'and with an empty one' "$STATUS $(said | sed 's/[=:].*//' | sort | tr '\n' ' ')" '125 VCPU_COUNT VM_ROOTFS_DIR '
plan VM_ROOTFS_DIR=/none VCPU_COUNT=many "$entry"
is 'nor a command' "$STATUS $(said | sed 's/[=:].*//' | sort | tr '\n' ' ')" '125 VCPU_COUNT VM_ROOTFS_DIR no command '

# The other program's help.
for verb in exec cp status logs stop wrap; do
    capture build/bin/ctr-jailer $verb --help
    like "ctr-jailer $verb --help" "$STATUS/$STDOUT" "0/Usage: ctr-jailer *$verb*"$'\n\n'*.
done

# VM_NETWORK, in a container's network: two interfaces that the engine has set up, and one more.
engine='ip link add eth0 type veth peer eth1 && ip link add mv0 link eth0 type macvlan && ip link set eth0 up && ip link set eth1 up'
network() { # COMMAND [NAME=value...]: the mode, the interfaces that are taken over, what was said
    capture unshare -n sh -ec "$engine; $1"'; exec "$@"' sh env -i "${base[@]}" VM_LOG_LEVEL=info "${@:2}" "$entry" --dry-run /bin/run
    said="$(jq -r '[.network_mode, (.taken_interfaces // [])[]] | join(" ")' <<<"$STDOUT")/$(said)"
}
network_is() { # NAME PATTERN COMMAND [NAME=value...]
    network "${@:3}"
    like "$1" "$said" "$2"
}
network_is 'takeover: all interfaces' 'takeover all/' : VM_NETWORK=takeover
network_is 'those that are named' 'takeover eth1 eth0/' : VM_NETWORK=takeover HOST_IFACE='eth1, eth0'
network_is 'one of them does not exist' '/HOST_IFACE=eth7: there is no *' : VM_NETWORK=takeover HOST_IFACE=eth0,eth7
network_is 'no name between commas' '/HOST_IFACE=eth0,,eth1: must be names *' : VM_NETWORK=takeover HOST_IFACE=eth0,,eth1
network_is 'too many' '/HOST_IFACE=*: names too many interfaces: *' : VM_NETWORK=takeover HOST_IFACE=a,b,c,d,e,f,g,h,i
network_is 'nat takes one' '/HOST_IFACE=eth0,eth1: must be one interface*' : HOST_IFACE=eth0,eth1
network_is 'auto: takeover in a namespace of its own' 'takeover all/' : VM_NETWORK=auto
network_is 'auto: nat where an option asks for it' 'nat/VM_NETWORK=auto comes to nat: VM_PORTS is given' : VM_NETWORK=auto VM_PORTS=80
network_is 'auto: nat where an interface cannot be taken over' 'nat/*mv0: a macvlan*' 'ip link set mv0 up' VM_NETWORK=auto
network_is 'all ports' 'nat/' : VM_PORTS=all
is 'are said so' "$(jq -c .network.ports <<<"$STDOUT")" '["all"]'
if [ -e /proc/sys/net/core/netdev_max_backlog ]; then # this is the host's own namespace
    plan VM_PORTS=all "$entry" --dry-run /bin/run
    like "but never the host's own" "$STATUS $(said)" '125 VM_PORTS=all: with host networking *'
fi
network_is 'auto: none without an interface that is up' 'none/VM_NETWORK=auto comes to none: *no interface that is up' \
    'ip link set lo up; ip link set eth0 down; ip link set eth1 down' VM_NETWORK=auto
network_is 'auto: nat without the right to load programs' 'nat/VM_NETWORK=auto comes to nat: *bpf(2)*' \
    'set -- setpriv --bounding-set=-sys_admin,-bpf,-perfmon "$@"' VM_NETWORK=auto

# Typing errors.
plan MEM_SIZE=512 VCPUS=2 VM_PORT=80 DATAFS_MOUNT=/x PORTS=80 LOG_LEVEL=loud NETWORK=main "$entry" --dry-run /bin/run
is 'a mistyped option is a warning' "$STATUS $(said | sort)" "0 $(printf '%s\n' \
    'warning: DATAFS_MOUNT is not an option and is passed to the command (did you mean VM_DATA_MOUNT?)' \
    'warning: MEM_SIZE is not an option and is passed to the command (did you mean MEM_SIZE_MIB?)' \
    'warning: VCPUS is not an option and is passed to the command (did you mean VCPU_COUNT?)' \
    'warning: VM_PORT is not an option and is passed to the command (did you mean VM_PORTS?)')"
is 'and reaches the command' "$(jq -c '.environment | sort' <<<"$STDOUT")" \
    '["DATAFS_MOUNT=/x","LOG_LEVEL=loud","MEM_SIZE=512","NETWORK=main","PORTS=80","VCPUS=2","VM_PORT=80"]'
plan MEM_SIZE=512 VM_LOG_LEVEL=ERROR "$entry" --dry-run /bin/run
is 'VM_LOG_LEVEL, in capitals' "$STATUS/$STDERR" 0/
mkdir "$work/tree/work"
capture env -i -C "$work" "${base[@]}" "$PWD/$entry" --dry-run /bin/run
is "the container's working directory is the command's" "$(jq -r .guest_workdir <<<"$STDOUT")" "$work"

capture env -i "${base[@]}" sh -c '"$0" --dry-run /bin/run >/dev/full' "$entry"
is "a plan that cannot be written" "$STATUS/$STDERR" "125/ctr-jailer: cannot write the plan: No space left on device"
done_testing
