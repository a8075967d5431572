#!/bin/bash
# image import: images that buildah makes, as this machine's kernel shows what was sealed, against the views of buildah and
# umoci; then layers and archives that are hostile or broken.
#: timeout 300
set -euo pipefail
. tests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "not root"
grep -qw erofs /proc/filesystems || modprobe -q erofs || skip_all "this kernel has no EROFS"
[ -n "${IMPORT_INSIDE:-}" ] || IMPORT_INSIDE=1 exec unshare --mount --net --pid --fork --kill-child --mount-proc "$0"
export PATH=$PWD/build/bin:$PATH
layers=$PWD/tests/oracle/layers.py
work=$(mktemp -d /tmp/import.XXXXXX)
trap 'cd / && umount -R "$work" && rmdir "$work"' EXIT
mount -t tmpfs -o mode=755 import "$work"
cd "$work"
store=$work/store
image() { ctr-jailer image --root "$store" "$@"; }
bah() { buildah --storage-driver vfs --root "$work/storage" --runroot "$work/run" "$@"; }
# All that a tree says of its files, but for the root's own time.
describe() {
    (cd "$1" && find . -mindepth 1 \( -type d -printf '%p %y %m %U:%G %T@\n' \) -o \
        \( ! -type d -printf '%p %y %m %U:%G %n %T@ %l\n' \) | sort
    find . -type f -print0 | sort -z | xargs -0 sha256sum
    find . \( -type c -o -type b \) -exec stat -c '%n %t:%T' {} + | sort
    find . -print0 | sort -z | xargs -0 getfattr -hd -m '^(user\.|security\.capability)' -e hex)
}
look() { # NAME: the image, mounted on ./seen
    umount seen 2>/dev/null || mkdir -p seen
    mount -t erofs -o loop,ro "$(image path "$1")" seen
}

# --- a real image, of three layers
mkdir -p one/{etc,bin,opaque/deep,gone/deep,file,sticky} && cd one
echo 1 >etc/one; echo 2 >gone/deep/two; echo 3 >opaque/old; echo 4 >opaque/deep/old; echo 5 >file/in-folder; echo 6 >folder
head -c 300000 /dev/urandom >bin/program && chmod 4755 bin/program && ln bin/program bin/second
cp bin/program bin/capable && setcap cap_net_raw+ep bin/capable
setfattr -n user.note -v text etc/one
ln -s ../etc/one bin/link; ln -s /etc/nowhere etc/dangling; mkfifo etc/fifo; mknod etc/null c 1 3
chmod 1777 sticky; chown 1000:1001 etc/one; chown -h 5:6 etc/dangling; touch -d '2001-02-03 04:05:06.123456789' etc/one
long=$(printf 'n%.0s' {1..200}) && mkdir -p "etc/$long/$long" && echo 7 >"etc/$long/$long/$long"
cd ..
c=$(bah from scratch)
bah copy -q "$c" one / >/dev/null
bah config --env 'PATH=/bin' --env 'A=b c' --entrypoint '["/bin/program","-x"]' --cmd 'run it' --user 7:8 --workingdir /etc \
    --port 80/tcp --volume /data --label l=v --stop-signal SIGQUIT "$c"
bah commit -q "$c" base >/dev/null
for layer in 2 3; do
    c=$(bah from base)
    tree=$(bah mount "$c")
    case $layer in
    2) rm -r "$tree/gone" "$tree/file" && echo now >"$tree/file" && rm "$tree/folder" && mkdir "$tree/folder" && echo in >"$tree/folder/in" ;;
    3) rm -r "$tree/opaque" && mkdir "$tree/opaque" && echo new >"$tree/opaque/new" && rm "$tree/bin/second" &&
        ln "$tree/bin/capable" "$tree/bin/third" && chmod 700 "$tree/etc/one" && ln -sfn /bin "$tree/sticky/bin" ;;
    esac
    bah umount "$c" >/dev/null
    bah commit -q "$c" base >/dev/null
done
bah push -q base docker-archive:docker.tar:base:latest
bah push -q base oci-archive:oci.tar:base
bah push -q base oci:layout:base
skopeo --insecure-policy copy -q oci:layout:base oci:zstd:base --dest-compress-format zstd
check "the image has layers of both compressions" bash -c 'jq -r .layers[].mediaType zstd/blobs/sha256/$(jq -r .manifests[0].digest zstd/index.json | cut -d: -f2) | grep -c zstd'
is "it has three layers" "$(skopeo inspect oci:layout:base | jq '.Layers | length')" 3

like "a layout is imported" "$(image import layout app:layout)" $'app:layout\tsha256:*'
for source in docker.tar oci.tar zstd oci:layout:base docker-archive:docker.tar:base:latest; do
    check "imported: $source" image import "$source" app:other
    is "and is the same file: $source" "$(image path app:other)" "$(image path app:layout)"
done
look app:layout
describe seen >seen.txt
c=$(bah from base)
describe "$(bah mount "$c")" >buildah.txt
check "the kernel shows what buildah shows" diff buildah.txt seen.txt
umoci raw unpack --image layout:base umoci 2>/dev/null
describe umoci >umoci.txt
check "and what umoci unpacks" diff umoci.txt seen.txt
like "which is something" "$(<seen.txt)" "*./bin/capable f*./bin/third f*security.capability=*user.note=*"
is "the configuration is the one that skopeo sees" "$(image inspect app:layout | jq -S .Config)" \
    "$(skopeo inspect --config oci:layout:base | jq -S .config)"
is "nothing is left of the work" "$(find store -maxdepth 1 -name 'work*')" ""

# --- from a registry, by http and https as skopeo's own configuration has it
ip link set lo up
mkdir -p registry registries.d certs/localhost:5001
mount --bind registries.d /etc/containers/registries.conf.d
mkdir -p /etc/containers/certs.d 2>/dev/null && mount --bind certs /etc/containers/certs.d
printf '[[registry]]\nlocation = "localhost:5000"\ninsecure = true\n' >registries.d/test.conf
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout key.pem -out certs/localhost:5001/ca.crt 2>/dev/null
serve() { # PORT MORE
    printf 'version: 0.1\nstorage: {filesystem: {rootdirectory: %s/registry}}\nhttp: {addr: "localhost:%s"%s}\n' "$work" "$1" "${2:-}" >"registry-$1.yml"
    docker-registry serve "registry-$1.yml" >"registry-$1.log" 2>&1 &
    registries+=($!)
}
registries=()
serve 5000
serve 5001 ", tls: {certificate: $work/certs/localhost:5001/ca.crt, key: $work/key.pem}"
push() { skopeo copy -q oci:layout:base docker://localhost:5000/org/app:1.0 2>/dev/null; }
check "a registry has an image" wait_until 30 push
is "it is pulled, by http" "$(image pull localhost:5000/org/app:1.0 | cut -f 1)" localhost:5000/org/app:1.0
is "and is the same file" "$(image path localhost:5000/org/app:1.0)" "$(image path app:layout)"
secure() { image pull localhost:5001/org/app:1.0 secure >pulled 2>&1; }
check "by https" wait_until 30 secure
is "it is, too" "$(image path secure)" "$(image path app:layout)"
check "import knows the form" image import docker://localhost:5000/org/app:1.0 imported
is "rootfs --docker-image does the same" \
    "$(ctr-jailer rootfs --root "$store" --docker-image=localhost:5000/org/app:1.0 --docker-image-base=alpine:3.13 --tag=combust-labs/app:1)" \
    "combust-labs/app:1"$'\t'"$(image inspect imported | jq -r .Digest)"
echo FROM localhost:5000/org/app:1.0 >base
like "baseos gives a registry's image the name behind FROM" "$(ctr-jailer baseos --isolation=host --root "$store" --dockerfile base 2>base.log || cat base.log)" \
    "localhost:5000/org/app:1.0"$'\t'"sha256:*"
is "with its command" "$(image inspect localhost:5000/org/app:1.0 | jq -c .Config.Cmd)" "$(image inspect imported | jq -c .Config.Cmd)"
digest=$(skopeo inspect docker://localhost:5000/org/app:1.0 | jq -r .Digest)
check "and a digest" image pull "localhost:5000/org/app@$digest" by-digest
is "which is not a name" "$(image pull "localhost:5000/org/app@$digest" 2>&1)" \
    "ctr-jailer: image pull localhost:5000/org/app@$digest: give it a name, too: a digest is not one"
like "an image that is not there" "$(image pull localhost:5000/org/none 2>&1)" "ctr-jailer: docker://localhost:5000/org/none: skopeo cannot pull the image: *manifest unknown*"
rm certs/localhost:5001/ca.crt
like "a certificate that nobody knows" "$(image pull localhost:5001/org/app:1.0 2>&1)" "ctr-jailer: docker://localhost:5001/org/app:1.0: skopeo cannot pull the image: *certificate*"
kill "${registries[@]}"
wait "${registries[@]}" 2>/dev/null || true
like "a registry that is not there" "$(image pull localhost:5000/org/app:1.0 2>&1)" "ctr-jailer: docker://localhost:5000/org/app:1.0: skopeo cannot pull the image: *connection refused*"
is "an engine's own images are told how" "$(image import docker-daemon:app:1.0 x 2>&1; image import containers-storage:app x 2>&1)" \
    "ctr-jailer: docker-daemon:app:1.0: save it first: docker save IMAGE >FILE, and import FILE
ctr-jailer: containers-storage:app: save it first: podman save IMAGE >FILE, and import FILE"
is "nothing is left of the work" "$(find store -maxdepth 1 -name 'work*')" ""

# --- hostile layers: nothing outside the tree is touched
mkdir outside && echo safe >outside/file
refused() { # NAME MESSAGE SOURCE
    capture timeout 60 ctr-jailer image --root "$store" import "$3" bad
    like "refused: $1" "$STATUS/$STDOUT/$STDERR" "125//ctr-jailer: $2"
    is "refused: $1, and nothing is left" "$(find store -name 'work*') $(image ls | grep -c bad || true)" " 0"
}
python3 "$layers" "$work/outside"
refused "a name with .." "*: a name with .. in the *" dotdot
refused "a link's target with .." "*: a name with .. in the *" hardlink-dotdot
refused "a file below a link of the same layer" "cannot enter the directory out: *" own-link
refused "and further down" "cannot enter the directory d/out: *" own-link-above
refused "a whiteout of .." "*: cannot replace or remove *: Invalid argument" whiteout-dotdot
refused "a whiteout of ." "*: cannot replace or remove *: Invalid argument" whiteout-dot
refused "a whiteout without a name" "*: cannot replace or remove *: Invalid argument" whiteout-empty
refused "a hard link to a file that is outside" "cannot link *: No such file or directory" hardlink-absolute
refused "a member that ends early" "*ends early*" short
refused "a layer that is not an archive" "*" noise
refused "an image for another machine" "the image's configuration: the image is for linux on s390x, *" machine
refused "a configuration of the wrong form" "the image's configuration: the image's Env is not a list of strings" config
refused "a layer with another digest" "*: skopeo cannot read the image: *" digest
refused "no manifest" "*: skopeo cannot read the image: *" empty
echo nothing >text
refused "a file that is not an archive" "text: skopeo cannot read the image: *" text
for kind in fifo dev; do
    rm -rf odd && cp -a layout odd
    [ $kind = dev ] && mknod odd/dev c 1 5 || mkfifo odd/fifo
    tar -C odd -cf "$kind.tar" .
    refused "an archive with a $kind" "skopeo was killed by its seccomp filter: * (does $kind.tar contain devices or FIFOs?)" $kind.tar
done
refused "nothing" "cannot open none: No such file or directory" none
refused "a device" "/dev/null: is neither an archive nor a directory" /dev/null
head -c 100000 oci.tar >half.tar
refused "half an archive" "half.tar: skopeo cannot read the image: *" half.tar
config=blobs/sha256/$(jq -r '.manifests[0].digest' layout/index.json | sed 's/sha256://')
for file in index.json oci-layout "$config"; do
    rm -rf odd && cp -a layout odd && rm "odd/$file" && mkfifo "odd/$file"
    refused "a FIFO as $file" "odd: ${file##*/} is not a regular file" odd
    refused "... also where skopeo's own names are used" "odd: ${file##*/} is not a regular file" oci:odd:base
    ln -sf /dev/zero "odd/$file"
    refused "a link to a device as $file" "odd: ${file##*/} is not a regular file" odd
done
mkfifo fifo
for kind in '' oci: dir: oci-archive: docker-archive:; do
    refused "a FIFO, by $kind" "fifo: is neither an archive nor a directory" "${kind}fifo"
done
check "absolute names stay in the tree" image import absolute good
look good
is "and are in it" "$(cat "seen$work/outside/file") $(readlink seen/out)" "inside $work/outside"
check "whiteouts in the lowest layer are nothing" image import whiteouts good
look good
is "an opaque folder keeps what its own layer has, before and after" "$(cd seen && find . -mindepth 1 | sort | xargs)" "./d ./d/after ./d/before"
# --- files below links and files of other layers: as this machine's overlayfs shows the same layers
check "layers with files below links of others" image import hiding good
look good
# without numbers of links, which overlayfs does not add up; a whiteout of nothing is listed there, but is not found
shape() { (cd "$1" && { find . -mindepth 1 -printf '%p %y %m %l\n' 2>/dev/null || true; } | sort && { find . -type f -print0 2>/dev/null || true; } | sort -z | xargs -0 sha256sum); }
lower=
for layer in hiding.*.tar; do
    mkdir "${layer%.tar}"
    tar -xf "$layer" -C "${layer%.tar}"
    while IFS= read -r path; do # whiteouts as overlayfs has them
        rm "$path"
        case ${path##*/} in
        .wh..wh..opq) setfattr -n trusted.overlay.opaque -v y "${path%/*}" ;;
        *) mknod "${path%/*}/${path##*/.wh.}" c 0 0 ;;
        esac
    done < <(find "${layer%.tar}" -name '.wh.*')
    lower=$work/${layer%.tar}${lower:+:$lower}
done
mkdir overlaid
if mount -t overlay -o ro,lowerdir="$lower" overlay overlaid; then
    is "are as overlayfs has them" "$(shape seen)" "$(shape overlaid)"
    umount overlaid
else
    skip "are as overlayfs has them" "this kernel has no overlayfs"
fi
check "a deep tree is imported and removed" image import deep good
check "attributes that are not a user's are left out" image import attributes good
look good
is "of them, there are only a user's" "$(getfattr -Rhd -m - seen 2>/dev/null | grep '=' | xargs)" "user.a=b"
is "what is outside is as it was" "$(cat outside/file) $(echo outside/*)" "safe outside/file"

# --- who reads all that: skopeo the archive, rootdisk the tree
mkdir reader
cat >reader/skopeo <<'END'
#!/bin/sh
while read -r name value; do
    case $name in Uid: | CapEff: | NoNewPrivs: | Seccomp:) told="$told $name ${value%%[!0-9a-f]*}" ;; esac
done </proc/self/status
while read -r max what size soft hard; do
    case "$max $what $size" in "Max data size") told="$told data: $soft $hard" ;; esac
done </proc/self/limits
echo "$told" >&2
exit 1
END
chmod 755 reader/skopeo
cp reader/skopeo reader/rootdisk
rights=' Uid: [1-9]* CapEff: 0000000000000004 NoNewPrivs: 1 Seccomp: 2 data: 4294967296 4294967296*bytes'
like "skopeo is a user of its own, may read, and has a filter and bounded memory" "$(PATH=$work/reader:$PATH image import layout who 2>&1)" "*$rights"
rm reader/skopeo
like "so is rootdisk" "$(PATH=$work/reader:$PATH image import layout who 2>&1)" "*$rights"
printf '#!/bin/sh\necho "fatal error: runtime: out of memory"\necho a trace\nexit 2\n' >reader/skopeo && chmod +x reader/skopeo
is "where that is not enough memory" "$(PATH=$work/reader:$PATH image import layout who 2>&1)" "ctr-jailer: layout: skopeo needs more than 4 GiB of memory to read the image"

# --- killed
mkdir killer && mkfifo -m 644 killer/go && printf '#!/bin/sh\nread -r go <%s\n' "$work/killer/go" >killer/rootdisk && chmod +x killer/rootdisk
status=0
PATH=$work/killer:$PATH ctr-jailer image --root "$store" import layout killed >/dev/null 2>&1 &
importer=$!
exec {go}>killer/go # rootdisk has begun
kill -9 $importer
wait $importer || status=$?
exec {go}>&-
is "an import that is killed leaves its folder" "$status/$(find store -maxdepth 1 -name 'work*' | wc -l)" 137/1
check "the store is the one before" image verify
chmod 755 store
reaches() { "$@" test -e "$(echo store/work.*)/tree/bin/program"; }
check "no other user reaches its set-user-id files and devices, whatever the store's mode" \
    eval 'reaches env && ! reaches setpriv --reuid 1000 --regid 1000 --clear-groups --'
chmod 700 store
check "the next one" image import layout next
is "removes it" "$(find store -maxdepth 1 -name 'work*')" ""
umount seen
done_testing
