# Tests and benchmark of the root disk that are programs of their own.
ORACLE_SRC := $(wildcard tests/oracle/*.c) $(call lib,rootdisk) $(COMMON)

# Under the sanitizers, as the unit tests are.
$(B)/oracle/rootdisk: $(ORACLE_SRC:%.c=$(B)/asan/%.o)
	@mkdir -p $(@D)
	$(Q)$(CC) -fsanitize=address,undefined -o $@ $^ -lfuse3

# Layout and encode under libFuzzer; `-runs=20000` is the short way, without arguments it goes on.
FUZZ_ROOTDISK_SRC := tests/fuzz/fuzz_rootdisk.c $(filter-out rootdisk/serve.c,$(call lib,rootdisk)) $(COMMON)
$(B)/fuzz/fuzz_rootdisk: $(FUZZ_ROOTDISK_SRC) $(wildcard rootdisk/*.h common/*.h) | $(TEST_STAMP)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	  -o $@ $(FUZZ_ROOTDISK_SRC)

test-files: $(B)/oracle/rootdisk $(B)/fuzz/fuzz_rootdisk $(B)/testhost/initrd.cpio

.PHONY: bench-rootdisk
bench-rootdisk: $(B)/bin/rootdisk
	@tests/bench/rootdisk

$(B)/bench/disks: $(B)/obj/tests/bench/disks.o $(B)/obj/tests/bench/measure.o $(B)/obj/entry/disks/ext4.o $(patsubst %.c,$(B)/obj/%.o,$(COMMON))
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

.PHONY: bench-disks
bench-disks: $(B)/bench/disks
	@$< $(B)/bench
