#!/bin/bash
# build, rootfs and baseos: images from Dockerfiles, by the real buildah, on this host; git by a real git daemon.  What an
# image has is read from its sealed file, mounted by this machine's kernel.
#: timeout 600
set -euo pipefail
. tests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "not root"
grep -qw erofs /proc/filesystems || modprobe -q erofs || skip_all "this kernel has no EROFS"
[ -n "${BUILD_INSIDE:-}" ] || BUILD_INSIDE=1 exec unshare --mount --net --pid --fork --kill-child --mount-proc "$0"
ip link set lo up
export PATH=$PWD/build/bin:$PATH
blocks=$PWD/tests/lib/blocks.py page=$PWD/docs/host.md work=$(mktemp -d /tmp/build.XXXXXX)
trap 'cd / && umount -R "$work" && rmdir "$work"' EXIT
mount -t tmpfs -o mode=755 build "$work"
cd "$work"
store=$work/store
host() { local verb=$1 && shift && ctr-jailer "$verb" --isolation=host --root "$store" "$@"; }
image() { ctr-jailer image --root "$store" "$@"; }
config() { image inspect "$1" | jq -cS ".Config.$2"; }
look() {
    umount seen 2>/dev/null || mkdir -p seen
    mount -t erofs -o loop,ro "$(image path "$1")" seen
}
left() { find store -maxdepth 1 -name 'work*'; }

# --- a base, out of a shell and what it needs
mkdir -p base/tree/{bin,tmp,etc} && cp "$(command -v busybox)" base/tree/bin/busybox
for name in sh cat id ls mkdir echo touch env test; do ln base/tree/bin/busybox base/tree/bin/$name; done
while read -r library; do
    mkdir -p "base/tree${library%/*}" && cp -L "$library" "base/tree$library"
done < <(ldd "$(command -v busybox)" 2>/dev/null | grep -o '/[^ ]*')
echo root:x:0:0::/:/bin/sh >base/tree/etc/passwd && echo root:x:0: >base/tree/etc/group && chown 7:8 base/tree/tmp && chmod 1777 base/tree/tmp
tar -C base/tree -cf base/tree.tar . && rm -r base/tree
cat >base/Dockerfile <<'DOCKERFILE'
FROM scratch
ADD tree.tar /
ENV FROM_BASE=yes
HEALTHCHECK --interval=5s CMD ["/bin/test", "-e", "/tmp"]
ONBUILD RUN echo onbuild >/onbuild
DOCKERFILE
capture host baseos --dockerfile "$PWD/base/Dockerfile" --tag=debian:buster-slim --filesystem-size-mbs=500
like "baseos makes a base" "$STATUS/$STDOUT" "0/debian:buster-slim"$'\t'"sha256:*"
like "and says which flag has no use" "$STDERR" "ctr-jailer: warning: baseos: a build on the host has no use for --filesystem-size-mbs"$'\n*'
look debian:buster-slim
is "with the owners of the archive that it added" "$(stat -c '%u:%g %a' seen/tmp)" "7:8 1777"
is "its configuration is kept" "$(config debian:buster-slim OnBuild) $(config debian:buster-slim Healthcheck.Test)" \
    '["RUN echo onbuild >/onbuild"] ["CMD","/bin/test","-e","/tmp"]'
is "nothing is left of the work" "$(left)" ""

# --- a Dockerfile with several stages, from that base
mkdir -p app/sub && cd app
cat >Dockerfile <<'DOCKERFILE'
ARG BASE_UNUSED=x
FROM debian:buster-slim AS first
ARG GREETING=none
COPY sub /copied
RUN echo "$GREETING $FROM_BASE" >/greeting && id -u >/who && chmod 4755 /greeting
FROM debian:buster-slim
COPY --from=first /greeting /copied/kept /result/
COPY --chown=5:6 sub/kept /owned
USER 1000
WORKDIR /srv
ENTRYPOINT ["/bin/cat"]
CMD ["/result/greeting"]
STOPSIGNAL SIGQUIT
EXPOSE 80
VOLUME /data
LABEL l=v
DOCKERFILE
echo kept >sub/kept && echo secret >sub/left-out && echo sub/left-out >.dockerignore
cd ..
capture host build -t org/app:1.0 --build-arg GREETING=hello app
like "build" "$STATUS/$STDOUT" "0/org/app:1.0"$'\t'"sha256:*"
like "its steps are on stderr" "$STDERR" "*STEP*FROM debian:buster-slim*"
look org/app:1.0
is "stages, arguments, the base's variables and ONBUILD" "$(cat seen/result/greeting seen/onbuild seen/result/kept | xargs)" "hello yes onbuild kept"
is "modes and owners" "$(stat -c '%a %u:%g' seen/result/greeting seen/owned | xargs)" "4755 0:0 644 5:6"
is "its configuration" "$(image inspect org/app:1.0 | jq -cS '.Config | [.User, .WorkingDir, .Entrypoint, .Cmd, .StopSignal, .ExposedPorts, .Volumes, .Labels.l]')" \
    '["1000","/srv",["/bin/cat"],["/result/greeting"],"SIGQUIT",{"80/tcp":{}},{"/data":{}},"v"]'
check "--target" host rootfs --dockerfile=app/Dockerfile --dockerfile-stage=first --tag=org/first --docker-image-base=alpine:3.13
look org/first
is "ends with that stage, without what .dockerignore names" "$(cd seen && cat greeting && ls copied)" $'none yes\nkept'
check "a Dockerfile elsewhere, with a context" host build -f base/Dockerfile -t other base
is "is the same base" "$(image inspect other | jq -r .Digest)" "$(image inspect debian:buster-slim | jq -r .Digest)"

# --- names of bases with variables: there is no registry here, so only the store can have them
printf 'ARG NAME=debian VERSION\nARG BASE="${NAME}:${VERSION:-none}"\nFROM $BASE\nRUN echo "$FROM_BASE" >/which\n' >variable
check "FROM with a variable" host build -f variable -t org/variable --build-arg VERSION=buster-slim app
look org/variable
is "takes the store's image of that name" "$(cat seen/which)" yes
printf 'ARG VERSION=buster-slim\nFROM debian:${VERSION}\n' >variable
check "a default" host build -f variable -t org/variable app
printf 'FROM debian:${VERSION:-buster-slim}\n' >variable
capture host rootfs --dockerfile=variable --tag=org/variable --cni-network-name=machine-builds --vmlinux-id=v --mem=512 --netns=/x \
    --binary-firecracker=/x --binary-jailer=/x --chroot-base=/x --run-cache=/x --jailer-uid=1 --jailer-gid=1 --ssh-user=alpine \
    --identity-file=/x --ip-address=10.0.0.1 --shutdown-graceful-timeout-seconds=30
like "firebuild's flags of a VM are known" "$STATUS/$STDOUT" "0/org/variable:latest"$'\t'"sha256:*"
like "and are said to have no use" "$STDERR" "*no use for *--mem*--netns*--chroot-base*"
check "and the text for a variable that is not set" host build -f variable -t org/variable app

# --- git: firebuild's forms
export HOME=$work GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
mkdir -p served && git init -q -b main made && mkdir -p made/13
commit() { echo "$1" >made/13/which && git -C made add . && git -C made commit -qm "$1"; }
printf 'FROM scratch\nCOPY which /which\n' >made/13/Dockerfile
commit first && first=$(git -C made rev-parse HEAD)
commit second && git -C made tag v2 && git -C made checkout -qb 0.X && commit third && git -C made checkout -q main
ln -s /etc/passwd made/13/outside && commit fourth
git clone -q --bare made served/postgres.git
git -C served/postgres.git config uploadpack.allowReachableSHA1InWant true
git daemon --reuseaddr --listen=127.0.0.1 --port=9418 --base-path="$work/served" --export-all "$work/served" 2>daemon.log &
wait_until 20 git ls-remote -q git://127.0.0.1/postgres.git >/dev/null 2>&1
url=git://127.0.0.1/postgres.git:/13/Dockerfile
for ref in :fourth '#0.X:third' '#v2:second' "#$first:first"; do
    check "a repository${ref%:*}" host rootfs --dockerfile="$url${ref%:*}" --tag=combust-labs/postgres:13
    look combust-labs/postgres:13
    is "is what it had there" "$(cat seen/which)" "${ref##*:}"
done
check "build takes it as a context" host build -t combust-labs/postgres:13 "$url#v2"

# --- a Dockerfile alone, by HTTP
mkdir http && printf 'FROM debian:buster-slim\nRUN echo from http >/which\n' >http/Dockerfile
python3 -m http.server --bind 127.0.0.1 --directory http 8000 >http.log 2>&1 &
web=http://127.0.0.1:8000/Dockerfile
wait_until 20 curl -fso /dev/null $web
check "a Dockerfile behind a URL" host rootfs --dockerfile=$web --tag=org/http
look org/http
is "uses the store's base, too" "$(cat seen/which)" "from http"

# --- docs/host.md's commands, as they stand
"$blocks" "$page" sh blocks
is "the page has two blocks of commands" "$(cd blocks && echo *)" "1 2"
mount -t tmpfs -o mode=755 lib /var/lib
mkdir tried && cp -r base tried/my-base && cp -r app tried/my-app
capture env -C tried bash -e ../blocks/2
is "they build three images" "$STATUS/$(grep -c $'\tsha256:' <<<"$STDOUT")/$(jq -r '.WorkingDir?' <<<"$(sed '/sha256/d' <<<"$STDOUT")")" "0/3//srv"

# --- what is refused
refused() { # NAME MESSAGE ARGUMENTS...
    local name=$1 message=$2 before
    shift 2
    before=$(image ls)
    capture ctr-jailer "$@"
    like "refused: $name" "$STATUS/$STDOUT/${STDERR##*$'\n'}" "125//ctr-jailer: $message"
    is "refused: $name, and nothing has changed" "$(image ls)$(left)" "$before"
}
here=(--isolation=host --root "$store")
refused "a build without --isolation=host" "build: RUN steps would run on this host, as root: --isolation=host allows that *" build --root "$store" -t x app
refused "another isolation" "rootfs: --isolation=vm: host is the only one in this version" rootfs --isolation=vm --tag x --dockerfile app/Dockerfile
refused "no tag" "build: the name of the image is missing: --tag NAME" build "${here[@]}" app
refused "a tag that is none" "*: is not an image*" build "${here[@]}" -t 'A b' app
refused "no Dockerfile" "rootfs: the Dockerfile is missing: --dockerfile FILE" rootfs "${here[@]}" --tag x
refused "one that is not there" "rootfs: cannot open none: No such file or directory" rootfs "${here[@]}" --tag x --dockerfile none
refused "a directory as one" "rootfs: app: is not a regular file" rootfs "${here[@]}" --tag x --dockerfile app
refused "a file as a context" "build: app/Dockerfile: is not a directory" build "${here[@]}" -t x -f app/Dockerfile app/Dockerfile
refused "an unknown flag" "build: unknown option --nonsense (*" build "${here[@]}" --nonsense=x app
refused "an argument too many" "build: other: is one argument too many" build "${here[@]}" -t x app other
refused "an argument without a name" "build: --build-arg =x: is not NAME=VALUE" build "${here[@]}" -t x --build-arg =x app
refused "an image and a Dockerfile" "rootfs: --docker-image: is not for a Dockerfile, *" rootfs --root "$store" --tag x --docker-image a --dockerfile app/Dockerfile
refused "a stage that is not there" "build: buildah failed with exit code *" build "${here[@]}" -t x --target none app
printf 'FROM debian:buster-slim\nRUN exit 3\n' >failing
refused "a step that fails" "build: buildah failed with exit code *" build "${here[@]}" -t x -f failing app
printf 'FROM a\nFROM b\n' >two
refused "a base with two FROM" "baseos: two has 2 FROM: a base has one" baseos "${here[@]}" --dockerfile two
refused "a base without a name" "baseos: --tag is missing: FROM scratch is not a name for the image" baseos "${here[@]}" --dockerfile base/Dockerfile
refused "a ref that is not there" "$url#none: git cannot fetch none of it" rootfs "${here[@]}" --tag x --dockerfile "$url#none"
refused "a ref that is a flag" "$url#--upload-pack=x: is not URL.git:/PATH/Dockerfile[[]#REF]" rootfs "${here[@]}" --tag x --dockerfile "$url#--upload-pack=x"
refused "a path that is not there" "*: cannot open 14/Dockerfile in the repository: No such file or directory" rootfs "${here[@]}" --tag x --dockerfile "${url/13/14}"
refused "a link out of the repository" "*: cannot open 13/outside in the repository: *" rootfs "${here[@]}" --tag x --dockerfile "${url%Dockerfile}outside"
refused "a URL without a path" "git://127.0.0.1/x.git: is not URL.git:/PATH/Dockerfile[[]#REF]" rootfs "${here[@]}" --tag x --dockerfile git://127.0.0.1/x.git
refused "a URL that is not there" "${web}x: curl cannot fetch it" rootfs "${here[@]}" --tag x --dockerfile "${web}x"
refused "no repository" "*: git cannot fetch HEAD of it" rootfs "${here[@]}" --tag x --dockerfile git://127.0.0.1/none.git:/Dockerfile
done_testing
