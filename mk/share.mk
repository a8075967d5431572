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
