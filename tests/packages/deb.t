#!/bin/bash
# The Debian packages: dpkg-buildpackage makes them, lintian has nothing to say, another directory gives the same bytes,
# and dpkg installs them into a Debian and removes everything again.
#: timeout 1800
set -euo pipefail
. tests/lib/tap.sh
unset MAKEFLAGS MAKELEVEL
work=$PWD/build/packages
rm -rf "$work"
mkdir -p "$work"

check 'dpkg-buildpackage makes the packages' packaging/mkdeb "$work/one"
is 'two, and their debug symbols' "$(cd "$work/one" && printf '%s\n' *.deb | sed 's/_.*//' | LC_ALL=C sort | xargs)" \
    'ctr-jailer ctr-jailer-dbgsym ctr-jailer-oci ctr-jailer-oci-dbgsym'
capture lintian --allow-root --fail-on error,warning --info "$work"/one/*.changes
is 'lintian has nothing to say' "$STATUS$STDOUT" 0

check 'once more, in another directory, another time zone and with another umask' \
    env TZ=Asia/Tokyo LC_ALL=C bash -c 'umask 077; packaging/mkdeb "$0"' "$work/the-other-one"
for package in "$work"/one/*.deb; do
    check "${package##*/}: the same bytes" cmp "$package" "$work/the-other-one/${package##*/}"
done

# Into a minimal Debian.  What the packages depend on is not in it, and this machine may have no registry.
root=$work/root
mkdir -p "$work/tmpfs" "$root"
installed() { # the tree, without what dpkg keeps for itself
    (cd "$root" && find . -path ./var/lib/dpkg -prune -o -path ./var/log -prune -o -path ./var/cache -prune -o -printf '%p %m %l\n' | sort)
}
inside() {
    mount -t tmpfs none "$work/tmpfs" && mkdir "$work/tmpfs/upper" "$work/tmpfs/work"
    mount -t overlay -o "lowerdir=$PWD/build/rootfs-debian,upperdir=$work/tmpfs/upper,workdir=$work/tmpfs/work" none "$root"
    installed >"$work/before"
    dpkg --root="$root" --force-depends -i "$work"/one/ctr-jailer_*.deb "$work"/one/ctr-jailer-oci_*.deb >"$work/dpkg.log" 2>&1
    chroot "$root" ctr-jailer --version >"$work/version"
    installed >"$work/between"
    dpkg --root="$root" --force-depends --purge ctr-jailer-oci ctr-jailer >>"$work/dpkg.log" 2>&1
    installed >"$work/after"
}
export -f inside installed
export work root
check 'dpkg installs, the program runs, and dpkg purges' unshare -m bash -eu -c inside
is 'the program' "$(cat "$work/version")" "$(build/bin/ctr-jailer --version)"
is 'what was installed has the files of make install' \
    "$(diff "$work/before" "$work/between" | sed -n 's/^> \.\(.*\) [0-7]* $/\1/p' | grep -c '^/usr/bin/')" 5
is 'nothing is left' "$(diff "$work/before" "$work/after")" ''
done_testing
