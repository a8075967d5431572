#!/bin/bash
# ctr-jailer-oci up to the base runtime: what engines' real bundles (recorded from Docker 20.10 and Podman 4.3; of
# seccomp's rules and --privileged's devices, a few) become, what of the command line it passes on, and every refusal.  The
# base is a script that shows what it gets; tests/oci/run.t has the real ones.
set -euo pipefail
. tests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "needs root"
work=$(mktemp -d /tmp/oci.XXXXXX)
trap 'rm -rf "$work"' EXIT
export CTR_OCI_CONFIG=$work/oci.conf
cat >"$work/base" <<'BASE'
#!/bin/bash
for arg; do printf '<%s>' "$arg"; done
for arg; do case $arg in /proc/self/fd/* | --process=/proc/self/fd/*) cat "/proc/self/fd/${arg##*/}" ;; esac done
exit "${BASE_EXIT:-0}"
BASE
chmod +x "$work/base"
settings() { printf '%s\n' '# of this test' '' OCI_TOOLKIT=/toolkit "OCI_BASE=$work/base" "OCI_STATE=$work/state" "$@" >"$CTR_OCI_CONFIG"; }
settings
oci() { build/bin/ctr-jailer-oci --root /run/engine "$@"; }
bundle() { # NAME [FILTER]: a bundle in $work/b, changed by jq
    rm -rf "$work/b" && mkdir "$work/b"
    jq "${2:-.}" "tests/oci/bundles/$1/config.json" >"$work/b/config.json"
}
got() { jq "${1:-.}" "$work/b/ctr-jailer/config.json"; }
create() { capture oci create --bundle "$work/b" one; }

for name in docker-plain docker-many docker-privileged podman; do
    bundle $name
    create
    is "$name: is passed on" "$STATUS $STDOUT" "0 <--root></run/engine><create><--bundle><$work/b/ctr-jailer><one>"
    got | sed "s,$work,WORK," >"$work/got"
    check "$name: becomes entry's container" diff -u tests/oci/bundles/$name/rewritten.json "$work/got"
    is "$name: the warnings" "$STDERR" "$(sed 's/^/ctr-jailer-oci: warning: /' tests/oci/bundles/$name/warnings)"
done

# By hand, since a recorded result may be wrong as well.
bundle docker-many
create
is "the command follows entry" "$(got .process.args | jq -c .)" '["/usr/bin/entry","--","/sbin/docker-init","--","sh","-c","id; ls"]'
has() { jq -e --arg v "$1" '.process.env | index([$v])' "$work/b/ctr-jailer/config.json" >/dev/null; }
check "user and groups" has VM_USER=1000:1000:1000,10,20
check "working directory" has VM_WORKDIR=/srv/app
check "a variable" has 'CTR_A=b "c" \ $d'
check "an option that is allowed" has MEM_SIZE_MIB=96
check "one that is not is a variable of the command" has CTR_VM_FIRECRACKER_BIN=/evil
bundle docker-plain '.root.readonly = true'
create
check "--read-only" has VM_ROOTFS_READONLY=yes
bundle docker-many
create
check "mounts are shares" has VM_VOLUMES=/run/volumes/0:/sbin/docker-init:live-ro,/run/volumes/1:/conf:live-ro,/run/volumes/2:/data:rw
is "capabilities are those of docs/security.md's line" \
    "$(jq -r '.process.capabilities.bounding[]' "$work/b/ctr-jailer/config.json" | sed s/CAP_// | sort)" \
    "$(sed -n '/^docker run --rm -it --read-only/,/my-image/p' docs/security.md | grep -oP -e '--cap-add \K[A-Z_]+' | sort)"
is "so are the devices" "$(jq -r '.linux.devices[].path' "$work/b/ctr-jailer/config.json" | sort)" \
    "$(sed -n '/^docker run --rm -it --read-only/,/my-image/p' docs/security.md | grep -oP -e '--device \K[^ ]+' | sort)"
is "and nothing of the engine's profiles is left" "$(jq -c '[.linux.seccomp, .process.apparmorProfile, .linux.rootfsPropagation]' "$work/b/ctr-jailer/config.json")" '[null,null,null]'
is "only root may read it" "$(stat -c %a "$work/b/ctr-jailer")" 700

# Bytes, and what JSON may hide.
printf '%s' '{"ociVersion":"1.0.2","root":{"path":"rootfs"},"process":{"cwd":"/\u0064ir","args":["/x","\u00e9\n\"","'$'\xff'' "],"env":["A=\u0001'$'\xfe''","E=","\u0056M_USER=evil","CTR_X=1"]},"linux":{"namespaces":[{"type":"pid"},{"type":"network"},{"type":"ipc"}]}}' >"$work/b/config.json"
create
bytes() { LC_ALL=C grep -qaF "$1" "$work/b/ctr-jailer/config.json"; }
check "every byte of arguments stays" bytes '"args":["/usr/bin/entry","--","/x","\u00e9\n\"","'$'\xff'' "]'
check "every byte of variables stays" bytes '"CTR_A=\u0001'$'\xfe''","CTR_E=","CTR_\u0056M_USER=evil","CTR_CTR_X=1"'
check "a relative root is the bundle's" bytes "\"source\":\"$work/b/rootfs\""
like "an option in disguise is none" "$STDERR" '*VM_USER is not an option that a container may set*'

# The administrator's file, and annotations.
settings VM_NETWORK=nat MEM_SIZE_MIB=512 VM_FIRECRACKER_BIN=/opt/fc
bundle docker-plain '.annotations = {"ctr-jailer.VCPU_COUNT": "2", "ctr-jailer.MEM_SIZE_MIB": "128", "ctr-jailer.VM_JAILER_BIN": "/evil", "other": "x"}'
create
for variable in VM_NETWORK=nat VM_FIRECRACKER_BIN=/opt/fc VCPU_COUNT=2 MEM_SIZE_MIB=128; do check "$variable" has $variable; done
is "the container's value replaces the file's" "$(got | grep -c MEM_SIZE_MIB=)" 1
like "an annotation that is not allowed" "$STDERR" '*annotation ctr-jailer.VM_JAILER_BIN is not an option that a container may set*'
for line in VM_USER=x HOME=/x NAME=x CTR_A=1 novalue OCI_BASE=relative; do
    settings "$line"
    create
    like "$line in the file is refused" "$STATUS $STDERR" "125 ctr-jailer-oci: /etc/ctr-jailer/oci.conf: line 6: *"
done
settings
chmod 666 "$CTR_OCI_CONFIG"
create
like "a file that others may write is refused" "$STATUS $STDERR" '125 *belongs to root and that nobody else may write'
settings
chmod 644 "$CTR_OCI_CONFIG"

refused() { # NAME MESSAGE FILTER: of the plain bundle
    bundle docker-plain "$3"
    rm -f "$work/log"
    capture oci --log "$work/log" --log-format json create --bundle "$work/b" one
    like "refused: $1" "$STATUS $STDOUT$STDERR" "125 *ctr-jailer-oci: config.json: $2"
    is "and the engine is told" "$(tail -n 1 "$work/log" | jq -r '.level + " " + .msg')" "error $(tail -n 1 <<<"${STDERR#ctr-jailer-oci: }")"
}
bind='{destination: "/x", type: "bind", source: "/y", options: ["rbind"]}'
refused "--tmpfs" 'mount /x: a tmpfs is not supported yet' '.mounts += [{destination: "/x", type: "tmpfs", source: "tmpfs"}]'
refused "--device" 'device /dev/sda is not supported: *' '.linux.devices = [{path: "/dev/sda", type: "b", major: 8, minor: 0}]'
refused "--pid host" 'linux.namespaces: another PID namespace *' '.linux.namespaces |= map(select(.type != "pid"))'
refused "--pid container:x" 'linux.namespaces: another PID namespace *' '.linux.namespaces |= map(select(.type != "pid")) + [{type: "pid", path: "/proc/1/ns/pid"}]'
refused "a user namespace" 'linux.namespaces: user namespaces *' '.linux.namespaces += [{type: "user"}]'
refused "SELinux" 'process.selinuxLabel is not supported*' '.process.selinuxLabel = "x"'
refused "a umask" 'process.user.umask: only 0022 *' '.process.user.umask = 63'
refused "an id that is no number" 'process.user.uid: is not a whole number *' '.process.user.uid = "0"'
refused "a negative one" 'process.user.gid: is not a whole number *' '.process.user.gid = -1'
refused "a pod's sandbox" 'pod sandboxes *' '.annotations = {"io.kubernetes.cri.container-type": "sandbox"}'
refused "no command" 'process.args: the command is missing' '.process.args = []'
refused "a NUL in an argument" 'process.args: is not a string without a NUL' '.process.args = ["a\u0000b"]'
refused "a NUL in a variable" 'process.env: is not a string without a NUL' '.process.env = ["A=a\u0000b"]'
refused "a relative working directory" 'process.cwd: is not an absolute path' '.process.cwd = "x"'
refused "a mount of a path with a colon" 'mount /a:rw,/b: a path with a comma, colon or backslash *' ".mounts += [$bind | .destination = \"/a:rw,/b\"]"
refused "a mount below /proc" 'mount /proc/sys: /proc of the guest belongs to its kernel' ".mounts += [$bind | .destination = \"/proc/sys\"]"
refused "one that is written differently" 'mount /proc/sys: /proc of the guest *' ".mounts += [$bind | .destination = \"//proc/./sys/\"]"
refused "one that goes up first" 'mount /proc/sys: /proc of the guest *' ".mounts += [$bind | .destination = \"/x/../../proc/y/../sys\"]"
refused "a mount of a path with a backslash" 'mount /a\\b: a path with *' ".mounts += [$bind | .destination = \"/a\\\\b\"]"
refused "another kind of mount" 'mount /x: type nfs is not supported' '.mounts += [{destination: "/x", type: "nfs", source: "a:/b"}]'
refused "an idmapped mount" 'mount /x: option idmap is not supported' ".mounts += [$bind | .options += [\"idmap\"]]"
refused "one whose options come first" 'mount /x: option ridmap=7 is not supported' '.mounts += [{options: ["rbind", "ridmap=7"], source: "/y", type: "bind", destination: "/x"}]'
refused "Windows" 'config.windows is not supported' '.windows = {x: 1}'
refused "no JSON object" 'is not an object' '[]'
bundle docker-plain
sed -i '0,/"args"/s//"args": ["evil"], "args"/' "$work/b/config.json"
create
like "refused: a member that is there twice" "$STATUS $STDERR" '125 *process.args is there twice'
echo '{' >"$work/b/config.json"
create
is "refused: no JSON" "$STATUS $STDERR" "125 ctr-jailer-oci: config.json is not JSON"
is "nothing is left of a container that was refused" "$(find "$work/state" -path '*/one')" "$work/state/:run:engine/one"
oci delete one >/dev/null
create
is "nor of the first refusal after its removal" "$(find "$work/state" -path '*/one')" ""
bundle docker-plain
BASE_EXIT=3 create
is "the base's exit status; nor of a container that it refused" "$STATUS $(find "$work/state" -path '*/one')" "3 "

# A bundle that is made to mislead root: other files in the places of ours, and JSON that readers understand differently.
hostile() { # NAME MESSAGE: of the bundle as it is
    capture timeout 60 build/bin/ctr-jailer-oci --root /run/engine create --bundle "$work/b" one
    like "hostile: $1" "$STATUS $STDOUT$STDERR" "125 ctr-jailer-oci: $2"
}
bundle docker-plain
mkdir "$work/elsewhere"
ln -s "$work/elsewhere" "$work/b/ctr-jailer"
hostile "a link in our directory's place" 'cannot open the directory ctr-jailer in the bundle: *'
is "and nothing is written where it leads" "$(ls -A "$work/elsewhere")" ""
bundle docker-plain
mkdir "$work/b/ctr-jailer" && chmod 777 "$work/b/ctr-jailer"
hostile "a directory that others may write" 'the directory ctr-jailer in the bundle must belong to root*'
rm "$work/b/config.json" && mkfifo "$work/b/config.json"
hostile "a FIFO, which is not waited for" '*it is not a regular file'
ln -sf /dev/zero "$work/b/config.json"
hostile "a device without an end" '*it is not a regular file'
rm "$work/b/config.json" && truncate -s 1G "$work/b/config.json"
hostile "a file of 1 GiB" '*File too large'
printf '%0500000d' 0 | tr 0 '[' >"$work/b/config.json"
hostile "500,000 lists in each other" 'config.json is not JSON'
bundle docker-plain
sed -i '0,/"args"/s//"\\u0061rgs": ["evil"], "args"/' "$work/b/config.json"
hostile "a second member in disguise" '*process.args is there twice'
bundle docker-plain '.process.env += ["VM_\u001b[2J=1"] | .annotations["ctr-jailer.\u001b[2J"] = "1"'
create
is "hostile: names with escape sequences are told without them" "$STATUS $(grep -c 'x1b' <<<"$STDERR") $(grep -c $'\e' <<<"$STDERR")" "0 2 0"

# Warnings by name.
warned() { # NAME MESSAGE FILTER
    bundle docker-plain "$3"
    create
    like "warned of: $1" "$STATUS $STDERR" "0 ctr-jailer-oci: warning: $2"
}
warned "--pids-limit" 'linux.resources.pids.limit is not carried *' '.linux.resources.pids.limit = 5'
warned "--ipc host" 'linux.namespaces: another IPC namespace *' '.linux.namespaces |= map(select(.type != "ipc"))'
warned "no-new-privileges" 'process.noNewPrivileges is not carried into the VM' '.process.noNewPrivileges = true'
warned "what it does not know" 'process.newThing is unknown and not carried into the VM' '.process.newThing = 1'
warned "propagation" 'mount /x: rshared is not carried into the VM' ".mounts += [$bind | .options = [\"rbind\", \"rshared\"]]"
warned "a variable without a value" 'process.env: NAME is not NAME=VALUE *' '.process.env += ["NAME"]'
warned "-v /sys:/x/..//sys/" 'mount /sys is not carried into the VM, which has its own' ".mounts += [$bind | .destination = \"/x/..//sys/\"]"
bundle docker-plain ".mounts = [($bind | .destination = \"/etc//./resolv.conf/\"), ($bind | .destination = \"/../v/./\\u0001\\\"//w/\")]"
create
is "a file that entry reads is one by any name" "$(got '.mounts[] | select(.source == "/y") | .destination' | xargs)" "/etc//./resolv.conf/ /run/volumes/0"
check "a share has the name that it has in the end" has $'VM_VOLUMES=/run/volumes/0:/v/\001"/w:rw'
warned "-v /sys:/sys" 'mount /sys is not carried into the VM, which has its own' ".mounts += [$bind | .destination = \"/sys\"]"

# The command line.
bundle docker-plain
cd "$work/b"
capture "$OLDPWD/build/bin/ctr-jailer-oci" --systemd-cgroup -root=/run/engine create --pid-file p --console-socket=c --preserve-fds 2 one
cd "$OLDPWD"
is "without --bundle, the working directory is it" "$STATUS $STDOUT" \
    "0 <--systemd-cgroup><-root=/run/engine><create><--bundle=$work/b/ctr-jailer><--pid-file><p><--console-socket=c><--preserve-fds><2><one>"
capture oci create -b="$work/b" one
is "-b=" "$STATUS $STDOUT" "0 <--root></run/engine><create><--bundle=$work/b/ctr-jailer><one>"
capture oci exec -d --process tests/oci/bundles/docker-exec.json one </dev/null
is "exec: the same command by ctr-jailer exec" "$STATUS ${STDOUT#*>one>}" \
    "0 <--root></run/engine><exec><-d><--process></proc/self/fd/200><one>$(jq -c . tests/oci/bundles/docker-exec-rewritten.json)"
capture oci exec -p=tests/oci/bundles/docker-exec.json one < <(:)
like "exec: with a stdin" "$STDOUT" '*"exec","-i","-u"*'
jq '.terminal = true' tests/oci/bundles/docker-exec.json >"$work/process.json"
capture oci exec --process "$work/process.json" one </dev/null
like "exec: with a terminal" "$STDOUT" '*{"terminal":true,*"exec","-t","-i","-u"*'
capture oci exec one sh
like "exec: refused without --process" "$STATUS $STDERR" '125 *only --process FILE is accepted*'
capture oci exec --process "$work/process.json" two
is "exec: refused for another's container" "$STATUS $STDERR" "125 ctr-jailer-oci: exec: container two does not exist"
for verb in start state kill ps resume update events list features spec; do
    capture oci --debug $verb -x --y=z one 9
    is "$verb is passed on as it is" "$STATUS $STDOUT" "0 <--root></run/engine><--debug><$verb><-x><--y=z><one><9>"
done
for verb in run pause checkpoint restore nothing; do
    capture oci $verb one
    like "$verb is refused" "$STATUS $STDOUT $STDERR" "125  ctr-jailer-oci: *$verb*"
done
for id in ../x .. a/b 'a b' ''; do
    capture oci create --bundle "$work/b" "$id"
    like "refused: the id '$id'" "$STATUS $STDERR" "125 *is not a container's id"
done
BASE_EXIT=4 capture oci delete --force one
is "delete: the base's exit status, and the folder stays" "$STATUS $(find "$work/state" -path '*/one')" "4 $work/state/:run:engine/one"
mkdir -p "$work/state/:run:engine/one/a/b" && ln -s /etc "$work/state/:run:engine/one/a/link"
capture oci delete --force one
is "delete: the folder goes with it" "$STATUS $STDERR $(find "$work/state" -path '*/one')" "0  "
capture build/bin/ctr-jailer-oci --version
like "--version" "$STATUS $STDOUT" '0 ctr-jailer-oci version *spec: *'
capture build/bin/ctr-jailer-oci --help
like "--help" "$STATUS $STDOUT" '0 Usage: *'
rm "$CTR_OCI_CONFIG"
capture build/bin/ctr-jailer-oci state one
like "a file of settings that is named must be there" "$STATUS $STDERR" '125 *cannot open *oci.conf: No such file or directory'
done_testing
