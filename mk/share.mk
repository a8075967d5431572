# --- shares: the server on this machine's own kernel, no VM ---------------------------------------
$(B)/share/standin: $(patsubst %.c,$(B)/obj/%.o,tests/share/standin.c guest-init/relay.c $(COMMON))
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^
$(B)/share/walk: $(B)/obj/tests/share/walk.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^
test-files: $(B)/share/standin $(B)/share/walk
