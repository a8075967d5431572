# `make test [RUN='suite...']`: every test, except those that start other container engines (`make test-engines`); `make
# test-all`: both in one run.  `make check`: unit tests and static analysis, no VM.
RUN ?=
.PHONY: test-files test-engines test-all
PARALLEL = $(MAKE) $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
test test-engines test-all: $(TEST_STAMP) $(B)/.packages-arm64 $(if $(MICROVM_TESTED),$(B)/.packages-kernel)
	@$(PARALLEL) test-files
	@tests/run $(SUITES)
test: SUITES = $(RUN)
test-engines: SUITES = --engines only
test-all: SUITES = --engines also

check: $(TEST_STAMP)
	@$(PARALLEL) programs unit
	@tests/run unit check

# What suites are made with; a mk file of its own may add to it: `test-files: FILES`.
test-files: programs unit $(VM) $(B)/rootfs-debian.stamp $(B)/rootfs-static.stamp
test-files: $(B)/net/peer $(B)/net/flood $(B)/net/again $(B)/net/cards $(B)/net/cnicaller $(B)/oracle/rootdisk

# clang-tidy, once per source file and change of it or of a header that it includes
C_SRC := $(wildcard common/*.c entry/*.c entry/*/*.c rootdisk/*.c netsetup/*.c guest-init/*.c ctl/*.c store/*.c oci/*.c share/*.c cni/*.c cni/*/*.c tests/unit/*.c)
TIDY := $(C_SRC:%=$(B)/tidy/%.ok)
.PHONY: tidy
tidy: $(TIDY)
$(B)/tidy/%.ok: % .clang-tidy
	@mkdir -p $(@D)
	@clang-tidy --quiet --warnings-as-errors='*' $< -- -std=gnu11 $(CPPFLAGS) >$@.log 2>/dev/null || \
	  { grep -A2 error: $@.log; exit 1; }
	@$(CC) -M -MP -MT $@ $(CPPFLAGS) -o $@.d $< && touch $@
-include $(wildcard $(TIDY:%=%.d))

# What the project claims of speed and memory, beside references in the same run.  bench-kernels compiles our kernel,
# the first time on a machine.
bench: bench-rootdisk bench-disks bench-shares bench-net bench-start bench-channel bench-kernels

# Checks the workflows of .github; tests/check/release.t skips that where Go's module proxy does not have it.
$(B)/actionlint:
	@mkdir -p $(@D)
	@GOBIN=$(abspath $(B)) go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.7 >$@.log 2>&1

# Kubernetes' schemas, for tests/check/examples.t.
$(B)/kube/bin/kubernetes-validate:
	@mkdir -p $(B) && python3 -m venv $(B)/kube >$(B)/kube.log 2>&1
	@$(B)/kube/bin/pip install -q kubernetes-validate==1.37.0 >>$(B)/kube.log 2>&1
