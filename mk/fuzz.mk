# libFuzzer targets: a program and a corpus each; `-max_total_time=60 CORPUS` is the short way, without it
# they go on.  The corpora in the repository are text, a line an input.
FUZZ_FLAGS := -std=gnu11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all

# Both ends of the guest channel and the DNS relay, with the world around them played by tests/fuzz/sim.h.
FUZZ_SIM := -Dpoll=sim_poll -Dclock_gettime=sim_clock_gettime -Dgetrandom=sim_getrandom
FUZZ_COMMON := $(filter-out common/sandbox.c,$(COMMON))
FUZZ_host := $(wildcard entry/life/*.c entry/vmm/*.c) entry/host/failure.c $(FUZZ_COMMON)
FUZZ_guest := $(addprefix guest-init/,clock.c lists.c serve.c session.c request.c settings.c) $(FUZZ_COMMON)
FUZZ_relay := $(wildcard netsetup/dns?*.c) $(FUZZ_COMMON)
FUZZ_SIM_guest := -Dkill=sim_kill -Dwaitpid=sim_waitpid -Dsigprocmask=sim_sigprocmask \
  -Dadjtimex=sim_adjtimex -Dclock_settime=sim_clock_settime
FUZZ_SIM_relay := $(foreach f,connect recv recvfrom sendto accept4 getsockopt,-D$f=sim_$f)

define fuzz
$(B)/fuzz/fuzz_$(1): tests/fuzz/fuzz_$(1).c tests/fuzz/sim.c $(FUZZ_$(1)) $(wildcard */*.h entry/*/*.h) tests/fuzz/sim.h | $(TEST_STAMP)
	@mkdir -p $$(@D)
	$$(Q)$$(CLANG) $$(CPPFLAGS) $$(FUZZ_FLAGS) -fsanitize=fuzzer $$(FUZZ_SIM) $(FUZZ_SIM_$(1)) -o $$@ $$(filter %.c,$$^)
$(B)/fuzz/$(1).corpus: tests/fuzz/$(1).corpus mk/fuzz.mk
	@rm -rf $$@ && mkdir -p $$@ && cd $$@ && n=0; sed "/^#/d" $(CURDIR)/$$< | \
	  while read -r line; do n=$$$$((n + 1)); basenc --base16 -d <<<"$$$$line" >$$$$n; done
test-files: $(B)/fuzz/fuzz_$(1) $(B)/fuzz/$(1).corpus
endef
$(foreach f,host guest relay,$(eval $(call fuzz,$(f))))

# Parsers of texts that others write; the corpora are what printf(1) makes of their lines.
$(B)/fuzz/obj/%.o: %.c | $(TEST_STAMP)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP $(FUZZ_CPP) -c -o $@ $<
$(B)/fuzz/obj/common/unpack.o: FUZZ_CPP := -DNOFS -include tests/fuzz/nofs.h

FUZZ_TEXTS := plan vmm texts layer oci
# on real files, which the others must not write
FUZZ_OBJ_layer := $(B)/fuzz/obj/files/unpack.o
$(B)/fuzz/obj/files/unpack.o: common/unpack.c $(wildcard common/*.h) | $(TEST_STAMP)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<
FUZZ_OBJ_plan := $(B)/fuzz/obj/tests/lib/kvm.o
# archives, which no line can hold: GNU tar's, of a name too long for a header, with a time out of bounds
FUZZ_MORE_texts = @cd $(CURDIR) && for options in --format=gnu --format=pax --pax-option=mtime:=-9223372036854775808.5; do \
  { printf t; tar -c $$options --transform='s,^,$(subst $() ,,$(foreach i,1 2 3 4,a-name-too-long-for-a-header/)),' \
    tests/fuzz/*.h; } >$@/tar$$options; done

define fuzz_text
$(B)/fuzz/fuzz_$(1): $(B)/fuzz/obj/tests/fuzz/fuzz_$(1).o $(FUZZ_OBJ_$(1)) $(B)/fuzz/all.a
	$$(Q)$$(CLANG) $$(FUZZ_FLAGS) -fsanitize=fuzzer -o $$@ $$^ $$(LIBS_entry) -ljson-c
$(B)/fuzz/$(1).corpus: tests/fuzz/$(1).corpus mk/fuzz.mk
	@rm -rf $$@ && mkdir -p $$@ && cd $$@ && n=0; sed "/^#/d" $(CURDIR)/$$< | \
	  while read -r line; do n=$$$$((n + 1)); printf %b "$$$$line" >$$$$n; done
	$$(FUZZ_MORE_$(1))
test-files: $(B)/fuzz/fuzz_$(1) $(B)/fuzz/$(1).corpus
endef
$(foreach f,$(FUZZ_TEXTS),$(eval $(call fuzz_text,$(f))))

# The server of shares, as a guest sees it.
$(B)/fuzz/fuzz_share: $(B)/fuzz/obj/tests/fuzz/fuzz_share.o $(B)/fuzz/all.a
	$(Q)$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ -lfuse3
$(B)/fuzz/share.corpus: tests/fuzz/share.corpus mk/fuzz.mk
	@rm -rf $@ && mkdir -p $@ && cd $@ && n=0; sed "/^#/d" $(CURDIR)/$< | \
	  while read -r line; do n=$$((n + 1)); basenc --base16 -d <<<"$$line" >$$n; done
test-files: $(B)/fuzz/fuzz_share $(B)/fuzz/share.corpus

# Of this, each target links what it calls and does not have itself.
$(B)/fuzz/all.a: $(UNIT_SRC:%.c=$(B)/fuzz/obj/%.o)
	@rm -f $@ && ar rcs $@ $^
-include $(shell find $(B)/fuzz/obj -name '*.d' 2>/dev/null)
