# --- network: tests and benchmark in namespaces of their own, no VM ------------------------------
$(B)/net/%: tests/net/%.c | $(TEST_STAMP)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<

$(B)/net/again: $(B)/obj/tests/net/again.o $(patsubst %.c,$(B)/obj/%.o,$(call lib,netsetup) $(COMMON))
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_netsetup)

# The guest's init, as far as its cards are concerned.
$(B)/net/cards: $(patsubst %.c,$(B)/obj/%.o,tests/net/cards.c guest-init/cards.c guest-init/iface.c guest-init/rtnl.c $(COMMON))
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(B)/net/cnicaller: $(patsubst %.c,$(B)/obj/%.o,tests/net/cnicaller.c $(call lib,cni/caller) $(COMMON))
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

.PHONY: test-net bench-net
test-net: $(B)/bin/netsetup $(B)/net/peer $(B)/net/flood $(B)/net/again $(B)/net/cards $(B)/net/cnicaller
	@tests/net/run

$(B)/bench/netsetup $(B)/bench/takeover: $(B)/bench/%: $(B)/obj/tests/bench/%.o $(B)/obj/tests/bench/measure.o $(B)/obj/tests/bench/shell.o $(patsubst %.c,$(B)/obj/%.o,$(call lib,netsetup) $(COMMON))
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_netsetup)

bench-net: $(B)/bench/netsetup $(B)/bench/takeover
	@$(B)/bench/netsetup
	@$(B)/bench/takeover

# make bench-iperf: a guest's throughput, by Debian's iperf3, which is unpacked and not installed.
$(B)/iperf/stamp: | $(TEST_STAMP)
	$(call say,fetching iperf3)
	@rm -rf $(@D) && mkdir -p -m 777 $(@D)
	@cd $(@D) && apt-get download -q iperf3 libiperf0 libsctp1 libssl3 >log 2>&1 || { cat log >&2; exit 1; }
	@for p in $(@D)/*.deb; do dpkg-deb -x $$p $(@D); done && rm $(@D)/*.deb && touch $@
.PHONY: bench-iperf
bench-iperf: programs $(VM) $(B)/e2e.disk $(B)/iperf/stamp
	@TESTHOST_ENV='ROUNDS SECONDS_EACH' TESTHOST_FLAGS='-t 3600 -d $(B)/e2e.disk' tests/testhost/kvm-host tests/bench/iperf

# Other people's firewalls, for the tests: Debian's packages, unpacked and not installed.
$(B)/firewalls/stamp: | $(TEST_STAMP)
	$(call say,fetching ufw and nftables)
	@rm -rf $(@D) && mkdir -p -m 777 $(@D)
	@cd $(@D) && apt-get download -q ufw nftables libnftables1 >log 2>&1 || { cat log >&2; exit 1; }
	@for p in $(@D)/*.deb; do dpkg-deb -x $$p $(@D); done && touch $@

# The specification's own caller of CNI plugins; without Go or its module proxy, its tests are skipped.
$(B)/cnitool:
	@GOBIN=$(abspath $(B)) go install github.com/containernetworking/cni/cnitool@v1.3.0 >$@.log 2>&1 || true
.PHONY: cnitool
cnitool: $(B)/cnitool
test-files: cnitool

test-files test-net: $(B)/firewalls/stamp
