# `make install [PREFIX=/usr] [DESTDIR=]` and `make uninstall` with the same two.  Programs look for their files in
# PREFIX/lib/ctr-jailer, so another PREFIX compiles and links what names that directory once more.
INSTALL := install -p
UNIT_DIR ?= $(PREFIX)/lib/systemd/system
TMPFILES_DIR ?= $(PREFIX)/lib/tmpfiles.d
CNI_DIR ?= $(PREFIX)/lib/cni
MAN_DIR ?= $(PREFIX)/share/man
COMPLETION_DIR ?= $(PREFIX)/share

# The initramfs for a kernel that has everything built in, as ours does.  One for Debian's kernels has modules, and comes
# with the runtime image.
PLAIN := $(B)/share/initramfs.cpio
$(PLAIN): mk/mkinitramfs $(B)/bin/init
	@mkdir -p $(@D)
	$(Q)mk/mkinitramfs $@ $(B)/bin/init /nonexistent /dev/null /bin/busybox

# Manual pages: lists of options come from the program that has them.
PAGES := $(patsubst packaging/man/%,$(B)/share/%,$(wildcard packaging/man/*))
$(B)/share/entry.8 $(B)/share/ctr-jailer.environment.7: $(B)/bin/entry
$(B)/share/netsetup.8: $(B)/bin/netsetup
$(B)/share/rootdisk.8: $(B)/bin/rootdisk
$(B)/share/ctr-jailer-oci.8: $(B)/bin/ctr-jailer-oci
$(PAGES): $(B)/share/%: packaging/man/% mk/manpage
	@mkdir -p $(@D)
	$(Q)mk/manpage $(filter $(B)/bin/%,$^) $< | \
	  sed 's/@VERSION@/$(VERSION)/; s/@DATE@/$(DATE)/; s|@LIB@|$(subst -,\\-,$(LIB_DIR))|' >$@

MADE := $(addprefix $(B)/share/,ctr-jailer.1 bash/ctr-jailer _ctr-jailer ctr-jailer.fish)
$(B)/share/ctr-jailer.1: WORDS := man
$(B)/share/bash/ctr-jailer: WORDS := completion bash
$(B)/share/_ctr-jailer: WORDS := completion zsh
$(B)/share/ctr-jailer.fish: WORDS := completion fish
$(MADE): $(B)/bin/ctr-jailer
	@mkdir -p $(@D)
	$(Q)$< $(WORDS) $(if $(filter man,$(WORDS)),| mk/manpage) >$@

$(B)/share/ctr-jailer@.service: packaging/systemd/ctr-jailer@.service.in $(B)/.prefix
	@mkdir -p $(@D)
	$(Q)sed 's|@BIN@|$(PREFIX)/bin|' $< >$@

# MODE FILE DIRECTORY: each file that is installed.
INSTALLED = \
  $(foreach p,entry ctr-jailer ctr-jailer-oci rootdisk netsetup,755:$(B)/bin/$(p):$(PREFIX)/bin) \
  755:$(B)/bin/share:$(LIB_DIR) \
  644:$(PLAIN):$(LIB_DIR) \
  755:$(B)/bin/tc-redirect-tap:$(CNI_DIR) \
  644:$(B)/share/ctr-jailer.1:$(MAN_DIR)/man1 \
  $(foreach p,$(PAGES),644:$(p):$(MAN_DIR)/man$(subst .,,$(suffix $(p)))) \
  644:$(B)/share/bash/ctr-jailer:$(COMPLETION_DIR)/bash-completion/completions \
  644:$(B)/share/_ctr-jailer:$(COMPLETION_DIR)/zsh/vendor-completions \
  644:$(B)/share/ctr-jailer.fish:$(COMPLETION_DIR)/fish/vendor_completions.d \
  644:$(B)/share/ctr-jailer@.service:$(UNIT_DIR) \
  644:packaging/systemd/ctr-jailer.conf:$(TMPFILES_DIR)

part = $(word $(2),$(subst :, ,$(1)))
.PHONY: install uninstall
install: programs $(PLAIN) $(MADE) $(PAGES) $(B)/share/ctr-jailer@.service
	$(Q)$(foreach i,$(INSTALLED),$(INSTALL) -D -m $(call part,$(i),1) -t $(DESTDIR)$(call part,$(i),3) $(call part,$(i),2) &&) :
uninstall:
	$(Q)rm -f $(foreach i,$(INSTALLED),$(DESTDIR)$(call part,$(i),3)/$(notdir $(call part,$(i),2)))
	$(Q)[ ! -d $(DESTDIR)$(LIB_DIR) ] || rmdir --ignore-fail-on-non-empty $(DESTDIR)$(LIB_DIR)
