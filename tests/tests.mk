# Tests beyond the unit tests, lint, sanitizers and fuzzing; included by the Makefile.
#
#   make demo                                  the loop in four acts on a released package: see tests/demo
#   make check [-jN] [STRICT=1] [FUZZ_SECONDS=180]   everything but lint; N scripts beside each other
#   make bench [ROUNDS=60]                     what a start costs, beside a floor and bubblewrap: see tests/bench
#   make check-agents [AGENTS=codex]           published agent programs heal in replicas; their packages are large
#   make check-vm                              the sandbox's tests on Debian's kernel with control groups v2, in a VM
#   make check-asan check-ubsan                the same programs and unit tests under sanitizers
#   make fuzz T=NAME [FUZZ_SECONDS=180]        one fuzz target for longer
#   make lint                                  see tests/lint

# these unit tests start the program that they talk to
$(B)/tests/unit/proto/test_audit $(B)/tests/unit/f5/test_model $(B)/tests/unit/f5/test_model_broker: | $(B)/sickbay-audit

# what the command-line tests need beside the programs
CLI_HELPERS := $(B)/test-audit-log
TEST_HELPERS += $(CLI_HELPERS)
$(B)/test-audit-log: $(B)/tests/cli/audit-log.o $(B)/lib/proto.a $(B)/lib/base.a | $(B)/sickbay-audit
	$(LINK) -o $@ $(filter %.o %.a,$^) $(LIBS_proto)

# speaks with sickbay-broker as the orchestrator does
TEST_HELPERS += $(B)/broker-drive $(B)/front-relay
$(B)/broker-drive: $(B)/tests/broker/drive.o $(B)/lib/proto.a $(B)/lib/base.a | $(B)/sickbay-broker
	$(LINK) -o $@ $(filter %.o %.a,$^) $(LIBS_proto)
# official clients reach the scripted model through the front and the broker
$(B)/front-relay: $(B)/tests/front/relay.o $(B)/lib/proto.a $(B)/lib/base.a | $(B)/sickbay-broker $(B)/sickbay-front
	$(LINK) -o $@ $(filter %.o %.a,$^) $(LIBS_proto)

# who is killed while a model is paid, at points that it counts
METER_POINTS := ledger_commit audit_sync_end file_publish_once_at broker_open broker_call broker_recv
TEST_HELPERS += $(B)/meter-drive
$(B)/meter-drive: $(B)/tests/meter/drive.o $(below_f5:%=$(B)/lib/%.a) | $(B)/sickbay-broker $(B)/sickbay-audit
	$(LINK) $(METER_POINTS:%=-Wl,--wrap=%) -o $@ $^ $(call libs_of,f5)

# looks for a key wherever a replica may have it
TEST_HELPERS += $(B)/model-search
$(B)/model-search: $(B)/tests/model/search.o
	$(LINK) -o $@ $^

# ways out of a replica, each tried on the host first
TEST_HELPERS += $(B)/tests/escape/probe
$(B)/tests/escape/probe: $(B)/tests/escape/probe.o $(B)/tests/escape/probe_kernel.o
	$(CC) $(CFLAGS) -static $(STATIC_LDFLAGS) -o $@ $^

# a producer of many reports
TEST_HELPERS += $(B)/tests/intake/blast
$(B)/tests/intake/blast: $(B)/tests/intake/blast.o
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $<

# ---- the demo: all that it prints is what happened ----
demo: DEPS = demo
demo: deps
	@$(MAKE) -s --no-print-directory $(if $(findstring --jobserver,$(MAKEFLAGS)),,-j$$(nproc)) all $(B)/tests/escape/probe
	@sh tests/demo/demo.sh
.PHONY: demo

# ---- all tests: a script is a test where it says done_testing ----
UNIT := $(patsubst %.c,%,$(wildcard tests/unit/*/test_*.c))
UNIT_TESTS := $(UNIT:%=build/check/%)
SH_TESTS = $(sort $(filter-out tests/sh/% tests/fuzz/% tests/lint/% tests/vm/%,$(shell grep -ls '^done_testing' tests/*/*.sh tests/*/*/*.sh)))
check: deps # stops at what does not build; then every test runs, whatever failed before it
	@$(MAKE) -s --no-print-directory all $(TEST_HELPERS)
	@$(MAKE) -s --no-print-directory B=build/check CPPFLAGS=-DSYS_FAULTS unit-build
	@$(MAKE) -s --no-print-directory fuzz-build
	@rm -f build/leaks; sh tests/sh/leaks.sh build/leaks
	@bad=0; try() { echo "prove $$*"; STRICT=$(STRICT) FUZZ_SECONDS=$(FUZZ_SECONDS) prove --timer --exec tests/sh/run.sh "$$@" || bad=1; }; \
	try $(UNIT_TESTS); try -j$(JOBS) tests/fuzz/fuzz.sh $(SH_TESTS); try tests/sh/leaks.sh; exit $$bad
# of `make -jN`: scripts beside each other have directories, ports and replicas of their own; unit tests look at the whole host
JOBS = $(or $(patsubst -j%,%,$(filter -j%,$(MAKEFLAGS))),1)
unit-build: $(UNIT:%=$(B)/%)

# ---- agent programs of others, unmodified from npm ----
check-agents: deps
	@$(MAKE) -s --no-print-directory all
	prove -v --exec sh tests/agents/check.sh $(if $(AGENTS),:: $(AGENTS))
	$(if $(AGENTS),,prove -v --exec sh tests/sdk/chain.sh tests/models/heal.sh)
.PHONY: check-agents

# ---- another kernel: Debian's own, control groups v2 only, in a throw-away VM ----
check-vm: deps
	@sh tests/vm/prepare.sh build/vm/kernel
	@$(MAKE) -s --no-print-directory $(B)/sickbay $(patsubst %,$(B)/sickbay-%,init audit decode agent symbols) $(B)/tests/escape/probe
	@$(MAKE) -s --no-print-directory B=build/check CPPFLAGS=-DSYS_FAULTS build/check/sickbay-init \
	  $(patsubst tests/%.c,build/check/tests/%,$(wildcard tests/unit/sandbox/test_*.c))
	prove -v --exec sh tests/vm/check.sh
.PHONY: check-vm

# ---- sanitizers ----
SANITIZE_ASAN  := -fsanitize=address,undefined -fno-sanitize-recover=all
SANITIZE_UBSAN := -fsanitize=undefined -fsanitize-undefined-trap-on-error
DYNAMIC := $(B)/sickbay $(patsubst %,$(B)/sickbay-%,$(filter-out init agent symbols,$(HELPERS)))
STATIC  := $(B)/sickbay-init $(B)/sickbay-agent $(B)/sickbay-symbols
# what is left out heals whole packages again and again, which would take hours so
SANITIZED_SH = $(filter-out tests/cases/% tests/cheats/% tests/escape/% tests/faults/% tests/kill/%,$(SH_TESTS))
check-asan: deps # dynamic programs and all unit tests; the static programs beside them have UBSan
	@$(MAKE) -s --no-print-directory B=build/ubsan CPPFLAGS=-DSYS_FAULTS HARDEN= CFLAGS='-O1 -g $(SANITIZE_UBSAN)' static
	@install -D -m 0755 -t build/asan $(STATIC:$(B)/%=build/ubsan/%)
	@$(MAKE) -s --no-print-directory $(STATIC:$(B)/%=-o build/asan/%) B=build/asan CPPFLAGS=-DSYS_FAULTS HARDEN= \
	  LDFLAGS='$(SANITIZE_ASAN) build/asan/tests/asan_options.o' CFLAGS='-O1 -g -fno-omit-frame-pointer $(SANITIZE_ASAN)' sanitized-build
	ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 prove --exec tests/sh/run.sh $(ASAN_TESTS)
	SANITIZER=address SICKBAY=$(CURDIR)/build/asan/sickbay BLAST=$(CURDIR)/build/asan/tests/intake/blast \
	  prove -j$(JOBS) --exec tests/sh/run.sh $(SANITIZED_SH)
check-ubsan: deps # everything, static programs too: a fault ends the program
	@$(MAKE) -s --no-print-directory B=build/ubsan CPPFLAGS=-DSYS_FAULTS HARDEN= CFLAGS='-O1 -g $(SANITIZE_UBSAN)' static sanitized-build
	prove --exec tests/sh/run.sh $(UNIT_TESTS:build/check/%=build/ubsan/%)
	SICKBAY=$(CURDIR)/build/ubsan/sickbay BLAST=$(CURDIR)/build/ubsan/tests/intake/blast prove -j$(JOBS) --exec tests/sh/run.sh $(SH_TESTS)
# a confined program's filter is off under ASan, whose run time needs more; so it does inside a replica
ASAN_TESTS = $(filter-out %/test_confine %/f5/test_gate,$(UNIT:%=build/asan/%))
SANITIZED_HELPERS := $(filter-out $(B)/tests/escape/probe,$(TEST_HELPERS)) # the probe is static, and its own concern
sanitized-build: $(DYNAMIC) $(SANITIZED_HELPERS) unit-build
ifeq ($(B),build/asan)
$(DYNAMIC) $(SANITIZED_HELPERS) $(UNIT:%=$(B)/%): | $(B)/tests/asan_options.o
endif
static: $(STATIC)

# ---- fuzzing: tests/fuzz/fuzz_NAME.c is linked with the floors that it includes from, and what is below ----
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
SANITIZE_FUZZ := address,undefined -fno-sanitize-recover=undefined
FUZZ_MAKE = $(MAKE) -s --no-print-directory B=build/fuzz CC=clang HARDEN= WARN=-w CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,$(SANITIZE_FUZZ)'
fuzz-build:
	+@$(FUZZ_MAKE) fuzz-targets
check-fuzz: fuzz-build # each corpus, then FUZZ_SECONDS (180) over all targets
	FUZZ_SECONDS=$(FUZZ_SECONDS) prove -v --exec sh tests/fuzz/fuzz.sh
fuzz: deps # T=NAME: what it finds stays in build/fuzz/found
	@test -n '$(T)' || { echo 'make fuzz T=NAME; NAME is one of: $(FUZZ)' >&2; exit 2; }
	+@$(FUZZ_MAKE) build/fuzz/fuzz_$(T)
	@mkdir -p build/fuzz/found build/fuzz/corpus/$(T)
	build/fuzz/fuzz_$(T) -artifact_prefix=build/fuzz/found/ -max_len=65536 -max_total_time=$(or $(FUZZ_SECONDS),180) \
	  build/fuzz/corpus/$(T) $(wildcard tests/fuzz/corpus/$(T) tests/fuzz/corpus/$(T)-*)
ifeq ($(B),build/fuzz)
fuzz_floors = $(sort $(foreach f,$(1),$(below_$(f))))
fuzz_link = $(CC) $(CFLAGS) -fsanitize=fuzzer,$(SANITIZE_FUZZ) -o $@ $(filter %.o,$^) \
  -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(sort $(foreach f,$(1),$(call libs_of,$(f))))
define fuzz_target
$(B)/fuzz_$(1): $(B)/tests/fuzz/fuzz_$(1).o $(patsubst %,$(B)/lib/%.a,$(call fuzz_floors,$(2)))
	$$(call fuzz_link,$(2))
endef
$(foreach n,$(FUZZ),$(eval $(call fuzz_target,$(n),$(shell sh tests/fuzz/floor.sh tests/fuzz/fuzz_$(n).c))))
$(B)/tests/fuzz/planted.o: tests/fuzz/fuzz_audit.c
	@mkdir -p $(@D)
	$(CC) $(SICK_CFLAGS) -fPIE $(CFLAGS) -DPLANTED_BUG -c -o $@ $<
$(B)/fuzz_audit.planted: $(B)/tests/fuzz/planted.o $(below_audit:%=$(B)/lib/%.a)
	$(call fuzz_link,audit)
fuzz-targets: $(FUZZ:%=$(B)/fuzz_%) $(B)/fuzz_audit.planted
endif
.PHONY: check unit-build check-asan check-ubsan sanitized-build static fuzz-build check-fuzz fuzz fuzz-targets

# ---- lint: the fast part is seconds, the slow one looks only at what changed ----
export LINT_CFLAGS = $(SICK_CFLAGS)
LINT_FAST := layers words headers format shell man
LINT_SLOW := tidy analyzer cppcheck
lint: DEPS = lint
lint: deps lint-fast lint-slow
lint-fast: $(LINT_FAST:%=lint-%)
lint-slow: $(LINT_SLOW:%=lint-%)
$(LINT_FAST:%=lint-%): lint-%:
	@bash tests/lint/$*.sh
$(LINT_SLOW:%=lint-%): lint-%:
	@bash tests/lint/cached.sh $*
format: # in place
	git ls-files --cached --others --exclude-standard '*.[ch]' | xargs clang-format -i
.PHONY: lint format lint-fast lint-slow $(LINT_FAST:%=lint-%) $(LINT_SLOW:%=lint-%)

# ---- latency: prints, asserts nothing ----
BENCH := $(addprefix $(B)/,bench bench-floor bench-launch bench-stamp bench-broker bench-answer tests/intake/blast) $(B)/front-relay
$(B)/bench: $(B)/tests/bench/bench.o $(B)/tests/bench/rows.o $(below_sandbox:%=$(B)/lib/%.a)
	$(LINK) -o $@ $^ $(LIBS_sandbox)
$(B)/bench-floor $(B)/bench-launch: $(B)/bench-%: $(B)/tests/bench/%.o
	$(LINK) -o $@ $^
$(B)/bench-broker: $(B)/tests/bench/broker.o $(B)/lib/proto.a $(B)/lib/base.a
	$(LINK) -o $@ $^ $(LIBS_proto)
$(B)/bench-answer: $(B)/tests/bench/answer.o
	$(LINK) -o $@ $^ -lmicrohttpd
$(B)/bench-stamp: tests/bench/stamp.c
	$(CC) -O2 -static -nostdlib -ffreestanding -fno-stack-protector -fcf-protection=none -o $@ $<
bench: deps
	@$(MAKE) -s --no-print-directory all $(BENCH)
	@sh tests/bench/bench.sh $(B)
.PHONY: bench
