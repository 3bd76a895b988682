# SPDX-License-Identifier: GPL-2.0-only
# The tests and measurements: included by the Makefile.

UNIT := $(notdir $(basename $(wildcard tests/unit/test_*.c)))
UNIT_CFLAGS := -Icli -Idaemon -Itests/unit
# Shared by several of them: everything that is neither a test nor one of the tiny kernels.
UNIT_COMMON := $(patsubst tests/unit/%.c,$(O)/unit/%.o, \
	$(filter-out tests/unit/test_% tests/unit/tiny_%,$(wildcard tests/unit/*.c)))
UNIT_BIN := $(UNIT:%=$(O)/unit/%)

$(O)/unit/%.o: tests/unit/%.c $(O)/flags | $(O)/unit
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(UNIT_CFLAGS) -MMD -MP -c $< -o $@

# The model of the BPF programs compiles these as for arm64, where a window's folio may be unknown,
# and sees each of their memory accesses (tests/unit/bpf_model_host.c).
MODEL_CFLAGS := -Ibpf -D__TARGET_ARCH_arm64 -fno-strict-aliasing -Wno-unused-parameter -Wno-unused-function \
	-Wno-missing-prototypes -Wno-unknown-pragmas -Wno-missing-field-initializers -Wno-shift-count-overflow
$(O)/unit/bpf_model_host.o: UNIT_CFLAGS += $(MODEL_CFLAGS)
$(O)/unit/bpf_model_programs.o $(O)/unit/bpf_model_race.o: UNIT_CFLAGS += $(MODEL_CFLAGS) -fno-sanitize=address -fsanitize=thread

# The steps of the correlator are counted by what the compiler calls in each basic block. One object,
# linked before the library, which has the same functions.
COUNTED := $(wildcard core/correlate/*.c) core/base/hash_map.c
$(COUNTED:core/%.c=$(O)/unit/counted/%.o): $(O)/unit/counted/%.o: core/%.c $(O)/flags
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -fsanitize-coverage=trace-pc -MMD -MP -c $< -o $@
-include $(COUNTED:core/%.c=$(O)/unit/counted/%.d)
$(O)/unit/test_correlator_loss: $(COUNTED:core/%.c=$(O)/unit/counted/%.o)
$(O)/unit/test_correlator_loss: FIRST = $(COUNTED:core/%.c=$(O)/unit/counted/%.o)

$(O)/unit/test_%: $(O)/unit/test_%.o $(UNIT_COMMON) $(O)/libcli.a $(O)/libthpraced.a \
		$(O)/libthprace.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(EXTRA_CFLAGS) -o $@ $(FIRST) $(filter-out $(FIRST),$^) -lcmocka $(UNIT_LIBS) $(LIBS) $(DAEMON_LIBS)

TINY_TESTS := $(O)/unit/test_foreign $(O)/unit/test_check $(O)/unit/test_check_race $(O)/unit/test_image $(O)/unit/test_code_arm64 $(O)/unit/test_code_spans \
	$(O)/unit/test_image_check
$(O)/unit/test_btf $(O)/unit/test_btf_plan $(O)/unit/test_hostile: UNIT_LIBS := $(IMAGE_LIBS)
$(TINY_TESTS): $(O)/unit/tiny_kernel.o $(O)/unit/tiny_arm64.o
$(TINY_TESTS): UNIT_LIBS := $(IMAGE_LIBS)
$(O)/unit/test_recover $(O)/unit/test_provoke_check: UNIT_LIBS := $(IMAGE_LIBS)
$(O)/unit/test_top: UNIT_LIBS := $(TERMINAL_LIBS)

# Expressions of race files, compared with the C compiler's result for the same text.
EXPRESSIONS ?= 2000
EXPRESSIONS_SEED ?= 1
$(O)/unit/expressions.h: tests/unit/expressions FORCE | $(O)/unit
	$(Q)$< $(EXPRESSIONS) $(EXPRESSIONS_SEED) | cmp -s - $@ || $< $(EXPRESSIONS) $(EXPRESSIONS_SEED) > $@
$(O)/unit/fake_kernel.o: tests/unit/fake_kernel.bpf.c tests/unit/fake_kernel.h $(O)/flags | $(O)/unit
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@
CALC_TESTS := $(O)/unit/test_calc $(O)/unit/test_calc_property $(O)/unit/test_race_kernel
$(CALC_TESTS): $(O)/unit/tiny_fake.o $(O)/unit/tiny_machine.o
$(O)/unit/tiny_fake.o: $(O)/unit/fake_kernel.o
$(O)/unit/tiny_fake.o: EXTRA_CFLAGS += -DFAKE_KERNEL='"$(O)/unit/fake_kernel.o"'
$(O)/unit/test_calc_property.o: $(O)/unit/expressions.h
$(O)/unit/test_calc_property.o: EXTRA_CFLAGS += -I$(O)/unit -O0 -fwrapv

.PRECIOUS: $(O)/unit/%.o

# What has to be built for a test is built by all processors, also if make was not told so.
JOBS := $(shell nproc)
PARALLEL = $(MAKE) --no-print-directory -j$(JOBS)

.PHONY: unit-programs
unit-programs: $(UNIT_BIN)

## unit             the unit tests
.PHONY: unit
unit: $(UNIT_BIN)
	$(Q)printf '%s\n' $(UNIT_BIN) | xargs -P $(JOBS) -I PROGRAM \
		sh -c 'text=$$(PROGRAM 2>&1); status=$$?; printf "== %s\n%s\n" PROGRAM "$$text"; exit $$status'

SANITIZE := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all

# The unit tests again, with ASan and UBSan, in a separate output folder.
## unit-sanitized   the same under ASan and UBSan
.PHONY: unit-sanitized
unit-sanitized:
	$(Q)$(PARALLEL) O=$(O)/sanitized CFLAGS='-g $(SANITIZE)' unit

# The readers of files with damaged ones, each for a short time (clang's libFuzzer).
FUZZ_SECONDS ?= 20
FUZZ := $(CLANG) -std=gnu11 -D_GNU_SOURCE -g -O1 -Iinclude -Icore -DTHPRACE_FUZZER \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
	-fprofile-instr-generate -fcoverage-mapping
# The fuzzed sources are compiled for it; the rest comes from the library.
## fuzz             the readers of files against damaged ones (FUZZ_SECONDS=N)
.PHONY: fuzz fuzz-trace fuzz-image fuzz-btf fuzz-complaint fuzz-race fuzz-recover
fuzz: fuzz-trace fuzz-image fuzz-btf fuzz-complaint fuzz-race fuzz-recover

FUZZ_RUN = THPRACE_BUILD=$(O) FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run

fuzz-trace: $(O)/unit/seed_trace
	$(call say,FUZZ,$(O)/unit/fuzz_trace)
	$(Q)$(FUZZ) tests/fuzz/fuzz_trace.c $(wildcard core/export/*.c core/replay/detector*.c core/report/summary*.c core/report/incident_groups.c core/report/trace_sum*.c) \
		$(patsubst %,core/%.c,replay/crosscheck base/json_bounds trace/record_pack trace/trace_classes trace/trace_reader) \
		$(O)/libthprace.a $(LIBS) -o $(O)/unit/fuzz_trace
	$(Q)$(FUZZ_RUN) trace

fuzz-image: $(O)/libthprace.a | $(O)/unit
	$(call say,FUZZ,$(O)/unit/fuzz_image)
	$(Q)$(FUZZ) tests/fuzz/fuzz_image.c $(wildcard core/image/*.c core/code/*.c core/check/check*.c) core/kernel/btf_walk.c \
		$(O)/libthprace.a $(IMAGE_LIBS) $(LIBS) -o $(O)/unit/fuzz_image
	$(Q)$(FUZZ_RUN) image

fuzz-btf: $(O)/unit/seed_btf $(O)/libthprace.a
	$(call say,FUZZ,$(O)/unit/fuzz_btf)
	$(Q)$(FUZZ) tests/fuzz/fuzz_btf.c $(wildcard core/check/check*.c core/kernel/target*.c core/probe/*.c core/race/*.c) core/kernel/btf_walk.c \
		$(O)/libthprace.a $(IMAGE_LIBS) $(LIBS) -o $(O)/unit/fuzz_btf
	$(Q)$(FUZZ_RUN) btf

fuzz-complaint: $(O)/libthprace.a | $(O)/unit
	$(call say,FUZZ,$(O)/unit/fuzz_complaint)
	$(Q)$(FUZZ) tests/fuzz/fuzz_complaint.c $(wildcard core/complaint/*.c) core/base/names.c $(O)/libthprace.a $(LIBS) \
		-o $(O)/unit/fuzz_complaint
	$(Q)$(FUZZ_RUN) complaint

fuzz-race: $(O)/unit/seed_race $(O)/libthprace.a
	$(call say,FUZZ,$(O)/unit/fuzz_race)
	$(Q)$(FUZZ) -Itests/unit tests/fuzz/fuzz_race.c $(wildcard core/race/*.c) core/base/ini_file.c core/base/nearest.c \
		$(O)/unit/tiny_fake.o $(O)/libthprace.a $(IMAGE_LIBS) $(LIBS) -lcmocka -o $(O)/unit/fuzz_race
	$(Q)$(FUZZ_RUN) race
$(O)/unit/seed_race: $(O)/unit/tiny_fake.o

fuzz-recover: $(O)/unit/seed_recover $(O)/libthprace.a
	$(call say,FUZZ,$(O)/unit/fuzz_recover)
	$(Q)$(FUZZ) -Itests/unit tests/fuzz/fuzz_recover.c $(filter-out %/dump_file.c,$(wildcard core/dump/*.c)) \
		$(O)/libthprace.a $(IMAGE_LIBS) $(LIBS) -o $(O)/unit/fuzz_recover
	$(Q)$(FUZZ_RUN) recover
$(O)/unit/seed_race: IMAGE_LIBS += -lcmocka

# The same sources without libFuzzer: they write the seeds of the fuzzers.
$(O)/unit/seed_%: tests/fuzz/fuzz_%.c $(O)/unit/tiny_kernel.o $(O)/unit/tiny_arm64.o $(O)/libthprace.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(UNIT_CFLAGS) -o $@ $^ $(IMAGE_LIBS) $(LIBS)

STYLED := $(wildcard bpf/*.[ch] core/*/*.[ch] cli/*.[ch] daemon/*.[ch] include/thprace/*.h packaging/*/*.[ch] tests/*/*.[ch])
SCRIPTS := .ci/run tests/deps tests/host.sh tests/fleet/install tests/progress.sh tests/lint/classes tests/fuzz/run tests/demo tests/pictures/make tests/pictures/top.sh tests/bpf-stats tests/vm/run tests/vm/init tests/vm/kernel tests/vm/emulator \
	tests/bench/run tests/bench/guest.sh tests/bench/effect.sh tests/bench/reading \
	tests/vm/selftest tests/vm/mirror.sh tests/vm/initramfs.sh tests/vm/qemu.sh tests/vm/xfs tests/vm/userland tests/kernels/matrix tests/kernels/sysroot \
	tests/kernels/guest.sh tests/lab/build tests/lab/report tests/lab/deaths tests/lab/churn tests/lab/provoke.sh tests/check/image \
	tests/races/report tests/races/guest.sh tests/races/image.sh tests/races/equal tests/races/equal.sh \
	packaging/libsystemd packaging/install.sh \
	tests/patches/source tests/metrics/promtool completions/thprace.bash debian/thprace.prerm \
	debian/thprace.postrm $(wildcard tests/fleet/*.t tests/fleet/guest/*.sh tests/check/*.t tests/btf/*.t tests/class/*.t tests/lint/rooms.t tests/package/*.t tests/patches/*.t tests/metrics/*.t tests/static/*.t tests/rpm/*.t \
		tests/system/*.t tests/system/*.sh tests/system/guest/*.sh \
		tests/service/*.t tests/service/*.sh tests/service/guest/*.sh)

## style            the format of C, shell scripts
.PHONY: style
style:
	$(call say,FORMAT,$(words $(STYLED)) files)
	$(Q)clang-format --dry-run -Werror $(STYLED)
	$(call say,SHELL,$(words $(SCRIPTS)) files)
	$(Q)shellcheck $(SCRIPTS)

# All except engine_load.c, walk_watch.c, text.c and kprobe_trial.c: clang's analyzer finds a leak
# in the code that bpftool generates for them.
TIDY_CFLAGS = -std=gnu11 -D_GNU_SOURCE -Iinclude -Icore -isystem $(O)
LINTED := $(wildcard core/*/*.c cli/*.c daemon/*.c packaging/static/*.c tests/stress/*.c)

## lint             cppcheck, clang-tidy, and the plan of the rooms
.PHONY: lint
lint: all
	$(call say,ROOMS,docs/architecture.md)
	$(Q)tests/lint/rooms --build $(O)
	$(Q)tests/lint/classes
	$(Q)THPRACE_BUILD=$(O) prove -Q tests/lint/
	$(call say,CPPCHECK,$(words $(LINTED)) files)
	$(Q)cppcheck --quiet --error-exitcode=1 -Iinclude -Icore $(LINTED)
	$(call say,TIDY,$(words $(LINTED)) files)
	$(Q)printf '%s\n' $(filter-out core/engine/engine_load.c core/check/walk_watch.c core/kernel/text.c core/engine/kprobe_trial.c,$(LINTED)) | xargs -P 2 -I FILE sh -c \
		"clang-tidy --quiet FILE -- $(TIDY_CFLAGS) 2>/dev/null || exit 255"

# A race class is one file: a toy class in a copy of the tree.
## class            a class added by one file, seen wherever classes are
.PHONY: class
class: all $(UNIT_COMMON)
	$(Q)THPRACE_BUILD=$(O) prove --failures --comments tests/class/

# The page of `thprace report --format html`, in Chromium. Screenshots go into $(O)/page.
$(O)/page/make_trace: tests/page/make_trace.c $(O)/flags $(O)/libthprace.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(O)/page
	$(Q)$(CC) $(ALL_CFLAGS) $(UNIT_CFLAGS) -o $@ $< $(O)/libthprace.a $(LIBS)

$(O)/page/node_modules: tests/page/package.json tests/page/package-lock.json
	$(call say,NPM,$@)
	$(Q)mkdir -p $(O)/page && cp $^ $(O)/page
	$(Q)cd $(O)/page && npm ci --silent --no-audit --no-fund --ignore-scripts && touch node_modules

## page             the page of a report, in a browser; screenshots into build/page
.PHONY: page
page: all $(O)/page/make_trace $(O)/page/node_modules
	$(Q)THPRACE_BUILD=$(O) prove --failures --comments tests/page/

## page-times       sizes and times of pages, into docs/report.md
.PHONY: page-times
page-times: all $(O)/page/make_trace $(O)/page/node_modules
	$(Q)THPRACE_BUILD=$(O) tests/page/measure > $(O)/page/times.md
	$(Q)tests/into-document docs/report.md 'make page-times' < $(O)/page/times.md

# The kernel patches: they apply, and the semantic ones do what they claim.
.PHONY: patches
patches:
	$(Q)THPRACE_BUILD=$(O) prove --failures --comments tests/patches/

# The metrics, the alert rules and the dashboard, checked with Prometheus' own tool.
.PHONY: metrics
metrics: $(O)/unit/test_metrics
	$(Q)THPRACE_BUILD=$(O) prove --failures --comments tests/metrics/

# thprace check on each kernel of tests/check/expected that is available.
## check            thprace check on each kernel image that is there
.PHONY: check
check: all
	$(Q)THPRACE_BUILD=$(O) prove --failures --comments tests/check/

# thprace on the BTF of other kernels, in the folder THPRACE_BTF; docs/kernels.md has what is expected.
## test-btf         thprace on BTF files of other kernels (THPRACE_BTF=FOLDER)
.PHONY: test-btf btf-table
test-btf: all
	$(Q)THPRACE_BUILD=$(O) prove --failures --comments tests/btf/

## btf-table        what is expected of them, into docs/kernels.md
btf-table:
	$(Q)tests/btf/table < tests/btf/expected > $(O)/btf-table.md
	$(Q)tests/into-document docs/kernels.md 'make btf-table' < $(O)/btf-table.md

# What check says of the files of races/ on each kernel, as make check tests it.
## races-table      the words of the library's races, into docs/races.md
.PHONY: races-table
races-table:
	$(Q)tests/check/table < tests/check/races > $(O)/races-table.md
	$(Q)tests/into-document docs/races.md 'make races-table' < $(O)/races-table.md

# Boots kernels with and without the fixes of these races; the table goes into docs/races.md.
## races-report     observes and provokes the races of the library, in guests
.PHONY: races-report
races-report: all
	$(Q)THPRACE_BUILD=$(O) tests/races/report

# Two guests at a time: one alone leaves half of two processors idle. They starve each other no more than
# any busy machine does, and the tests wait for evidence, not for seconds.
GUESTS := 2
## system           tests that boot kernels
.PHONY: system
system: all
	$(Q)THPRACE_BUILD=$(O) prove --jobs $(GUESTS) --timer --failures --comments tests/vm/selftest tests/system/

# The packages, on Debian 12 with systemd in guests.
## test-service     the packages, and the tarball, on Debian 12 with systemd, in guests
.PHONY: test-service
test-service: deb tarball-$(DEB_ARCH)
	$(Q)THPRACE_BUILD=$(O) prove --jobs $(GUESTS) --timer --failures --comments tests/service/

# The static programs alone on a kernel, those for arm64 too if they have been built; the tarball.
## test-static      the static programs on a kernel that has nothing else; the tarball
.PHONY: test-static
test-static: all tarball-$(DEB_ARCH)
	$(Q)THPRACE_BUILD=$(O) prove --failures --comments tests/static/

## test-static-arm64  the same of those for arm64, which it makes, in guests
.PHONY: test-static-arm64
test-static-arm64: all tarball-arm64
	$(Q)THPRACE_BUILD=$(O) prove --failures --comments tests/static/10-bare.t tests/static/30-tarball-arm64.t

# The RPM packages, installed into a root.
## test-rpm         the RPM packages: content, scriptlets; it builds them
.PHONY: test-rpm
test-rpm: all rpm
	$(Q)THPRACE_BUILD=$(O) prove --failures --comments tests/rpm/

# Three machines, Prometheus, Alertmanager and a webhook; and journals that are sent from one guest to
# another. Nothing of Debian's packages is left running.
## test-fleet       metrics of three machines to an alert, and journals of one on another
.PHONY: test-fleet
test-fleet: deps
	$(Q)tests/fleet/install
	$(Q)$(MAKE) --no-print-directory all
	$(Q)THPRACE_BUILD=$(O) prove --jobs 2 --failures --comments tests/fleet/

# With another compiler, and without options that do not change the result: warnings are errors.
## both-compilers   the programs by clang, too
.PHONY: both-compilers
both-compilers:
	$(Q)$(PARALLEL) O=$(O)/clang CC=clang $(O)/clang/thprace $(O)/clang/thpraced \
		$(O)/clang/thprace-stress

## test             all tests but the service's; installs what is missing
.PHONY: test
test: deps
	$(Q)$(PARALLEL) all unit-programs static-here
	$(Q)$(MAKE) --no-print-directory style lint unit unit-sanitized both-compilers bench-programs fuzz package \
		class patches metrics page check test-btf test-static test-rpm system

## deps             the packages of packages.txt
.PHONY: deps
deps:
	$(Q)tests/deps

## demo             the main job on a real kernel, in a guest
.PHONY: demo
demo: deps
	$(Q)$(MAKE) --no-print-directory all
	$(Q)THPRACE_BUILD=$(O) tests/demo

# Those of README, from the demo's page, a guest and the table of the rooms.
## pictures         the pictures of README, into docs/pictures
.PHONY: pictures
pictures: deps
	$(Q)tests/deps tests/pictures/packages.txt pictures
	$(Q)$(MAKE) --no-print-directory all $(O)/page/node_modules
	$(Q)THPRACE_BUILD=$(O) tests/pictures/make

# Instructions of each program, and the number walked by the verifier, on a stock kernel.
## bpf-stats        instructions of each BPF program, on a stock kernel
.PHONY: bpf-stats
bpf-stats: all
	$(Q)THPRACE_BUILD=$(O) tests/bpf-stats

# The kernels of docs/lab.md, racy and fixed, into $(O)/lab/kernels.
## lab              kernels with and without the fixes (an hour)
.PHONY: lab
lab: deps
	$(Q)tests/deps tests/lab/packages.txt lab
	$(Q)THPRACE_BUILD=$(O) tests/lab/build

# Boots them, provokes every class on each, and writes the table into docs/lab.md.
## lab-report       provokes every class on each of them
.PHONY: lab-report
lab-report: all
	$(Q)THPRACE_BUILD=$(O) tests/lab/report

# Lets 5.10-racy-debug die of each class, and recovers the dumps; the table goes into docs/crash.md.
## lab-deaths       recovers what the DEBUG_VM kernel dies of
.PHONY: lab-deaths
lab-deaths: all
	$(Q)THPRACE_BUILD=$(O) tests/lab/deaths

# --- kernels -------------------------------------------------------------------------------------

# The programs for arm64, by cross compiler, into $(O)/arm64.
.PHONY: arm64
arm64: deps
	$(Q)tests/deps tests/kernels/packages.txt arm64
	$(Q)sysroot=$$(THPRACE_BUILD=$(O) tests/kernels/sysroot) && \
		$(MAKE) --no-print-directory O=$(O)/arm64 ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- \
		SYSROOT="$$sysroot" all

# Every available kernel, in guests; the table goes into docs/kernels.md.
## test-kernels     every kernel that can be had
.PHONY: test-kernels
test-kernels: all arm64
	$(Q)THPRACE_BUILD=$(O) prove tests/system/97-recover-arm64.t
	$(Q)THPRACE_BUILD=$(O) tests/kernels/matrix
include tests/bench/rules.mk
