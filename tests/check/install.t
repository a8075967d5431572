#!/bin/bash
# make install puts these files into its places and no others, make uninstall leaves nothing, and what is installed works.
set -euo pipefail
. tests/lib/tap.sh
unset MAKEFLAGS MAKELEVEL
dest=$(mktemp -d /tmp/install.XXXXXX)
trap 'rm -rf "$dest"' EXIT

check 'make install' make install DESTDIR="$dest" PREFIX=/usr
is 'these files and no others' "$(cd "$dest" && find . ! -type d -printf '%m %P\n' | LC_ALL=C sort -k 2)" "$(LC_ALL=C sort -k 2 <<'FILES'
755 usr/bin/ctr-jailer
755 usr/bin/ctr-jailer-oci
755 usr/bin/entry
755 usr/bin/netsetup
755 usr/bin/rootdisk
755 usr/lib/cni/tc-redirect-tap
644 usr/lib/ctr-jailer/initramfs.cpio
755 usr/lib/ctr-jailer/share
644 usr/lib/systemd/system/ctr-jailer@.service
644 usr/lib/tmpfiles.d/ctr-jailer.conf
644 usr/share/bash-completion/completions/ctr-jailer
644 usr/share/fish/vendor_completions.d/ctr-jailer.fish
644 usr/share/man/man1/ctr-jailer.1
644 usr/share/man/man7/ctr-jailer.environment.7
644 usr/share/man/man8/ctr-jailer-oci.8
644 usr/share/man/man8/entry.8
644 usr/share/man/man8/netsetup.8
644 usr/share/man/man8/rootdisk.8
644 usr/share/zsh/vendor-completions/_ctr-jailer
FILES
)"
is 'the program' "$("$dest/usr/bin/ctr-jailer" --version)" "$(build/bin/ctr-jailer --version)"
is 'the initramfs: init, busybox and no module' "$(cpio -it --quiet <"$dest/usr/lib/ctr-jailer/initramfs.cpio" | xargs)" \
    'bin bin/busybox dev init lib lib/modules proc run sbin sbin/init sys'
is 'the unit starts the installed program' "$(sed -n 's/^ExecStart=\([^ ]*\) .*/\1/p' "$dest/usr/lib/systemd/system/ctr-jailer@.service")" \
    /usr/bin/ctr-jailer
sed "s,^ExecStart=,&$dest," "$dest/usr/lib/systemd/system/ctr-jailer@.service" >"$dest/ctr-jailer@.service"
is 'systemd has nothing to say about the unit' "$(systemd-analyze --man=no verify "$dest/ctr-jailer@web.service" 2>&1)" ''
rm "$dest/ctr-jailer@.service"
check 'systemd-tmpfiles makes the directory' systemd-tmpfiles --root="$dest" --create "$dest/usr/lib/tmpfiles.d/ctr-jailer.conf"
is 'for root alone' "$(stat -c '%a %u:%g' "$dest/run/ctr-jailer")" '700 0:0'
rm -r "$dest/run"

echo theirs >"$dest/usr/lib/ctr-jailer/vmlinux"
check 'make uninstall' make uninstall DESTDIR="$dest" PREFIX=/usr
is 'leaves what somebody else put there' "$(find "$dest" ! -type d)" "$dest/usr/lib/ctr-jailer/vmlinux"
rm "$dest/usr/lib/ctr-jailer/vmlinux"
check 'make uninstall again' make uninstall DESTDIR="$dest" PREFIX=/usr
is 'leaves nothing' "$(find "$dest" ! -type d; ls "$dest/usr/lib")" $'cni\nsystemd\ntmpfiles.d'

# The manual pages, of which the installed ones were removed.
for page in build/share/*.[1-9]; do
    is "mandoc has no remark on ${page##*/}" "$(mandoc -T lint "$page" 2>&1)" ''
done
text() { mandoc -T ascii -O width=900 "build/share/$1" | col -b | tr -s ' ' ; } # PAGE
is 'ctr-jailer.environment(7) has every option of entry --help' \
    "$(text ctr-jailer.environment.7 | sed -n 's/^ \([A-Z][A-Z_]*\)\( .*\)\{0,1\}$/\1/p' | xargs)" \
    "$(build/bin/entry --help | sed -n '/^Environment/,/^$/s/^  \([A-Z][A-Z_]*\) .*/\1/p' | xargs)"
is 'entry(8) has every flag' "$(text entry.8 | sed -n 's/^ \(--[a-z-]*\)\( .*\)\{0,1\}$/\1/p' | xargs)" \
    "$(build/bin/entry --help | sed -n 's/^  \(--[a-z-]*\) .*/\1/p' | xargs)"
is 'netsetup(8) too' "$(text netsetup.8 | sed -n 's/^ \(--[a-z0-9-]*\)\( .*\)\{0,1\}$/\1/p' | xargs)" \
    "$(build/bin/netsetup --help 2>&1 | sed -n 's/^  \(--[a-z0-9-]*\) .*/\1/p' | xargs)"

# Another PREFIX, without compiling.
steps=$(make -n install V=1 DESTDIR="$dest" PREFIX=/opt/here)
is 'another PREFIX: every file below it' "$(grep -o " -t ${dest}[^ ]*" <<<"$steps" | grep -v "$dest/opt/here/")" ''
is 'and the programs that name it are compiled for it' \
    "$(grep -c '/opt/here/lib/ctr-jailer"'\'' .* -o build/obj/\(entry/plan/options\|entry/disks/shares\|oci/conf\)\.o' <<<"$steps")" 3
done_testing
