# ctr-jailer: `make run` boots a sample microVM, `make test` runs the tests; both set themselves up.
# Other targets: check (unit tests and static analysis, no VM), bench, install, uninstall, image, arm64,
# kernel-x86_64, kernel-arm64, clean.  Everything made lies in build/.
MAKEFLAGS += --no-builtin-rules --no-print-directory
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

B := build
VERSION := 0.1.0
DATE := 2026-11-28# of that version, in manual pages
say = @printf '==> %s\n' '$(1)'
Q := $(if $(V),,@)# make V=1 shows the commands

# Another architecture: mk/arm64.mk sets these.  SYSROOT is where its headers and libraries are.
ARCH ?= $(shell uname -m)
SYSROOT ?=
CC := gcc
MUSL_CC ?= musl-gcc
CLANG ?= clang

# What guests boot: Debian's kernel in `make run`.  The tests try ours too, under CI=true and wherever it is
# built already; nobody's first `make test` compiles a kernel.
GUEST_KERNEL ?= $(B)/kernel-cloud-amd64/vmlinux
MICROVM_x86_64 := $(B)/kernel-microvm-x86_64/vmlinux
MICROVM_arm64 := $(B)/kernel-microvm-arm64/Image
MICROVM_TESTED := $(if $(filter true,$(CI)),$(MICROVM_x86_64),$(wildcard $(MICROVM_x86_64)))

# Where programs are installed (mk/install.mk), and where they look for their files.
PREFIX ?= /usr
LIB_DIR := $(PREFIX)/lib/ctr-jailer

CPPFLAGS := -I. -D_GNU_SOURCE -DCTR_VERSION='"$(VERSION)"' -DCTR_DATE='"$(DATE)"' \
            -DCTR_LIB_DIR='"$(LIB_DIR)"'
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wvla -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
            -Wpointer-arith -Wundef -Wno-format-nonliteral
HARDENING := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fno-strict-aliasing
ifneq ($(ARCH),x86_64)
HARDENING := $(filter-out -fcf-protection,$(HARDENING))
endif
CFLAGS := -std=gnu11 -O2 -g $(WARNINGS) $(HARDENING) -D_FORTIFY_SOURCE=2 -fPIE -MMD -MP \
          -ffile-prefix-map=$(CURDIR)=. # the same bytes in whatever directory
KERNEL_HEADERS := -idirafter $(SYSROOT)/usr/include -idirafter $(SYSROOT)/usr/include/$(ARCH)-linux-gnu
LDFLAGS := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed

# Which folders a program or a test is made of; each folder's main.c belongs to its program alone.
lib = $(filter-out $(1)/main.c,$(wildcard $(1)/*.c $(1)/*/*.c))
COMMON := $(call lib,common)
SRC_entry := entry/main.c $(call lib,entry) $(call lib,rootdisk) $(call lib,netsetup) $(COMMON)
SRC_rootdisk := $(wildcard rootdisk/*.c) $(COMMON)
SRC_netsetup := $(wildcard netsetup/*.c) $(COMMON)
SRC_ctr-jailer := $(wildcard ctl/*.c cni/caller/*.c) $(call lib,store) $(COMMON)
SRC_tc-redirect-tap := $(wildcard cni/*.c) $(call lib,netsetup) $(COMMON)
SRC_share := $(wildcard share/*.c) $(COMMON)
SRC_ctr-jailer-oci := $(wildcard oci/*.c) $(COMMON)
SRC_init := $(wildcard guest-init/*.c) $(COMMON)
LIBS_entry := -lmnl -lfuse3
LIBS_rootdisk := -lfuse3
LIBS_share := -lfuse3
LIBS_netsetup := -lmnl
LIBS_tc-redirect-tap := -lmnl

# A folder without a main.c is a program still to come.
PROGRAMS := $(foreach p,entry rootdisk netsetup share,$(if $(wildcard $(p)/main.c),$(p)))
PROGRAMS += $(if $(wildcard ctl/main.c),ctr-jailer) $(if $(wildcard cni/main.c),tc-redirect-tap)
PROGRAMS += $(if $(wildcard oci/main.c),ctr-jailer-oci)

.PHONY: all run test check bench image clean programs
all: programs
programs: $(PROGRAMS:%=$(B)/bin/%) $(B)/bin/init

define program
$(B)/bin/$(1): $$(SRC_$(1):%.c=$(B)/obj/%.o)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LIBS_$(1))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

# The guest's init: static, musl, and with the kernel's own headers behind musl's.
$(B)/bin/init: $(SRC_init:%.c=$(B)/musl/%.o)
	@mkdir -p $(@D)
	$(Q)$(MUSL_CC) -static -Wl,-z,relro,-z,now,-z,noexecstack -s -o $@ $^

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/musl/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(MUSL_CC) $(CPPFLAGS) $(KERNEL_HEADERS) $(CFLAGS) -c -o $@ $<

# What names LIB_DIR is compiled again when that changes.
$(B)/.prefix: FORCE
	@mkdir -p $(@D)
	@echo $(PREFIX) | cmp -s - $@ || echo $(PREFIX) >$@
$(foreach d,obj asan,$(patsubst %,$(B)/$(d)/%.o,entry/plan/options entry/disks/shares oci/conf)): $(B)/.prefix
FORCE:

# Objects for tests: the same sources under AddressSanitizer and UBSan.
SANITIZE ?= -fsanitize=address,undefined -fno-sanitize-recover=all
$(B)/asan/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(filter-out -D_FORTIFY_SOURCE=2,$(CFLAGS)) -O1 $(SANITIZE) \
	  -fno-omit-frame-pointer -c -o $@ $<

# One cmocka program per tests/unit/test_*.c, linked with every production object but the mains.
UNIT_SRC := $(COMMON) $(foreach d,entry rootdisk netsetup share guest-init ctl store cni oci,$(call lib,$(d)))
UNIT := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
$(B)/unit/%: $(B)/asan/tests/unit/%.o $(UNIT_SRC:%.c=$(B)/asan/%.o)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SANITIZE) -o $@ $^ -lcmocka $(LIBS_entry)

include $(wildcard mk/*.mk)
-include $(shell find $(B)/obj $(B)/musl $(B)/asan -name '*.d' 2>/dev/null)

clean:
	rm -rf $(B)
