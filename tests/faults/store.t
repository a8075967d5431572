#!/bin/bash
# The host's store (store/): what it keeps and refuses; many writers at once; and a failure or a SIGKILL at every step of
# each change, after which the store must be the one before or the one after.
#: timeout 600
set -euo pipefail
. tests/lib/tap.sh
ctr=$PWD/build/bin/ctr-jailer inject=$PWD/build/inject.so
work=$(mktemp -d /tmp/store.XXXXXX)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$work/tree/etc"
echo one >"$work/tree/etc/one"
truncate -s 1M "$work/tree/hole"
build/bin/rootdisk write "$work/tree" "$work/one"
echo two >"$work/tree/etc/one"
build/bin/rootdisk write "$work/tree" "$work/two"
cp build/faults/vmlinux "$work/kernel"

image() { "$ctr" image --root "$root" "$@"; }
kernel() { "$ctr" kernel --root "$root" "$@"; }
digest() { local line && line=$(sha256sum "$work/$1") && echo "sha256:${line%% *}"; }
size() { stat -c %s "$work/$1"; }
one=$(digest one) two=$(digest two)

# --- what it does
capture image ls
is "no store is made for asking" "$STATUS/$STDOUT/$STDERR" "125//ctr-jailer: cannot open the store $root: No such file or directory"
is "an image is added" "$(image add "$work/one" org/app:1.0)" $'org/app:1.0\t'"$one"
is "one without a tag is the latest" "$(image add "$work/two" localhost:5000/app)" $'localhost:5000/app:latest\t'"$two"
is "they are listed" "$(image ls)" "$(printf '%s\t%s\t%s\n' localhost:5000/app:latest "$two" "$(size two)" org/app:1.0 "$one" "$(size one)")"
check "the file is the same" cmp "$work/one" "$(image path org/app:1.0)"
is "it is read-only, and its directories are the owner's" "$(stat -c %a "$(image path org/app:1.0)" "$root" "$root"/*)" $'444\n700\n700\n700\n700'
truncate -s 8M "$work/long" # a whole image, and more
dd if="$work/one" of="$work/long" conv=notrunc status=none
image add "$work/long" long >/dev/null
blocks=$(stat -c %b "$(image path long)")
check "holes stay holes: $blocks blocks of 16384" [ "$blocks" -lt 4096 ]
check "and are read as such" cmp "$work/long" "$(image path long)"
image rm long
image tag org/app:1.0 org/app:2.0
image rm org/app:1.0
check "another tag keeps the file" cmp "$work/one" "$(image path org/app:2.0)"
image add "$work/two" org/app:2.0 >/dev/null
is "a tag that moves on takes the last one's file along" "$(ls "$root/sha256")" "${two#sha256:}"
is "a kernel is added" "$(kernel add "$work/kernel" vmlinux-v5.8)" $'vmlinux-v5.8\t'"$(digest kernel)"
is "and is not an image" "$(image ls | wc -l)/$(kernel ls | wc -l)" 2/1
check "all of it is verified" image verify
chmod 644 "$(kernel path vmlinux-v5.8)"
printf x >>"$(kernel path vmlinux-v5.8)"
capture kernel verify
like "a file that has changed is told" "$STATUS/$STDOUT/$STDERR" "1//ctr-jailer: vmlinux-v5.8: $root/sha256/*: the content has changed: *"
kernel rm vmlinux-v5.8
is "a kernel is removed" "$(kernel ls)" ""
# --- what it refuses
refused() { # NAME MESSAGE ARGUMENTS...
    local name=$1 message=$2 before
    shift 2
    before=$(find "$root")
    capture "$ctr" "$@"
    like "refused: $name" "$STATUS/$STDOUT/$STDERR" "125//ctr-jailer: $message"
    is "refused: $name, and nothing is left" "$(find "$root")" "$before"
}
head -c 1100 "$work/one" >"$work/short"
head -c 4096 "$work/one" >"$work/half"
printf 'MZ' >"$work/bzImage"
mkfifo "$work/fifo"
at=(--root "$root")
refused "a file that is not an image" "$work/bzImage: is not an EROFS image (*" image "${at[@]}" add "$work/bzImage" a
refused "half an image" "$work/half: the image is incomplete" image "${at[@]}" add "$work/half" a
refused "a part of one" "$work/short: the image is incomplete" image "${at[@]}" add "$work/short" a
refused "a bzImage" "$work/bzImage: is not an ELF kernel: *" kernel "${at[@]}" add "$work/bzImage" a
refused "a directory" "$work/tree: is not a regular file" image "${at[@]}" add "$work/tree" a
refused "a FIFO" "$work/fifo: is not a regular file" image "${at[@]}" add "$work/fifo" a
refused "no file" "cannot open $work/none: No such file or directory" image "${at[@]}" add "$work/none" a
refused "a name that is not there" "none:latest: is not in the store $root" image "${at[@]}" rm none
for name in '' . .. /a a/ a//b ../a a/../b A .a -a a:b:c a: a:-b 'a b' a+b a:1/b:c:d "$(printf '%0300d' 1)"; do
    refused "the tag '${name:0:20}'" '*: is not an image*' image "${at[@]}" add "$work/one" "$name"
done
for name in '' . ../a a/b .new 'a b' "$(printf '%061d' 1)"; do
    refused "the id '${name:0:20}'" "*: is not a kernel's id: *" kernel "${at[@]}" add "$work/kernel" "$name"
done
refused "no command" "image: unknown or incomplete command *" image "${at[@]}"
refused "one argument too many" "image: unknown or incomplete command *" image "${at[@]}" ls a
chmod 770 "$root"
refused "a store that others may write to" "the store $root: another user owns it or may write to it *" image "${at[@]}" ls
rm -rf "$root"

# --- many at once
writer() {
    local i
    for i in 1 2 3 4 5; do
        image add "$work/one" "many/$1:$i" && image tag "many/$1:$i" shared:latest && image add "$work/two" "many/$1:$i" || return 1
    done
    image rm "many/$1:1"
}
image add "$work/one" shared >/dev/null
jobs=()
for i in 1 2 3 4 5 6 7 8; do
    writer "$i" >"$work/out.$i" 2>&1 &
    jobs+=($!)
done
failed=0
for job in "${jobs[@]}"; do wait "$job" || failed=$((failed + 1)); done
is "eight writers at once all succeed" "$failed/$(cat "$work"/out.* | grep -v '^many')" 0/
is "every name is there" "$(image verify | wc -l)" 33
is "with its file" "$(ls "$root/sha256" | wc -l)/$(image ls | grep -c "^many.*$two")" 2/32

# --- each step
export INJECT_NAMES=1
# Files that no name leads to, names that lead nowhere, and names half made.
leftovers() {
    local file links
    links=$(find "$root" -type l -printf '%l\n')
    for file in "$root"/sha256/*; do
        [ ! -e "$file" ] || grep -qxF "../sha256/${file##*/}" <<<"$links" || echo "$file"
    done
    find "$root" -xtype l -o -name '.*'
}
# steps NAME ERROR [command...]: ERROR is kill, or an error's name
steps() {
    local name=$1 error=$2 n=0 before after now how=() bad=() status
    shift 2
    rm -rf "$root" && cp -a "$work/before" "$root" 2>/dev/null || true
    before=$(image ls 2>/dev/null || true)
    image "$@" >/dev/null
    after=$(image ls)
    if [ "$error" = kill ]; then how=(INJECT_KILL=self); else how=(INJECT_ERROR="$error"); fi
    rm -f "$work/done"
    while [ ! -e "$work/done" ] && [ "$n" -lt 300 ]; do
        n=$((n + 1)) status=0
        rm -rf "$root" && cp -a "$work/before" "$root" 2>/dev/null || true
        env "${how[@]}" INJECT=$n INJECT_DONE="$work/done" INJECT_LOG="$work/log" LD_PRELOAD="$inject" \
            "$ctr" image --root "$root" "$@" >"$work/out" 2>"$work/err" || status=$?
        now=$(image ls 2>"$work/ls.err" || true)
        [ "$now" = "$before" ] || [ "$now" = "$after" ] || bad+=("$n: neither before nor after: $now $(<"$work/ls.err")")
        [ "$status" != 0 ] || [ "$now" = "$after" ] || bad+=("$n: success is told, but it was not done")
        case $error/$status in
        kill/137 | */0) ;;
        */125) [ "$(wc -l <"$work/err")" = 1 ] || bad+=("$n: not one line: $(<"$work/err")") ;;
        *) bad+=("$n: exit status $status: $(<"$work/err")") ;;
        esac
        image add "$work/one" next >/dev/null || bad+=("$n: the next change fails")
        image verify >/dev/null 2>"$work/err" || bad+=("$n: $(<"$work/err")")
        [ -z "$(leftovers)" ] || bad+=("$n: left after the next change: $(leftovers)")
    done
    [ "$n" -gt 8 ] || bad+=("only $n steps")
    is "$name: $error at each of $n steps" "${bad[*]}" ""
}
rm -rf "$root"
for error in kill ENOSPC; do
    rm -rf "$work/before"
    steps "the first image of a new store" $error add "$work/one" app
    rm -rf "$root" && image add "$work/one" app >/dev/null && image add "$work/two" other >/dev/null
    image rm other && cp -a "$root" "$work/before"
    steps "another image" $error add "$work/two" other
    steps "a new image for a tag" $error add "$work/two" app
    steps "another tag" $error tag app other
    steps "the last tag's removal" $error rm app
done
done_testing
