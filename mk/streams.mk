# Streams (tests/streams): both ends of the guest channel without a VM between them, and what drives commands in either.
STREAMS_SRC := $(COMMON) $(wildcard entry/life/*.c entry/vmm/*.c) $(addprefix entry/host/,failure.c rundir.c orphans.c) \
  $(call lib,netsetup) $(filter-out guest-init/host.c,$(call lib,guest-init))
$(B)/streams/native: $(B)/asan/tests/streams/native.o $(STREAMS_SRC:%.c=$(B)/asan/%.o)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SANITIZE) -o $@ $^ $(LIBS_entry)

$(B)/streams/drive $(B)/streams/flow: $(B)/streams/%: $(B)/obj/tests/streams/%.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

STREAMS := $(addprefix $(B)/streams/,native drive flow)
test-files: $(STREAMS)

# The long way: ROUNDS commands here, and as many in a guest that is short of memory.
ROUNDS ?= 500
.PHONY: soak-streams
soak-streams: programs $(STREAMS) $(VM) $(B)/e2e.disk
	@ROUNDS=$(ROUNDS) tests/streams/native.t
	@ROUNDS=$(ROUNDS) TESTHOST_ENV='ROUNDS SEED' TESTHOST_FLAGS='-t 7200 -d $(B)/e2e.disk' tests/testhost/kvm-host tests/streams/guest
