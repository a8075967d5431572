# Failing starts (tests/faults): entry as it is, but for the question whether KVM works, and what makes it fail or
# kills it at a step of one's choice.
FAULTS_OBJ := $(patsubst %.c,$(B)/obj/%.o,$(filter-out entry/kvm/kvm.c,$(SRC_entry)) tests/lib/kvm.c)
$(B)/faults/entry: $(FAULTS_OBJ)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_entry)

$(B)/inject.so: tests/lib/inject.c | $(TEST_STAMP)
	$(Q)$(CC) $(CPPFLAGS) $(filter-out -fPIE -D_FORTIFY_SOURCE=2,$(CFLAGS)) -fPIC -shared -o $@ $< -ldl

test-files test-net: $(B)/inject.so
test-files: $(B)/faults/entry $(B)/faults/vmlinux $(B)/faults/waiting

$(B)/faults/vmlinux: tests/faults/kernel.S
$(B)/faults/waiting: tests/faults/waiting.S
$(B)/faults/vmlinux $(B)/faults/waiting: | $(TEST_STAMP)
	@mkdir -p $(@D)
	$(Q)$(CC) -nostdlib -static -no-pie -Wl,-n,-Ttext=0x100000,--build-id=none -o $@ $<

# Every step instead of a sample.
.PHONY: test-faults
test-faults: $(B)/inject.so $(B)/faults/entry $(B)/faults/vmlinux $(B)/firecracker/firecracker $(B)/initramfs.cpio $(B)/rootfs-static.stamp
	@FAULTS=all tests/faults/start.t

# What entry takes up to Firecracker's InstanceStart.  ENTRY=program measures another build in turns.
.PHONY: bench-start
bench-start: programs $(B)/faults/entry $(B)/faults/vmlinux $(B)/firecracker/firecracker $(B)/initramfs.cpio $(B)/rootfs-static.stamp
	@tests/bench/start

# One VM started and ended CYCLES times, after ten at once.
CYCLES ?= 100
.PHONY: soak
soak: programs $(B)/e2e.disk
	@CYCLES=$(CYCLES) TESTHOST_ENV=CYCLES TESTHOST_FLAGS='-t 14400 -d $(B)/e2e.disk' tests/testhost/kvm-host tests/e2e/soak.t
