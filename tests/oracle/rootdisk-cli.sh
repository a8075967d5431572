#!/bin/bash
# The program rootdisk as people call it: what it says and how it exits.  TAP on stdout; needs root (mounts).
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
program=$PWD/build/bin/rootdisk
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP not root"; exit 0; }
if [ -z "${INSIDE:-}" ]; then # mounts go with this namespace
    INSIDE=1 exec unshare --mount --propagation private "$0" "$@"
fi
work=$(mktemp -d)
trap 'cd /; umount -l "$work"; rmdir "$work"' EXIT
mount -t tmpfs -o size=8m,mode=755 tmpfs "$work"
cd "$work" || exit 1
mkdir tree mnt full
echo content >tree/file
number=0 failures=0

check() { # check TITLE COMMAND...: ok when the command succeeds
    local title=$1
    shift
    number=$((number + 1))
    if "$@"; then
        echo "ok $number - $title"
    else
        echo "not ok $number - $title"
        sed 's/^/# /' err
        failures=$((failures + 1))
    fi
}

# Exits 125 with exactly one line on stderr that holds TEXT, and nothing on stdout.
refuses() {
    local text=$1
    shift
    timeout 10 "$program" "$@" >out 2>err
    [ $? = 125 ] && [ "$(wc -l <err)" = 1 ] && [ ! -s out ] && grep -qF -- "$text" err
}

sealed() {
    "$program" write tree image 2>err && [ "$(stat -c %a image)" = 644 ] && fsck.erofs image >/dev/null 2>err
}

no_leftovers() {
    mount -t tmpfs -o size=64k tmpfs full
    head -c 200000 /dev/zero | tr '\0' x >tree/large
    refuses "No space left on device" write tree full/image && [ -z "$(ls full)" ]
}

old_kept() { # a failed write leaves the image that was there
    cp image old
    cp image full/image
    refuses "No space left on device" write tree full/image && cmp -s full/image old
}

serves() {
    coproc served { exec "$program" serve tree mnt 2>err; }
    # shellcheck disable=SC2154 # coproc sets it
    local line pid=$served_PID
    IFS= read -r -t 10 line <&"${served[0]}" && [ -z "$line" ] || return 1
    "$program" write tree image && cmp -s image mnt/image || return 1
    kill "$pid" && wait "$pid" && ! mountpoint -q mnt
}

hidden_dev() {
    mount -t tmpfs tmpfs /dev && mknod /dev/null c 1 3 &&
        refuses "cannot open /dev/fuse: No such file or directory" serve tree mnt
}

echo 1..12
check "no arguments" refuses "usage:"
check "an unknown command" refuses "usage:" read tree image
check "too many arguments" refuses "usage:" write tree image more
check "a tree that is not there" refuses "none: No such file or directory" write none image
check "a tree that is a file" refuses "Not a directory" write tree/file image
check "a folder that is not there" refuses "No such file or directory" write tree none/image
check "an image is sealed" sealed
check "serving, and SIGTERM" serves
check "a mountpoint that is not there" refuses "cannot mount on none: No such file or directory" serve tree none
check "a full disk leaves nothing behind" no_leftovers
check "a full disk leaves the old image" old_kept
check "serving without /dev/fuse" hidden_dev
[ "$failures" = 0 ]
