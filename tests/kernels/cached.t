#!/bin/bash
# kernels/cached, with the kernel that is built here: another folder gets a copy without a compile.
set -euo pipefail
. tests/lib/tap.sh
ours=build/kernel-microvm-x86_64
[ -e "$ours/id" ] && [ "$(<"$ours/id")" = "$(kernels/build --id x86_64)" ] || skip_all 'the kernel is not built (make kernel-x86_64)'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export KERNEL_CACHE=$folder/some/cache
same() { diff -r -x build.log "$ours" "$1"; }

capture kernels/cached x86_64 "$ours"
is 'a kernel that is there goes into the cache, and is not compiled' "$STATUS/$STDOUT/$STDERR" 0//
kept=$KERNEL_CACHE/x86_64-$(<"$ours/id")
check 'all of it' same "$kept"
is 'and nothing else is there' "$(ls "$KERNEL_CACHE")" "$(basename "$kept")"$'\n'"$(basename "$kept").lock"

kernels/cached x86_64 "$folder/a" >"$folder/out.a" &
first=$!
kernels/cached x86_64 "$folder/b" >"$folder/out.b" &
wait "$first" && wait $!
check 'two folders at once get it from there: one' same "$folder/a"
check 'and the other' same "$folder/b"
is 'each says so' "$(grep -c "from $kept" "$folder/out.a")/$(grep -c "from $kept" "$folder/out.b")" 1/1
is 'nothing is compiled for them' "$(ls "$folder")" $'a\nb\nout.a\nout.b\nsome'

# One build holds the lock: another waits for it, rather than compiling too.
export KERNEL_CACHE=$folder/other
mkdir "$KERNEL_CACHE"
exec 8>"$KERNEL_CACHE/$(basename "$kept").lock"
flock 8
kernels/cached x86_64 "$folder/c" >"$folder/out.c" 8>&- &
waiting=$!
check 'while another builds it, it waits' wait_until 20 grep -q 'waiting for that' "$folder/out.c"
cp -r "$kept" "$KERNEL_CACHE/"
exec 8>&-
check 'and is content with what that has made' wait $waiting
check 'which is all' same "$folder/c"

: >"$folder/file"
KERNEL_CACHE=$folder/file/x capture kernels/cached x86_64 "$folder/a"
like 'a cache that cannot be is said, and is no failure' "$STATUS/$STDOUT/$STDERR" "0//*no kernel is kept in $folder/file/x*"
KERNEL_CACHE='' capture kernels/cached x86_64 "$folder/a"
is 'no cache is wanted' "$STATUS/$STDOUT/$STDERR" 0//
done_testing
