# shellcheck shell=bash
# A share on this machine's own kernel, for the suites that source this first: the server's folder is $f, its mount $m, in
# $top, which goes with the suite.
. tests/lib/tap.sh
if [ -z "${SHARE_NS:-}" ]; then # mounts of our own
    SHARE_NS=1 exec unshare -m --propagation private "$0" "$@"
fi
[ -w /dev/fuse ] || skip_all "this machine has no /dev/fuse"
top=$(mktemp -d /tmp/share.XXXXXX)
chmod 755 "$top"
f=$top/folder m=$top/mount
mkdir "$f" "$m"
relay='' wrap=()
server() { # [BUT]: sets SERVER, unless that is BUT
    SERVER=$(pgrep -P "$KEEPER") && [ "$SERVER" != "${1:-}" ]
}
serve() { # [FOLDER [WORDS]]: mounts it on $m; KEEPER is the process, and SERVER its child, which serves
    rm -f "$top/pid"
    "${wrap[@]}" build/share/standin build/bin/share "${1:-$f}" "$m" "${@:2}" >"$top/pid" 2>"$top/err" &
    relay=$!
    wait_until 10 test -s "$top/pid"
    KEEPER=$(<"$top/pid")
    wait_until 10 server
}
stop() {
    umount "$m" || umount -l "$m"
    wait "$relay" || true
    wait_until 10 eval "! kill -0 $KEEPER 2>/dev/null"
}
cleanup() {
    umount -l "$m" 2>/dev/null || true
    [ -z "$relay" ] || kill "$relay" 2>/dev/null || true
    rm -rf "$top"
}
trap cleanup EXIT
