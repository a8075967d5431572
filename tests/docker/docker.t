#!/bin/bash
# The way of the README with a real Docker engine: the runtime image by its Dockerfile, a user's image by
# the three lines, and (tests/docker/inside, where KVM works) `docker run` of that.
#
# The engine that builds keeps its layers in build/docker/build, so only what changed is made again.  The
# images go by `docker save` and `docker load` into the store of another engine, and that store becomes a
# disk: `docker load` in the emulated KVM host would take minutes.
#: engine
#: timeout 3200
set -euo pipefail
. tests/lib/tap.sh
. tests/docker/engine.sh
work=$PWD/build/docker
mkdir -p "$work"
trap stop_engine EXIT

check 'an engine starts' start_engine "$work/build" --bridge none --iptables=false --ip-forward=false
check 'a base image of Debian' tests/docker/mkbase build/rootfs-debian
# Ours where it is built, as it is under CI=true; no compile in here.
choice=linux-image-cloud-amd64
[ ! -e build/kernel-microvm-x86_64/vmlinux ] || choice=microvm
check "the Dockerfile builds, KERNEL=$choice" docker build --network host --build-arg "KERNEL=$choice" -t ctr-jailer .
check "a user's Dockerfile with the three lines builds" docker build --network host -t user tests/docker/user
check "and one that seals the tree" docker build --network host -t sealed -f tests/docker/sealed.Dockerfile tests/docker/user
for example in dockerfile compose balena sealed; do
    check "examples/$example builds" docker build --network host -t "example_$example" "examples/$example"
done

# The documents' Dockerfiles.  A block without a FROM ends README's first one; one that only names my-rootfs takes its stage.
rm -rf "$work/pages"
for page in README.md docs/*.md; do
    name=${page##*/} && name=${name%.md}
    tests/lib/blocks.py "$page" dockerfile "$work/pages/${name,,}"
done
first=$work/pages/readme/1
for block in "$work/pages"/*/*; do
    name=${block#"$work/pages/"}
    {
        grep -q ' AS my-rootfs$' "$block" || sed '/^FROM ctr-jailer/,$d' "$first"
        grep -q '^FROM ' "$block" || sed -n '/^FROM ctr-jailer/,$p' "$first"
        cat "$block"
    } >"$work/Dockerfile"
    check "the Dockerfile $name of the documents builds" docker build --network host -t "${name/\//-}" - <"$work/Dockerfile"
done

# An image whose settings are hard to quote, and what wrap makes of it.  docker/inside compares what a command of each
# sees; the rest is compared here.
mkdir -p "$work/nasty"
printf '%s\n' 'FROM debian:bookworm-slim' 'RUN mkdir -p "/a b/\$c \"d\" \\e"' >"$work/nasty/Dockerfile"
check 'an image with a folder of an odd name' docker build --network host -t odd "$work/nasty"
docker save odd | tests/docker/nasty nasty:1 | docker load >/dev/null
docker inspect nasty:1 | build/bin/ctr-jailer wrap >"$work/nasty/wrapped" 2>"$work/nasty/warned"
is 'ctr-jailer wrap: what it says of it' "$(<"$work/nasty/warned")" \
    'ctr-jailer: warning: not in the Dockerfile: the value of TWO_LINES has a newline, or more than 64 KB: pass docker build --build-arg TWO_LINES=...'
build_nasty() { docker build --network host -t wrapped "$@" - <"$work/nasty/wrapped"; }
capture build_nasty
like 'wrap: the build asks for what it cannot say' "$STATUS $STDOUT$STDERR" '[1-9]*TWO_LINES: docker build needs --build-arg TWO_LINES=...*'
check 'what ctr-jailer wrap prints of it builds' build_nasty --build-arg $'TWO_LINES=of $x\n  "two"\n'
config() { docker image inspect "$1" | jq -S ".[0].Config | $2"; }
is 'wrap: the environment' "$(config wrapped '.Env | map(select(test("^(PATH|VM_USER|VM_STOP_SIGNAL|VM_PORTS)=") | not)) | sort')" \
    "$(config nasty:1 '.Env | map(sub("^(?<n>PATH|VCPU_COUNT|CTR_OWN|VM_NAME|HOME)="; "CTR_\(.n)=")) | sort')"
is 'wrap: user, stop signal and ports, as options' "$(config wrapped '.Env | map(select(test("^VM_(U|S|P)"))) | sort' | jq -c .)" \
    '["VM_PORTS=53/udp,80/tcp","VM_STOP_SIGNAL=SIGQUIT","VM_USER=daemon:mail"]'
for part in WorkingDir Cmd ExposedPorts '.Healthcheck | del(.Test)'; do
    is "wrap: $part" "$(config wrapped ".${part#.}")" "$(config nasty:1 ".${part#.}")"
done
is 'wrap: ENTRYPOINT' "$(config wrapped .Entrypoint)" "$(config nasty:1 '["/usr/bin/entry", "--"] + .Entrypoint')"
is 'wrap: the health check' "$(config wrapped .Healthcheck.Test)" \
    "$(config nasty:1 '["CMD", "ctr-jailer", "exec", "--", "/bin/sh", "-c"] + .Healthcheck.Test[1:]')"
docker run --rm --network none nasty:1 >"$work/nasty/seen"
docker image prune -f --filter until=24h >/dev/null

grants() { grep -oE '(--cap-add |--device |--security-opt |^ +- )[A-Za-z/_=-]+' "$1" | sed 's/.* //' | sort; }
is 'examples/compose-minimal grants what docs/security.md does' \
    "$(grants examples/compose-minimal/docker-compose.yml | grep -vxE 'ALL|/run|/srv|/var/tmp|data')" \
    "$(sed -n '/^docker run --rm -it --read-only/,/my-image/p' docs/security.md >"$work/line" && grants "$work/line")"

docker tag example_compose example_app
inspect() { docker image inspect -f "$@"; }
is 'ENTRYPOINT is entry' "$(inspect '{{json .Config.Entrypoint}}' ctr-jailer)" '["/usr/bin/entry"]'
is "CMD is the user's" "$(inspect '{{json .Config.Cmd}}' ctr-jailer) $(inspect '{{json .Config.Cmd}}' user)" \
    'null ["/bin/sh","-c","/start.sh"]'
is 'nothing is left of apt and of documentation' \
    "$(docker run --rm --entrypoint find ctr-jailer /var/lib/apt/lists /var/cache/apt /usr/share/doc /usr/share/man \
        -type f -size +0 2>/dev/null | head -n 3)" ''
labels='title|description|licenses|version|revision|source' # the base may have others
is 'OCI annotations' "$(inspect '{{json .Config.Labels}}' ctr-jailer | jq -r --arg names "image[.]($labels)$" \
    '"\(.["org.opencontainers.image.title"]) \(keys | map(select(test($names))) | length)"')" 'ctr-jailer 6'
like 'ip is there, for those who look at a TAP' "$(docker run --rm --network none --entrypoint ip ctr-jailer -brief link show lo)" 'lo *'
size() { inspect '{{.Size}}' "$1"; }
kernel=$(docker run --rm --entrypoint stat ctr-jailer -c %s /usr/lib/ctr-jailer/vmlinux)
added=$(($(size ctr-jailer) - $(size debian:bookworm-slim)))
note "the runtime image adds $((added >> 20)) MiB to its base, $((kernel >> 20)) MiB of it the kernel"
check 'the runtime image without its kernel adds at most 30 MiB' test $((added - kernel)) -le $((30 << 20))
if [ $choice = microvm ]; then
    check 'and with ours at most 45 MB' test "$added" -le 45000000
fi

# Any kernel in the context: what it lacks ends the build.
context=$work/context
rm -rf "$context" && mkdir -p "$context/guest-init" "$context/mk"
cp -r Dockerfile .dockerignore kernels "$context/"
cp guest-init/modules.list "$context/guest-init/"
cp mk/{unpack-kernel,extract-vmlinux,packages-kernel} mk/firecracker-*.sha256 "$context/mk/"
kernel_stage() { docker build --network host --target kernel --build-arg "KERNEL=$1" -t kernel "$context"; } # PATH
{ printf '\177ELFIKCFG_ST'; { echo CONFIG_X86_64=y; sed 's/#.*//' kernels/needed | awk '
    NF && $1 !~ /@arm64/ {split($2, o, "|"); print "CONFIG_" o[1] "=" (o[1] == "OVERLAY_FS" ? "m" : "y")}'; } | sort -u | gzip -nc
    printf IKCFG_ED; } >"$context/kernels/vmlinux-lacking"
capture kernel_stage kernels/vmlinux-lacking
like 'KERNEL=path: what the kernel lacks is named and fails the build' "$STATUS $STDOUT$STDERR" \
    '[1-9]*CONFIG_OVERLAY_FS is a module (overlay) that the initramfs does not carry*'
like 'and by which choice' "$STDOUT$STDERR" '*KERNEL=kernels/vmlinux-lacking: the kernel would not boot*' # either may come first
capture kernel_stage kernels/none
like 'and so does one that is not there' "$STATUS $STDOUT$STDERR" '[1-9]*KERNEL=kernels/none: is neither*'
mkdir "$context/kernels/modules" "$context/kernels/modules/overlay"
echo overlay/overlay.ko: >"$context/kernels/modules/modules.dep"
: >"$context/kernels/modules/modules.builtin"
capture kernel_stage kernels/vmlinux-lacking
is 'with its modules beside it the same kernel is taken' "$STATUS" 0
[ $choice != microvm ] || check "a Debian package's kernel is taken, too" kernel_stage linux-image-cloud-amd64
rm -rf "$context"

# Into a disk, anew only when the image is another.
id=$(inspect '{{.Id}}' user sealed wrapped example_app)
if [ "$(cat "$work/disk.id" 2>/dev/null)" != "$id" ]; then
    rm -rf "$work/disk.id" "$work/run"
    check 'docker save' docker save -o "$work/images.tar" ctr-jailer user sealed wrapped example_app
    stop_engine
    check 'another engine starts' start_engine "$work/run" --bridge none --iptables=false --ip-forward=false
    check 'docker load' docker load -i "$work/images.tar"
    stop_engine
    rm -f "$work/disk" "$work/images.tar"
    check 'a disk of its store' mke2fs -q -t ext4 -E lazy_itable_init=1 -d "$work/run" "$work/disk" 3G
    rm -rf "$work/run"
    echo "$id" >"$work/disk.id"
fi
stop_engine
done_testing

export TESTHOST_FLAGS="-d $work/disk -r build/tests/docker/docker -t 2400 -m 6144"
exec tests/testhost/kvm-host tests/docker/inside "$work/disk"
