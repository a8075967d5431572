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
cat >"$work/oci.json" <<'END'
{"created": "2026-01-01T00:00:00Z", "architecture": "ARCH", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []},
 "config": {"Labels": {"b": "1", "a": "\u00fc\"\n"}, "Env": ["PATH=/bin", "A=b=c \u001b[0m"], "Cmd": ["-v"], "Entrypoint": ["/app"],
  "WorkingDir": "/srv", "User": "1:2", "StopSignal": "SIGQUIT", "ExposedPorts": {"80/tcp": {}}, "Volumes": null, "Other": 1,
  "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5000000000}}}
END
arch=$(dpkg --print-architecture)
sed -i "s/ARCH/$arch/" "$work/oci.json"
jq '[{Id: "sha256:1", Architecture: .architecture, Os: .os, Config: .config}]' "$work/oci.json" >"$work/docker.json"

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
rm -rf "$root"

# --- configurations
image add "$work/one" app "$work/oci.json" >/dev/null
image add "$work/one" bare >/dev/null
image add "$work/one" docker "$work/docker.json" >/dev/null
is "an image has its configuration, as jq reads it" "$(image inspect app | jq -S .Config)" \
    "$(jq -S '.config | del(.Other, .Volumes)' "$work/oci.json")"
is "docker's is the same" "$(image inspect docker | jq -c .Config)" "$(image inspect app | jq -c .Config)"
is "and is kept once, with one image" "$(ls "$root/sha256" | wc -l)" 2
is "inspect tells the rest" "$(image inspect app | jq -r '.Name, .Digest, .Size')" "$(printf '%s\n' app:latest "$one" "$(size one)")"
is "an image without one" "$(image inspect bare | jq .Config)" null
image tag app other
image rm app
image rm docker
is "another tag has the configuration, too" "$(image inspect other | jq -r .Config.User)" 1:2
check "its file is found" cmp "$work/one" "$(image path other)"
check "both are verified" image verify
config=$(readlink "$root/images/other:latest") config=$root/sha256/${config#*+}
sed -i 's/1:2/0:0/' "$config"
capture image inspect other
like "a configuration that has changed is not used" "$STATUS/$STDOUT/$STDERR" "125//ctr-jailer: $config: the content has changed: *"
capture image verify
like "and is told" "$STATUS/$STDERR" "1/ctr-jailer: other:latest: $config: the content has changed: *"
image add "$work/two" other >/dev/null
is "an image that is replaced takes it along" "$(ls "$root/sha256" | sort)" "$(printf '%s\n' "${one#sha256:}" "${two#sha256:}" | sort)"
echo left >"$root/sha256/0000"
is "prune removes what no name leads to" "$(image prune)" sha256:0000
is "and nothing else" "$(image prune)/$(image verify | wc -l)" /2
rm -rf "$root"
image add "$work/one" org/app >/dev/null
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
capture timeout 20 "$ctr" image "${at[@]}" add "$work/one" a "$work/fifo"
is "refused: a FIFO as a configuration" "$STATUS/$STDERR" "125/ctr-jailer: cannot read $work/fifo: it is not a regular file"
capture timeout 20 "$ctr" image "${at[@]}" add "$work/one" a /dev/zero
is "refused: a device as a configuration" "$STATUS/$STDERR" "125/ctr-jailer: cannot read /dev/zero: it is not a regular file"
refused "no file" "cannot open $work/none: No such file or directory" image "${at[@]}" add "$work/none" a
refused "a name that is not there" "none:latest: is not in the store $root" image "${at[@]}" rm none
for name in '' . .. /a a/ a//b ../a a/../b A .a -a a:b:c a: a:-b 'a b' a+b a:1/b:c:d "$(printf '%0300d' 1)"; do
    refused "the tag '${name:0:20}'" '*: is not an image*' image "${at[@]}" add "$work/one" "$name"
done
for name in '' . ../a a/b .new 'a b' "$(printf '%061d' 1)"; do
    refused "the id '${name:0:20}'" "*: is not a kernel's id: *" kernel "${at[@]}" add "$work/kernel" "$name"
done
bad() { # NAME MESSAGE JQ'S FILTER
    jq "$3" "$work/oci.json" >"$work/bad.json"
    refused "$1" "$work/bad.json: $2" image "${at[@]}" add "$work/one" a "$work/bad.json"
}
bad "an image for another machine" "the image is for linux on s390x, *" '.architecture = "s390x"'
bad "an image for another system" "the image is for windows on $arch, *" '.os = "windows"'
bad "JSON that is not a configuration" "is not one image's configuration, *" '.config'
bad "a number for a user" "the image's User is not a string" '.config.User = 1'
bad "a string for a command" "the image's Cmd is not a list of strings" '.config.Cmd = "a"'
bad "a list for ports" "the image's ExposedPorts is not an object" '.config.ExposedPorts = ["80"]'
bad "a NUL in a variable" "the image's Env is not a list of strings" '.config.Env = ["A=\u0000"]'
bad "labels that are not strings" "the image's Labels is not an object of strings" '.config.Labels = {a: {}}'
bad "two images" "more than one image" '[., .]'
echo '{' >"$work/bad.json"
refused "half a configuration" "$work/bad.json: is not JSON" image "${at[@]}" add "$work/one" a "$work/bad.json"
{ printf '%.0s[' {1..300000} && printf '%.0s]' {1..300000}; } >"$work/bad.json" # which took minutes
before=$SECONDS
refused "brackets in each other" "$work/bad.json: is not JSON" image "${at[@]}" add "$work/one" a "$work/bad.json"
check "at once" [ $((SECONDS - before)) -lt 10 ]
refused "no configuration" "cannot read $work/none: No such file or directory" image "${at[@]}" add "$work/one" a "$work/none"
refused "a kernel's configuration" "kernel: a kernel has no configuration, *" kernel "${at[@]}" add "$work/kernel" a "$work/oci.json"
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
    local links
    links=$(find "$root" -type l -printf '%l\n' | tr + '\n')
    diff <(sed 's,.*/,,' <<<"$links" | sort -u) <(ls "$root/sha256")
    find "$root" -name '.*'
}
content() { # all that names lead to
    image verify 2>/dev/null || true
    find "$root/images" -name '[!.]*' -type l -printf '%f %l\n' 2>/dev/null | sort || true
}
# steps NAME ERROR [command...]: ERROR is kill, or an error's name
steps() {
    local name=$1 error=$2 n=0 before after now how=() bad=() status
    shift 2
    rm -rf "$root" && cp -a "$work/before" "$root" 2>/dev/null || true
    before=$(content)
    image "$@" >/dev/null
    after=$(content)
    if [ "$error" = kill ]; then how=(INJECT_KILL=self); else how=(INJECT_ERROR="$error"); fi
    rm -f "$work/done"
    while [ ! -e "$work/done" ] && [ "$n" -lt 300 ]; do
        n=$((n + 1)) status=0
        rm -rf "$root" && cp -a "$work/before" "$root" 2>/dev/null || true
        env "${how[@]}" INJECT=$n INJECT_DONE="$work/done" INJECT_LOG="$work/log" LD_PRELOAD="$inject" \
            "$ctr" image --root "$root" "$@" >"$work/out" 2>"$work/err" || status=$?
        now=$(content)
        [ "$now" = "$before" ] || [ "$now" = "$after" ] || bad+=("$n: neither before nor after: $now")
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
    steps "one with a configuration" $error add "$work/two" app "$work/oci.json"
    steps "a configuration for the same image" $error add "$work/one" app "$work/oci.json"
    steps "another tag" $error tag app other
    steps "the last tag's removal" $error rm app
done
done_testing
