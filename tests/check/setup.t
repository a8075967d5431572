#!/bin/bash
# What make installs on somebody's machine: only what the target takes, and nothing is removed for it.
set -euo pipefail
. tests/lib/tap.sh
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

packages() { # TARGET: the lists that a machine without any of them would be asked for
    make -n B="$folder" "$@" 2>/dev/null | sed -n "s,.*sed 's/#\.\*//' mk/\(packages[a-z0-9-]*\)).*,\1,p" | sort -u | xargs
}
is 'make programs' "$(packages programs)" packages
is 'make run: no engine, no clang, no QEMU' "$(packages run)" 'packages packages-run'
is 'make image' "$(packages image IMAGE_KERNEL=linux-image-cloud-amd64)" 'packages-image packages-run'
is 'the emulated KVM host: QEMU' "$(packages "$folder/testhost/initrd.cpio")" 'packages-emulate packages-run'
is 'make check' "$(packages check | tr ' ' '\n' | grep -vx 'packages-arm64' | xargs)" 'packages packages-run packages-test'
is 'every apt-get install of a make removes nothing' "$(grep -n 'apt-get.* install' Makefile mk/*.mk | grep -v -e --no-remove -e --download-only)" ''

capture env DOCKER_HOST=unix://"$folder/none" make image B="$folder"
like 'make image without an engine: the first thing that is said' "$STATUS $STDOUT$STDERR" '2 *no engine answers to docker*'
check 'and nothing is fetched or compiled' test ! -e "$folder/firecracker" -a ! -e "$folder/kernel-microvm-x86_64"

# A program that will do, in place of a package.
mkdir "$folder/bin"
printf '#!/bin/sh\necho "$@" >>%q\n' "$folder/asked" >"$folder/bin/apt-get"
printf '#!/bin/sh\nexit 1\n' >"$folder/bin/dpkg-query"
chmod +x "$folder/bin"/*
install_lists() { env PATH="$folder/bin:$PATH" make -s B="$folder" "$folder/.packages-$1" >"$folder/said"; }
rm -f "$folder"/.packages*
ln -s /bin/true "$folder/bin/docker"
install_lists image
check 'an engine that is there, of whatever origin, is used' test ! -e "$folder/asked"
install_lists run
like 'what will be installed is said' "$(<"$folder/said")" '==> installing Debian packages: *curl*'
like 'and then installed' "$(<"$folder/asked")" $'update\ninstall *--no-remove*curl*'
done_testing
