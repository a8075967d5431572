# --- network: tests and benchmark in namespaces of their own, no VM ------------------------------
$(B)/net/%: tests/net/%.c | $(SETUP_STAMP)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<

.PHONY: test-net bench-net
test-net: $(B)/bin/netsetup $(B)/net/peer
	@tests/net/run

bench-net: $(B)/bin/netsetup
	@tests/bench/netsetup
