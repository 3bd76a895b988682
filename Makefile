# SPDX-License-Identifier: GPL-2.0-only
# make [V=1] · make deps · make demo · make test · make install DESTDIR= PREFIX= · make clean

O ?= build
CC ?= gcc
CLANG ?= clang
BPFTOOL ?= bpftool
PREFIX ?= /usr/local
VERSION := 0.1

CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
COMMON := -std=gnu11 -D_GNU_SOURCE -DTHPRACE_VERSION='"$(VERSION)"' -Iinclude -Icore -I$(O)
ALL_CFLAGS = $(COMMON) $(WARN) $(CFLAGS) $(EXTRA_CFLAGS)
LIBS := -lbpf -lelf -lz -ljson-c

ARCH := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
BPF_CFLAGS := -O2 -g -target bpf -mcpu=v2 -D__TARGET_ARCH_$(ARCH) -Iinclude -Ibpf \
	$(if $(MULTIARCH),-I/usr/include/$(MULTIARCH)) -Wall -Wextra -Wno-unused-parameter \
	-Wno-missing-field-initializers -Werror

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-8s %s\n' $(1) $(patsubst $(O)/%,%,$(2))
endif

BPF_SRC := engine window walker collapse
CORE_SRC := $(notdir $(basename $(wildcard core/*.c)))
CLI_SRC := $(notdir $(basename $(wildcard cli/*.c)))
STRESS_SRC := $(notdir $(basename $(wildcard tests/stress/*.c)))

SKELETON := $(O)/thprace.skel.h
CORE_OBJ := $(CORE_SRC:%=$(O)/core/%.o)
CLI_OBJ := $(CLI_SRC:%=$(O)/cli/%.o)
STRESS_OBJ := $(STRESS_SRC:%=$(O)/stress/%.o)
PROGRAMS := $(O)/thprace $(O)/thprace-stress

.DELETE_ON_ERROR:
.PHONY: all
all: $(PROGRAMS)

$(O)/bpf $(O)/core $(O)/cli $(O)/stress $(O)/unit:
	$(Q)mkdir -p $@

# What the compiler was told: a change of flags rebuilds.
FLAGS_NOW := $(CC) $(ALL_CFLAGS) $(CLANG) $(BPF_CFLAGS)
$(O)/flags: FORCE | $(O)/core
	$(Q)echo '$(subst ','\'',$(FLAGS_NOW))' | cmp -s - $@ || \
		echo '$(subst ','\'',$(FLAGS_NOW))' > $@
.PHONY: FORCE
FORCE:

$(O)/bpf/%.o: bpf/%.bpf.c $(O)/flags | $(O)/bpf
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

$(O)/thprace.bpf.o: $(BPF_SRC:%=$(O)/bpf/%.o)
	$(call say,GEN-OBJ,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(SKELETON): $(O)/thprace.bpf.o
	$(call say,GEN-SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name thprace_bpf > $@

$(O)/core/engine.o: $(SKELETON)

$(O)/core/%.o: core/%.c $(O)/flags | $(O)/core
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(O)/cli/%.o: cli/%.c $(O)/flags | $(O)/cli
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(O)/stress/%.o: tests/stress/%.c $(O)/flags | $(O)/stress
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -pthread -MMD -MP -c $< -o $@

$(O)/libthprace.a: $(CORE_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(O)/thprace: $(CLI_OBJ) $(O)/libthprace.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(EXTRA_CFLAGS) -o $@ $(CLI_OBJ) $(O)/libthprace.a $(LIBS)

$(O)/thprace-stress: $(STRESS_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(EXTRA_CFLAGS) -pthread -o $@ $^

-include $(wildcard $(O)/*/*.d)

.PHONY: clean
clean:
	$(Q)rm -rf $(O)
