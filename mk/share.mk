# --- shares: the server on this machine's own kernel, no VM ---------------------------------------
$(B)/share/standin: $(patsubst %.c,$(B)/obj/%.o,tests/share/standin.c guest-init/relay.c guest-init/shares.c $(COMMON))
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^
$(B)/share/walk: $(B)/obj/tests/share/walk.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^
# Beside the entry of tests/faults, which looks for it there.
$(B)/faults/share: $(B)/bin/share
	@mkdir -p $(@D) && cp $< $@
test-files: $(B)/share/standin $(B)/share/walk $(B)/faults/share

# A share beside the folder itself and libfuse's own example, which its package brings.
PASSTHROUGH := /usr/share/doc/libfuse3-dev/examples/passthrough_ll.c
$(B)/bench/passthrough_ll: $(wildcard $(PASSTHROUGH))
	@mkdir -p $(@D)
	@[ -e $(PASSTHROUGH) ] || { echo "$(PASSTHROUGH) is missing: dpkg leaves documents out here; install libfuse3-dev again with them" >&2; exit 1; }
	$(Q)$(CC) -O2 -I$(dir $(PASSTHROUGH)) $$(pkg-config --cflags fuse3) -o $@ $(PASSTHROUGH) -lfuse3
$(B)/bench/shares: $(patsubst %.c,$(B)/obj/%.o,tests/bench/shares.c tests/bench/measure.c $(COMMON))
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^
.PHONY: bench-shares
bench-shares: programs $(B)/share/standin $(B)/bench/shares $(B)/bench/passthrough_ll
	@tests/bench/shares

# An oracle of file systems that nobody here wrote.  Needs cargo.
$(B)/pjdfstest/bin/pjdfstest:
	$(Q)cargo install --quiet --locked --root $(B)/pjdfstest pjdfstest@0.2.2
.PHONY: pjdfstest-shares
pjdfstest-shares: programs $(B)/share/standin $(B)/pjdfstest/bin/pjdfstest
	@tests/share/pjdfstest

# Others' exercises for file systems, and programs that people run.  Needs cargo, and the network.
$(B)/fsx/bin/fsx:
	$(Q)cargo install --quiet --locked --root $(B)/fsx fsx@0.3.2
.PHONY: oracles-shares
oracles-shares: programs $(B)/share/standin $(B)/fsx/bin/fsx
	@tests/share/oracles
