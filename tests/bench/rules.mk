# SPDX-License-Identifier: GPL-2.0-only
# What thprace costs compared with other tools, into docs/performance.md: at most 45 minutes.
BENCH_BIN := $(O)/bench/bodies $(O)/bench/load $(O)/bench/gain $(O)/bench/generate $(O)/bench/work $(O)/bench/hold

$(O)/bench:
	$(Q)mkdir -p $@

$(O)/bench/bodies.bpf.o: tests/bench/bodies.bpf.c $(wildcard bpf/*.[ch]) $(O)/flags | $(O)/bench
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@.unlinked
	$(Q)$(BPFTOOL) gen object $@ $@.unlinked

$(O)/bench/bodies.skel.h: $(O)/bench/bodies.bpf.o
	$(call say,GEN-SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name bodies > $@

$(O)/bench/bodies: tests/bench/bodies.c $(O)/bench/bodies.skel.h $(O)/libthprace.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -I$(O)/bench -o $@ $< $(O)/libthprace.a $(LIBS)

$(O)/bench/load: tests/bench/load.c $(O)/libthprace.a | $(O)/bench
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -Wl,--wrap=engine_race__attach,--wrap=bpf_raw_tracepoint_open -o $@ $^ $(LIBS)

$(O)/bench/hold.bpf.o: tests/bench/hold.bpf.c $(wildcard bpf/*.h) $(O)/flags | $(O)/bench
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@.unlinked
	$(Q)$(BPFTOOL) gen object $@ $@.unlinked

$(O)/bench/hold.skel.h: $(O)/bench/hold.bpf.o
	$(call say,GEN-SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name hold_bpf > $@

$(O)/bench/hold: tests/bench/hold.c $(O)/bench/hold.skel.h
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -I$(O)/bench -o $@ $< $(LIBS)

$(O)/bench/gain $(O)/bench/generate: $(O)/bench/%: tests/bench/%.c $(O)/libthprace.a | $(O)/bench
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)

$(O)/bench/work: tests/bench/work.c $(O)/flags | $(O)/bench
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -static -o $@ $<

.PHONY: bench-programs
bench-programs: $(BENCH_BIN)

## bench            what it costs, into docs/performance.md (45 minutes)
.PHONY: bench
bench: deps
	$(Q)THPRACE_BUILD=$(O) tests/bench/run
