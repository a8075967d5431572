#!/bin/bash
# The program rootdisk as people call it: what it says and how it exits.
set -euo pipefail
. tests/lib/tap.sh
program=$PWD/build/bin/rootdisk inject=$PWD/build/inject.so
[ "$(id -u)" = 0 ] || skip_all "not root"
if [ -z "${INSIDE:-}" ]; then # mounts go with this namespace
    INSIDE=1 exec unshare --mount --propagation private "$0" "$@"
fi
work=$(mktemp -d)
trap 'cd /; umount -l "$work"; rmdir "$work"' EXIT
mount -t tmpfs -o size=8m,mode=755 tmpfs "$work"
cd "$work"
mkdir tree mnt full
echo content >tree/file

# refuses TEXT args...: exits 125 with exactly one line on stderr that holds TEXT, and nothing on stdout
refuses() {
    local text=$1
    shift
    capture timeout 10 "$program" "$@"
    echo "status $STATUS, stdout: $STDOUT, stderr: $STDERR"
    [ "$STATUS" = 125 ] && [ -z "$STDOUT" ] && [[ $STDERR == *"$text"* && $STDERR != *$'\n'* ]]
}

sealed() { "$program" write tree image && [ "$(stat -c %a image)" = 644 ] && fsck.erofs image; }

serves() {
    mkfifo ready
    "$program" serve tree mnt >ready &
    local pid=$! line
    IFS= read -r -t 10 line <ready
    cmp image mnt/image
    kill "$pid"
    wait "$pid" && [ -z "$line" ] && ! mountpoint -q mnt
}

# No memory at the N-th allocation: an end with one line, or one access that fails, with a warning.
serves_short_of_memory() {
    local n pid line said wanted failed=0 warning='rootdisk: warning: an access to a served disk failed: '
    for ((n = 1; ; n++)); do
        LD_PRELOAD=$inject INJECT_MEMORY=1 INJECT=$n INJECT_LOG=$work/failed "$program" serve tree mnt >ready 2>said &
        pid=$! STATUS=0 wanted=''
        if IFS= read -r -t 10 line <ready; then
            cmp -s image mnt/image || wanted=$warning
            kill "$pid"
        fi
        wait "$pid" || STATUS=$?
        [ -e failed ] || break # neither of its two processes has as many
        rm failed
        said=$(<said)
        [ "$STATUS" = 0 ] || wanted='rootdisk: '
        # nobody notices when the last access fails, by which the file is let go
        [ -n "$wanted" ] || [ -z "$said" ] || wanted=$warning
        [ -z "$wanted" ] || failed=$((failed + 1))
        if [[ $STATUS != @(0|125) || $said != "$wanted"* || $said == *$'\n'* ]] || mountpoint -q mnt; then
            echo "allocation $n: $STATUS $said"
            return 1
        fi
    done
    echo "$((n - 1)) allocations, $failed failures"
    [ "$failed" -ge 10 ]
}

leaves_nothing() { refuses "No space left on device" write tree full/image && [ -z "$(ls full)" ]; }
leaves_old() { refuses "No space left on device" write tree full/image && cmp full/image image; }

# Names of 10 MB up to the root: a program that takes a piece of its stack for each level, or each 4096 bytes of path, has
# none left.
deep() {
    python3 -c 'import os
for i in range(40000):
    os.mkdir("d" * 250)
    os.chdir("d" * 250)
open("bottom", "w").write("what is at the bottom")'
}
writes_deep() {
    mkdir deep out
    mount -t tmpfs -o size=100m deep deep
    mount -t tmpfs -o size=200m out out
    (cd deep && deep)
    capture "$program" write deep out/image
    echo "status $STATUS, $STDERR, $(ls out)"
    [ "$STATUS$STDERR" = 0 ] && [ "$(ls out)" = image ] && grep -q "what is at the bottom" out/image
}
# Who serves reads files, and does nothing else; its parent only waits, to unmount.
confined() {
    "$program" serve tree mnt >ready &
    local pid=$! line server
    IFS= read -r -t 10 line <ready
    server=$(pgrep -P "$pid")
    grep -E '^(Seccomp|NoNewPrivs|CapEff|CapBnd):' "/proc/$server/status" | tr -s '\t\n' ' '
    kill "$pid"
    wait "$pid"
    ! mountpoint -q mnt
}
its_server_killed() {
    "$program" serve tree mnt >ready 2>said &
    local pid=$! line
    IFS= read -r -t 10 line <ready
    kill -9 "$(pgrep -P "$pid")"
    STATUS=0
    wait "$pid" || STATUS=$?
    echo "$STATUS $(<said)"
    ! mountpoint -q mnt
}
serves_deep() {
    "$program" serve deep mnt >ready &
    local pid=$! line same=0
    IFS= read -r -t 10 line <ready
    cmp out/image mnt/image || same=$?
    kill "$pid"
    wait "$pid" && [ "$same" = 0 ]
}

# The signal comes while there is half an image; once it was too late, so again.
interrupted() {
    local pid try
    mkdir out/many
    (cd out/many && for ((try = 0; try < 2000; try++)); do echo $try >$try; done)
    for ((try = 0; try < 50; try++)); do
        "$program" write out/many out/new 2>said &
        pid=$! STATUS=0
        until compgen -G 'out/new.??????' >/dev/null || [ -e out/new ] || ! kill -0 "$pid" 2>/dev/null; do :; done
        kill "$pid" 2>/dev/null || true
        wait "$pid" || STATUS=$?
        [ "$STATUS" = 0 ] || break
        rm -f out/new
    done
    echo "try $try: status $STATUS, $(<said), $(ls out)"
    [ "$STATUS" = 125 ] && [[ $(<said) == *"was cancelled" ]] && [ "$(ls -m out)" = "image, many" ]
}

check "no arguments" refuses "usage:"
check "an unknown command" refuses "usage:" read tree image
check "too many arguments" refuses "usage:" write tree image more
check "a tree that is not there" refuses "none: No such file or directory" write none image
check "a tree that is a file" refuses "Not a directory" write tree/file image
check "a folder that is not there" refuses "No such file or directory" write tree none/image
check "an image is sealed" sealed
check "serving, and SIGTERM" serves
like "the server's rights" "$(confined)" "CapEff: 000000000000000[24] CapBnd: 000000000000000[24] NoNewPrivs: 1 Seccomp: 2 "
is "its server is killed" "$(its_server_killed)" "125 rootdisk: the server of mnt was killed"
check "serving without memory: one line" serves_short_of_memory
check "40,000 folders in each other" writes_deep
check "and served" serves_deep
check "a signal leaves nothing behind" interrupted
check "a mountpoint that is not there" refuses "cannot mount on none: No such file or directory" serve tree none
mount -t tmpfs -o size=64k tmpfs full
head -c 200000 /dev/zero | tr '\0' x >tree/large
check "a full disk leaves nothing behind" leaves_nothing
cp image full/image
check "a full disk leaves the old image" leaves_old
mount -t tmpfs tmpfs /dev
mknod /dev/null c 1 3
check "serving without /dev/fuse" refuses "cannot open /dev/fuse: No such file or directory" serve tree mnt
done_testing
