# SPDX-License-Identifier: GPL-2.0-only
# make help

O ?= build
CC ?= gcc
# For another machine: ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- SYSROOT=FOLDER, with its
# libraries.
ifneq ($(CROSS_COMPILE),)
ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc $(if $(SYSROOT),--sysroot=$(SYSROOT))
endif
endif
CLANG ?= clang
BPFTOOL ?= bpftool
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions

CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
COMMON := -std=gnu11 -D_GNU_SOURCE -Iinclude -Icore -I$(O)
DAEMON_LIBS := -lsystemd -lcap
ALL_CFLAGS = $(COMMON) $(WARN) $(CPPFLAGS) $(CFLAGS) $(EXTRA_CFLAGS)
LIBS := -lbpf -lelf -lz -ljson-c -pthread
TERMINAL_LIBS := -lncursesw -ltinfo
# Readers of kernel images (core/image, core/code): `thprace check`, its tests and its fuzzer.
# Readers of crash dumps (core/dump/dump_file.c): `thprace recover`.
DUMP_LIBS := -lkdumpfile
IMAGE_LIBS := -lcapstone -llzma -lzstd -llz4 -llzo2 -lbz2

ARCH := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')
ifeq ($(filter x86 arm64,$(ARCH)),)
$(error thprace observes kernels for x86-64 and arm64 only, and this is $(ARCH); ARCH= names another)
endif
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
BPF_CFLAGS := -O2 -g -target bpf -mcpu=v2 -D__TARGET_ARCH_$(ARCH) -Iinclude -Ibpf \
	$(if $(MULTIARCH),-I$(SYSROOT)/usr/include/$(MULTIARCH)) -Wall -Wextra -Wno-unused-parameter \
	-Wno-missing-field-initializers -ffile-prefix-map=$(CURDIR)=. -Werror

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-8s %s\n' $(1) '$(patsubst $(O)/%,%,$(2))'
endif

BPF_SRC := engine window rmap range walker collapse widen zapper race beacon
# One room per folder: docs/architecture.md has the plan.
CORE_SRC := $(patsubst core/%.c,%,$(wildcard core/*/*.c))
CLI_SRC := $(notdir $(basename $(wildcard cli/*.c)))
DAEMON_SRC := $(filter-out main,$(notdir $(basename $(wildcard daemon/*.c))))
STRESS_SRC := $(notdir $(basename $(wildcard tests/stress/*.c)))

SKELETON := $(O)/thprace.skel.h
WATCH_SKELETON := $(O)/watch.skel.h
TEXT_SKELETON := $(O)/text.skel.h
TRIAL_SKELETON := $(O)/trial.skel.h
CORE_OBJ := $(CORE_SRC:%=$(O)/core/%.o)
CLI_OBJ := $(CLI_SRC:%=$(O)/cli/%.o)
DAEMON_OBJ := $(DAEMON_SRC:%=$(O)/daemon/%.o)
STRESS_OBJ := $(STRESS_SRC:%=$(O)/stress/%.o)
PROGRAMS := $(O)/thprace $(O)/thprace-stress $(patsubst daemon/main.c,$(O)/thpraced,$(wildcard daemon/main.c))

.DELETE_ON_ERROR:
## all              the programs, into build/ (O=FOLDER: there; V=1: each command is printed)
.PHONY: all
all: $(PROGRAMS)

$(O)/bpf $(O)/cli $(O)/daemon $(O)/stress $(O)/unit $(sort $(dir $(CORE_OBJ))):
	$(Q)mkdir -p $@

.PHONY: help
help:
	$(Q)sed -n 's/^## /  /p' $(filter Makefile %.mk,$(MAKEFILE_LIST))

# The commit of this build, for --version; "" outside a git tree.
$(O)/commit.h: FORCE | $(O)/cli
	$(Q)commit=$$(git -C $(CURDIR) describe --always --match= --dirty=-modified 2>/dev/null | sed "s|^| (commit |; s|$$|)|"); \
		echo "#define VERSION_COMMIT \"$$commit\"" | cmp -s - $@ || \
		echo "#define VERSION_COMMIT \"$$commit\"" > $@
$(O)/cli/main.o $(O)/daemon/main.o: $(O)/commit.h

## compile_commands.json   for editors and language servers
COMPILE_COMMANDS = chomp; push @all, {directory => cwd, command => $$_, file => $$1} \
	if /^\S*(?:cc|clang)\b.* -c (\S+\.c) -o/; \
	END { print JSON::PP->new->canonical->pretty->encode(\@all) }
compile_commands.json: $(SKELETON) $(WATCH_SKELETON) $(TEXT_SKELETON) $(TRIAL_SKELETON)
	$(Q)$(MAKE) -nB V=1 all $(UNIT:%=$(O)/unit/%.o) | perl -MJSON::PP -MCwd -ne '$(COMPILE_COMMANDS)' > $@

# The race classes, one file each.
CLASSES := $(filter-out race_class,$(notdir $(basename $(wildcard core/classes/*.c))))
$(O)/race_classes.h: FORCE | $(O)/cli
	$(Q)printf 'RACE_CLASS(%s)\n' $(CLASSES) | cmp -s - $@ || printf 'RACE_CLASS(%s)\n' $(CLASSES) > $@
$(O)/core/classes/race_class.o: $(O)/race_classes.h

# The page of `thprace report --format html`: where the files are that become part of the program,
# and the hashes by which the page allows only these to run.
D3 ?= /usr/share/javascript/d3/d3.min.js
D3_LICENCE ?= /usr/share/doc/libjs-d3/copyright
PAGE_FILES := STYLE:core/page/page.css SCRIPT:core/page/page.js LIBRARY:$(D3) LICENCE:$(D3_LICENCE)
$(O)/page_build.h: core/page/hashes $(foreach file,$(PAGE_FILES),$(lastword $(subst :, ,$(file)))) | $(O)/cli
	$(call say,HASH,$@)
	$(Q)core/page/hashes $(PAGE_FILES) > $@
$(O)/core/page/page.o $(O)/core/page/page_files.o: $(O)/page_build.h

# The compiler's options: a change of flags rebuilds, a change of the tree's own path does not.
FLAGS_NOW := $(subst $(CURDIR),.,$(CC) $(ALL_CFLAGS) $(CLANG) $(BPF_CFLAGS))
$(O)/flags: FORCE | $(O)/cli
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

.PRECIOUS: $(O)/bpf/%.o

# `thprace check --watch`, the reader of the kernel's code and the trial of kprobes have their own
# objects.
$(O)/%.bpf.o: $(O)/bpf/%.o
	$(call say,GEN-OBJ,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(WATCH_SKELETON) $(TEXT_SKELETON) $(TRIAL_SKELETON): $(O)/%.skel.h: $(O)/%.bpf.o
	$(call say,GEN-SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

$(filter $(O)/core/engine/engine%,$(CORE_OBJ)): $(SKELETON)
$(O)/core/check/walk_watch.o: $(WATCH_SKELETON)
$(O)/core/kernel/text.o: $(TEXT_SKELETON)
$(O)/core/engine/kprobe_trial.o: $(TRIAL_SKELETON)

$(O)/core/%.o: core/%.c $(O)/flags | $(sort $(dir $(CORE_OBJ)))
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(O)/cli/%.o: cli/%.c $(O)/flags | $(O)/cli
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(O)/daemon/%.o: daemon/%.c $(O)/flags | $(O)/daemon
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
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(EXTRA_CFLAGS) -o $@ $(CLI_OBJ) $(O)/libthprace.a $(TERMINAL_LIBS) $(DUMP_LIBS) $(IMAGE_LIBS) $(LIBS)

# The command except its main: for unit tests.
$(O)/libcli.a: $(filter-out $(O)/cli/main.o,$(CLI_OBJ))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

# The daemon except its main: for thpraced and for unit tests.
$(O)/libthpraced.a: $(DAEMON_OBJ) | $(O)/daemon
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $(DAEMON_OBJ)

$(O)/thpraced: $(O)/daemon/main.o $(O)/libthpraced.a $(O)/libthprace.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(EXTRA_CFLAGS) -o $@ $^ $(LIBS) $(DAEMON_LIBS)

STRESS_PARTS := $(STRESS_OBJ) $(patsubst %,$(O)/core/base/%.o,names output timespan) \
	$(filter $(O)/core/classes/%,$(CORE_OBJ))
$(O)/thprace-stress: $(STRESS_PARTS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(EXTRA_CFLAGS) -pthread -o $@ $^

-include $(wildcard $(O)/*/*.d $(O)/core/*/*.d)

include packaging/rules.mk
include tests/rules.mk

# --- install -------------------------------------------------------------------------------------

# $(call put,MODE,FILES,FOLDER): the files, if there are any
put = $(if $(strip $(2)),$(Q)install -D -m $(1) -t $(DESTDIR)$(3) $(2))
SHARE := $(PREFIX)/share
EXAMPLES := $(SHARE)/doc/thprace/examples

# An existing configuration stays as it is.
## install          into DESTDIR, PREFIX
.PHONY: install
install: all
	$(call put,0755,$(filter-out %/thpraced,$(PROGRAMS)),$(PREFIX)/bin)
	$(call put,0755,$(filter %/thpraced,$(PROGRAMS)),$(PREFIX)/sbin)
	$(call put,0644,$(wildcard docs/man/*.1),$(SHARE)/man/man1)
	$(call put,0644,$(wildcard docs/man/*.5),$(SHARE)/man/man5)
	$(call put,0644,$(wildcard docs/man/*.8),$(SHARE)/man/man8)
	$(call put,0644,$(wildcard races/*.race),$(SHARE)/thprace/races)
	$(Q)install -d $(DESTDIR)$(SYSCONFDIR)/thprace/races.d
	$(call put,0644,completions/thprace.bash,$(SHARE)/bash-completion/completions)
	$(Q)cd $(DESTDIR)$(SHARE)/bash-completion/completions && mv thprace.bash thprace && \
		ln -sf thprace thpraced && ln -sf thprace thprace-stress
	$(call put,0644,$(wildcard completions/_*),$(ZSHDIR))
	$(Q)install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(SYSCONFDIR)/thprace/thprace.conf.d
	$(Q)sed 's|/usr/\(s\?bin\)/thprace|$(PREFIX)/\1/thprace|' systemd/thpraced.service \
		> $(DESTDIR)$(UNITDIR)/thpraced.service
	$(Q)chmod 0644 $(DESTDIR)$(UNITDIR)/thpraced.service
	$(Q)install -D -m 0644 systemd/thprace.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/thprace.conf
	$(Q)install -D -m 0644 systemd/thprace.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/thprace.conf
	$(call put,0644,$(wildcard docs/*.md),$(SHARE)/doc/thprace)
	$(Q)install -d $(DESTDIR)$(PREFIX)/lib/systemd/catalog
	$(Q)sed 's|file:///usr/share/|file://$(SHARE)/|' systemd/thprace.catalog \
		> $(DESTDIR)$(PREFIX)/lib/systemd/catalog/thprace.catalog
	$(Q)chmod 0644 $(DESTDIR)$(PREFIX)/lib/systemd/catalog/thprace.catalog
	$(Q)for file in $(wildcard systemd/thprace.conf); do \
		test -e $(DESTDIR)$(SYSCONFDIR)/thprace/thprace.conf || \
		install -m 0644 $$file $(DESTDIR)$(SYSCONFDIR)/thprace; done
	$(call put,0644,systemd/older-kernel.conf systemd/rsyslog.conf systemd/logrotate,$(EXAMPLES))
	$(call put,0644,$(wildcard docs/prometheus/*),$(EXAMPLES)/prometheus)

# The Debian packages into $(O)/deb, from a copy of the tree as it is, so the tree stays clean. Without
# the unit tests, which make test runs: DEB_BUILD_OPTIONS= runs them here, too.
## deb              Debian packages, into build/deb
.PHONY: deb
deb:
	$(call say,DEB,$(O)/deb)
	$(Q)rm -rf $(O)/deb && mkdir -p $(O)/deb/source
	$(Q)git ls-files -z --cached --others --exclude-standard --deduplicate | \
		tar --create --null --files-from=- --ignore-failed-read --warning=none | \
		tar --extract --directory=$(O)/deb/source
	$(Q)cd $(O)/deb/source && env -u MAKEFLAGS -u MAKELEVEL -u O \
		DEB_BUILD_OPTIONS="$${DEB_BUILD_OPTIONS-nocheck}" \
		dpkg-buildpackage -b -us -uc >../build.log 2>&1 || { tail -n 40 ../build.log; exit 1; }
	$(Q)rm -rf $(O)/deb/source && ls $(O)/deb/*.deb

# Unit, man pages, completions and packages: the checks that need no kernel.
.PHONY: package
package: all deb
	$(Q)THPRACE_BUILD=$(O) prove --failures --comments tests/package/

.PHONY: clean
clean:
	$(Q)rm -rf $(O)
