# SPDX-License-Identifier: GPL-2.0-only
# Static programs, the tarball of them, and RPM packages: included by the Makefile. The Debian
# packages are in debian/.

# --- static programs -----------------------------------------------------------------------------

# Debian's names of architectures are used for what users get.
DEB_ARCH := $(subst x86,amd64,$(ARCH))
STATIC ?= $(O)/static/$(DEB_ARCH)
SYSTEMD_LIB ?= $(O)/static/libsystemd/$(DEB_ARCH)/libsystemd.a
STATIC_PROGRAMS := $(addprefix $(STATIC)/,thprace thpraced thprace-stress)

# The same objects as of the ordinary programs, but for what a static program does in another way:
# linked before the library, which has the same functions.
STATIC_OBJ := $(patsubst packaging/static/%.c,$(O)/static/obj/%.o,$(wildcard packaging/static/*.c))
STATIC_LIBS := -lbpf -lelf -lz -ljson-c -lcapstone -llzma -lzstd -llz4 -llzo2 -lbz2 -lcap

$(O)/static/obj/%.o: packaging/static/%.c $(O)/flags
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
-include $(wildcard $(O)/static/obj/*.d)

$(SYSTEMD_LIB):
	$(Q)THPRACE_BUILD=$(O) packaging/libsystemd $(DEB_ARCH) >/dev/null

# Both with symbols, in a folder of their own, and without. The linker warns of getgrnam and others
# that glibc would load libraries for: accounts.c sees to it that it does not. Its messages are shown
# if it fails, because --no-warnings would allow undefined symbols, too.
# $(call static_link,LIBRARIES)
static_link = $(CC) $(CFLAGS) $(LDFLAGS) $(EXTRA_CFLAGS) -static-pie -Wl,-z,pack-relative-relocs -pthread \
	-o $@ $(filter-out %.mk,$^) $(1) 2> $@.log || { cat $@.log >&2; exit 1; }; rm $@.log
$(STATIC_PROGRAMS:$(STATIC)/%=$(STATIC)/debug/%): packaging/rules.mk
$(STATIC)/debug/thprace: $(STATIC_OBJ) $(CLI_OBJ) $(O)/libthprace.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call static_link,$(TERMINAL_LIBS) $(STATIC_LIBS))

$(STATIC)/debug/thpraced: $(filter-out %/dump_file.o,$(STATIC_OBJ)) $(O)/daemon/main.o $(O)/libthpraced.a $(O)/libthprace.a \
		$(SYSTEMD_LIB)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call static_link,$(STATIC_LIBS))

$(STATIC)/debug/thprace-stress: $(STRESS_PARTS)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call static_link)

$(STATIC)/%: $(STATIC)/debug/%
	$(call say,STRIP,$@)
	$(Q)$(CROSS_COMPILE)strip -o $@ $<

.PHONY: static static-amd64 static-arm64 static-here
static-here: $(STATIC_PROGRAMS)

## static           thprace, thpraced and thprace-stress without libraries, for amd64 and arm64
static: $(sort static-$(DEB_ARCH) static-arm64)

static-$(DEB_ARCH): static-here

ifneq ($(DEB_ARCH),arm64)
static-arm64: arm64
	$(Q)sysroot=$$(THPRACE_BUILD=$(O) tests/kernels/sysroot) && \
		library=$$(THPRACE_BUILD=$(O) packaging/libsystemd arm64) && \
		$(MAKE) --no-print-directory O=$(O)/arm64 ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- \
		SYSROOT="$$sysroot" STATIC=$(O)/static/arm64 SYSTEMD_LIB="$$library" static-here
endif

# --- the tarball ---------------------------------------------------------------------------------

VERSION := $(shell sed -n 's/^.define THPRACE_VERSION "\(.*\)"/\1/p' include/thprace/version.h)
# Of all files in archives, so that two builds of a commit are equal.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
TARBALL = $(O)/tarball/thprace-$(VERSION)-$(1).tar.gz
# Whose code is in the static programs: Debian keeps a library's licence with each of its packages.
STATIC_PARTS := libbpf-dev libelf-dev zlib1g-dev libjson-c-dev libcapstone-dev liblzma-dev libzstd-dev liblz4-dev \
	liblzo2-dev libbz2-dev libcap-dev libncurses-dev libc6-dev gcc libjs-d3

# $(call tarball,ARCH): from the static programs of it, and what `make install' has besides them
define tarball
	$(call say,TAR,$(call TARBALL,$(1)))
	$(Q)rm -rf $(O)/tarball/$(1) && mkdir -p $(O)/tarball/$(1)/thprace-$(VERSION)-$(1)/files
	$(Q)$(MAKE) --no-print-directory PROGRAMS='$(addprefix $(O)/static/$(1)/,thprace thpraced thprace-stress)' \
		DESTDIR=$(abspath $(O)/tarball/$(1)/root) PREFIX=/usr/local SYSCONFDIR=/etc UNITDIR=/usr/local/lib/systemd/system \
		ZSHDIR=/usr/local/share/zsh/site-functions install
	$(Q)cd $(O)/tarball/$(1) && mv root/usr/local thprace-$(VERSION)-$(1)/files/prefix && mv root/etc thprace-$(VERSION)-$(1)/files/
	$(Q)install -m 0755 packaging/install.sh $(O)/tarball/$(1)/thprace-$(VERSION)-$(1)/
	$(Q)install -m 0644 COPYING CHANGELOG.md $(O)/tarball/$(1)/thprace-$(VERSION)-$(1)/
	$(Q)mkdir $(O)/tarball/$(1)/thprace-$(VERSION)-$(1)/licences
	$(Q)for part in $(STATIC_PARTS); do \
		install -m 0644 /usr/share/doc/$$part/copyright $(O)/tarball/$(1)/thprace-$(VERSION)-$(1)/licences/$$part || exit; done
	$(Q)install -m 0644 $(O)/static/libsystemd/$(1)/copyright $(O)/tarball/$(1)/thprace-$(VERSION)-$(1)/licences/libsystemd
	$(Q)tar --create --sort=name --mtime=@$(SOURCE_DATE_EPOCH) --owner=root:0 --group=root:0 --mode=go-w --format=ustar \
		--directory=$(O)/tarball/$(1) thprace-$(VERSION)-$(1) | gzip -9n > $(call TARBALL,$(1))
	$(Q)rm -rf $(O)/tarball/$(1)
endef

## tarball          static programs with unit, manual pages and an install script, for both
.PHONY: tarball tarball-amd64 tarball-arm64
tarball: $(sort tarball-$(DEB_ARCH) tarball-arm64)
tarball-amd64 tarball-arm64: tarball-%: static-%
	$(call tarball,$*)

# --- RPM packages --------------------------------------------------------------------------------

# From a copy of the tree, as the Debian packages. rpmbuild does not know which packages Debian has.
RPM := $(O)/rpm
RPM_DATE := $(or $(SOURCE_DATE_EPOCH),0)
## rpm              RPM packages, into build/rpm (RPM_OPTIONS='--with check': with the unit tests)
RPM_OPTIONS ?= --without check
.PHONY: rpm
rpm:
	$(call say,RPM,$(RPM))
	$(Q)rm -rf $(RPM) && mkdir -p $(RPM)/top/SOURCES $(RPM)/top/SPECS
	$(Q)git ls-files -z --cached --others --exclude-standard --deduplicate | sort -z | \
		tar --create --no-recursion --ignore-failed-read --warning=none --mtime=@$(RPM_DATE) --owner=root:0 \
		--group=root:0 --format=ustar --transform='s|^|thprace-$(VERSION)/|' --null --files-from=- | \
		gzip -9n > $(RPM)/top/SOURCES/thprace-$(VERSION).tar.gz
	$(Q)cp systemd/thprace.sysusers $(D3) $(RPM)/top/SOURCES/ && cp $(D3_LICENCE) $(RPM)/top/SOURCES/d3.licence
	$(Q)sed 's/@VERSION@/$(VERSION)/' packaging/thprace.spec.in > $(RPM)/top/SPECS/thprace.spec
	$(Q)env -u MAKEFLAGS -u MAKELEVEL -u O SOURCE_DATE_EPOCH=$(RPM_DATE) rpmbuild -ba --nodeps $(RPM_OPTIONS) \
		--define '_topdir $(abspath $(RPM))/top' --define '_smp_mflags -j$(shell nproc)' \
		--define 'use_source_date_epoch_as_buildtime 1' --define 'clamp_mtime_to_source_date_epoch 1' --define '_buildhost thprace' \
		$(RPM)/top/SPECS/thprace.spec > $(RPM)/build.log 2>&1 || { tail -n 40 $(RPM)/build.log; exit 1; }
	$(Q)mv $(RPM)/top/RPMS/*/*.rpm $(RPM)/top/SRPMS/*.rpm $(RPM)/ && rm -rf $(RPM)/top && ls $(RPM)/*.rpm
