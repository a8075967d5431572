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

$(B)/bench/netsetup: $(B)/obj/tests/bench/netsetup.o $(patsubst %.c,$(B)/obj/%.o,$(call lib,netsetup) $(COMMON))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_netsetup)

bench-net: $(B)/bench/netsetup
	@$<
