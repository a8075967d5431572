# --- network: tests and benchmark in namespaces of their own, no VM ------------------------------
$(B)/net/%: tests/net/%.c | $(SETUP_STAMP)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<

$(B)/net/inject.so: tests/net/inject.c | $(SETUP_STAMP)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(filter-out -fPIE,$(CFLAGS)) -fPIC -shared -o $@ $< -ldl

.PHONY: test-net bench-net
test-net: $(B)/bin/netsetup $(B)/net/peer $(B)/net/inject.so
	@tests/net/run

bench-net: $(B)/bin/netsetup
	@tests/bench/netsetup
