# Both ends of the guest channel under libFuzzer (tests/fuzz/sim.h); `-max_total_time=60 CORPUS` is the
# short way, without it they go on.  The corpus in the repository is text, a line an input.
FUZZ_FLAGS := -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_SIM := -Dpoll=sim_poll -Dclock_gettime=sim_clock_gettime -Dgetrandom=sim_getrandom
FUZZ_host := $(addprefix entry/,supervise.c channel.c control.c console.c vmmlog.c status.c vmm.c api.c) $(COMMON)
FUZZ_guest := $(addprefix guest-init/,serve.c session.c request.c) $(COMMON)
FUZZ_LIBS_host := -lcurl
FUZZ_SIM_guest := -Dkill=sim_kill -Dwaitpid=sim_waitpid

define fuzz
$(B)/fuzz/fuzz_$(1): tests/fuzz/fuzz_$(1).c tests/fuzz/sim.c $(FUZZ_$(1)) $(wildcard */*.h) tests/fuzz/sim.h | $(SETUP_STAMP)
	@mkdir -p $$(@D)
	$$(Q)$$(CLANG) $$(CPPFLAGS) $$(FUZZ_FLAGS) $$(FUZZ_SIM) $(FUZZ_SIM_$(1)) -o $$@ $$(filter %.c,$$^) $(FUZZ_LIBS_$(1))
$(B)/fuzz/$(1).corpus: tests/fuzz/$(1).corpus
	@rm -rf $$@ && mkdir -p $$@ && cd $$@ && n=0; sed "/^#/d" $(CURDIR)/$$< | \
	  while read -r line; do n=$$$$((n + 1)); basenc --base16 -d <<<"$$$$line" >$$$$n; done
test: $(B)/fuzz/fuzz_$(1) $(B)/fuzz/$(1).corpus
endef
$(foreach f,host guest,$(eval $(call fuzz,$(f))))
