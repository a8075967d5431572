#!/bin/bash
# What a release takes: workflows without faults, one version everywhere, and pinned checksums that are compared.
set -euo pipefail
. tests/lib/tap.sh
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# actionlint comes by Go's module proxy.
make -s build/actionlint 2>/dev/null || true
if [ -s build/actionlint ]; then
    printf 'on: push\njobs: {a: {runs-on: ubuntu-24.04, steps: [{run: "echo ${{ nonsense.x }}"}]}}\n' >"$folder/bad.yml"
    check 'actionlint finds a fault' bash -c '! build/actionlint "$0"' "$folder/bad.yml"
    for workflow in .github/workflows/*.yml; do
        check "actionlint ${workflow##*/}" build/actionlint "$workflow"
    done
else
    skip actionlint 'go install did not get it'
fi
is 'every action is pinned to a commit' "$(grep -hn 'uses:' .github/workflows/*.yml | grep -vE '@[0-9a-f]{40} # v')" ''

check 'one version everywhere' packaging/versions
capture packaging/versions 9.9.9
like 'and a tag of another one is refused' "$STATUS $STDERR" '1 Makefile has version * not 9.9.9*CHANGELOG.md has version *'

# A release of Firecracker, from here.
release=$folder/release-v9.9.9-x86_64 tarball=firecracker-v9.9.9-x86_64.tgz
mkdir "$release"
echo firecracker >"$release/firecracker-v9.9.9-x86_64"
echo jailer >"$release/jailer-v9.9.9-x86_64"
tar -C "$folder" -czf "$folder/$tarball" "${release##*/}"
(cd "$folder" && sha256sum "$tarball" >"$tarball.sha256.txt")
list=$folder/firecracker-9.9.9-x86_64.sha256
for file in firecracker jailer; do
    echo "$(sha256sum <"$release/$file-v9.9.9-x86_64" | cut -d ' ' -f 1)  $file"
done >"$list"
check 'verify-firecracker: pinned binaries' packaging/verify-firecracker "$folder" "$list"
cp "$folder/$tarball.sha256.txt" "$list"
check 'verify-firecracker: a pinned tarball' packaging/verify-firecracker "$folder" "$list"
echo "$(sha256sum <"$list" | cut -d " " -f 1)  $tarball" >"$folder/other" && mv "$folder/other" "$list"
capture packaging/verify-firecracker "$folder" "$list"
is 'verify-firecracker: another checksum is pinned' "$STATUS" 1
cp "$folder/$tarball.sha256.txt" "$list"
echo more >>"$folder/$tarball"
capture packaging/verify-firecracker "$folder" "$list"
like 'verify-firecracker: the tarball is not the published one' "$STATUS $STDOUT" '1 *: FAILED*'
done_testing
