#!/bin/bash
# The RPM packages, by Debian's rpmbuild, as rpm reads them.
#: timeout 900
set -euo pipefail
. tests/lib/tap.sh
work=$PWD/build/packages-rpm
rm -rf "$work"
check 'rpmbuild makes the packages' packaging/mkrpm "$work"
is 'two' "$(cd "$work" && printf '%s\n' *.rpm | sed "s/\.$(uname -m)//" | xargs)" 'ctr-jailer-0.1.0-1.rpm ctr-jailer-oci-0.1.0-1.rpm'
wanted() {
    make -s -f - list <<'END'
include Makefile
list:
	@printf '%s\n' $(foreach i,$(INSTALLED),$(call part,$(i),3)/$(notdir $(call part,$(i),2)))
END
}
is 'with the files of make install' \
    "$(rpm -qp --qf '[%{FILEMODES:perms} %{FILENAMES}\n]' "$work"/*.rpm | sed -n 's/^-[^ ]* //p' | grep -v LICENSE | sed 's/\.gz$//' | LC_ALL=C sort)" \
    "$(wanted | LC_ALL=C sort)"
is 'rpm finds no fault in them' "$(rpm -K --nosignature "$work"/*.rpm | grep -v ': digests OK$')" ''
done_testing
