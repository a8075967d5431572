#!/bin/bash
# mk/get-firecracker, the Dockerfile's: nothing is taken without a checksum, or with a wrong one.
set -euo pipefail
. tests/lib/tap.sh
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
arch=$(uname -m)
get() { # VERSION [SHA256]
    capture mk/get-firecracker "$1" "$folder" "${@:2}"
}

# A "release", from here: there is nothing to fetch.
release=$folder/release-v9.9.9-$arch tarball=$folder/firecracker-v9.9.9-$arch.tgz
mkdir "$release"
echo firecracker >"$release/firecracker-v9.9.9-$arch"
echo jailer >"$release/jailer-v9.9.9-$arch"
tar -C "$folder" -czf "$tarball" "${release##*/}"
read -r sum _ <<<"$(sha256sum "$tarball")"

get 9.9.9
like 'a version without a checksum' "$STATUS $STDERR" "1 Firecracker 9.9.9 for $arch: *--build-arg FIRECRACKER_SHA256=*"
get 9.9.9 "${sum/[0-9]/f}"
like 'a wrong checksum' "$STATUS $STDOUT" '1 *: FAILED*'
check 'takes nothing' test ! -e "$folder/firecracker" -a ! -e "$folder/jailer"
echo 'of another architecture, for all we know' >"$folder/firecracker"
get 9.9.9 "$sum"
is "the tarball's checksum: both are from it" "$STATUS $(cat "$folder/firecracker" "$folder/jailer")" $'0 firecracker\njailer'

rm "$folder/firecracker" "$folder/jailer" "$tarball"
capture env https_proxy=http://127.0.0.1:9 ALL_PROXY=http://127.0.0.1:9 mk/get-firecracker 9.9.9 "$folder" "$sum"
like 'a release that cannot be reached has a status of its own' "$STATUS $STDERR" "69 *cannot fetch https://github.com/firecracker-microvm/*"

# What the tests use lies in build/firecracker; the list has the checksums of the binaries.
cp build/firecracker/{firecracker,jailer} mk/firecracker-*.sha256 "$folder/"
get 1.12.1
is 'the binaries themselves, with their checksums' "$STATUS" 0
echo >>"$folder/jailer"
get 1.12.1
like 'and when one was changed' "$STATUS $STDOUT" '1 *jailer: FAILED*'
done_testing
