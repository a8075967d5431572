# `make test [RUN='suite...']`: every test.  `make check`: unit tests and static analysis, no VM.
RUN ?=
test: programs $(UNIT) $(VM) $(B)/rootfs-debian.stamp $(B)/rootfs-static.stamp
	@tests/run $(RUN)

check: programs $(UNIT)
	@tests/run unit check

# clang-tidy, once per source file and change of it or of any header
C_SRC := $(wildcard common/*.c entry/*.c rootdisk/*.c netsetup/*.c guest-init/*.c ctl/*.c tests/unit/*.c)
C_HDR := $(wildcard common/*.h entry/*.h rootdisk/*.h netsetup/*.h guest-init/*.h ctl/*.h)
.PHONY: tidy
tidy: $(C_SRC:%=$(B)/tidy/%)
$(B)/tidy/%.c: %.c $(C_HDR) .clang-tidy
	@mkdir -p $(@D)
	@clang-tidy --quiet --warnings-as-errors='*' $< -- -std=gnu11 $(CPPFLAGS) 2>/dev/null
	@touch $@
