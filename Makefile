# One Makefile, no recursion.  Each floor is a static archive that may use only the floors below it,
# so a forbidden call is a link error; tests/lint/layers.sh makes a forbidden include one.
SHELL   := bash
PREFIX  ?= /usr/local
LIBEXECDIR ?= $(PREFIX)/libexec/sickbay
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
UNITDIR ?= $(PREFIX)/lib/systemd/system
DESTDIR ?=
B       ?= build
CC      ?= cc
CFLAGS  ?= -O2 -g
VERSION := 0.1.0

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wundef -Wcast-qual -Wwrite-strings \
	-Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wformat=2 -Wimplicit-fallthrough -Wswitch-enum -Wnull-dereference
HARDEN ?= -fstack-protector-strong -fstack-clash-protection -fcf-protection -D_FORTIFY_SOURCE=2
NL_CFLAGS := $(shell pkg-config --cflags libnl-3.0 2>/dev/null)
SICK_CFLAGS := -std=gnu11 -D_GNU_SOURCE $(NL_CFLAGS) -DSICKBAY_VERSION='"$(VERSION)"' -DSICKBAY_LIBEXEC='"$(LIBEXECDIR)"' -I. $(WARN)

# ---- floors, lowest first; a floor's archive is build/lib/NAME.a ----
base     := $(wildcard runtime/base/*.c)
proto    := $(wildcard runtime/proto/*.c)
sandbox  := $(wildcard runtime/sandbox/*.c)
images   := $(wildcard images/*.c)
policy   := $(wildcard policy/*.c)
f4       := $(wildcard agent/host/incident/*.c agent/host/case/*.c agent/host/queue/*.c)
f5       := $(wildcard agent/host/gate/*.c agent/host/testrun/*.c agent/host/proof/*.c)
f6       := $(wildcard agent/host/pipeline/*.c agent/host/pr/*.c)
f7       := $(wildcard agent/host/cli/*.c)
syntax   := $(wildcard agent/syntax/*.c)
inside   := $(filter-out agent/inside/main.c,$(wildcard agent/inside/*.c))
decode   := $(filter-out runtime/decode/main.c,$(wildcard runtime/decode/*.c))
broker   := $(filter-out agent/broker/main.c,$(wildcard agent/broker/*.c))
intake   := $(filter-out agent/intake/main.c,$(wildcard agent/intake/*.c))
front    := $(filter-out agent/front/main.c,$(wildcard agent/front/*.c))
audit    := $(filter-out runtime/audit/main.c,$(wildcard runtime/audit/*.c))
symbols  := $(filter-out runtime/symbols/main.c,$(wildcard runtime/symbols/*.c))
FLOORS   := f6 f5 f4 policy images sandbox proto base

LIBS_base    := -ljansson
LIBS_proto   := -ljansson
LIBS_sandbox := -lseccomp -lcap -lnl-route-3 -lnl-3 -ljansson
# of the command that starts replicas: each shared library is a tenth of a millisecond of every start
LIBS_sickbay := -Wl,-Bstatic -lseccomp -lcap -lnl-route-3 -lnl-3 -Wl,-Bdynamic -ljansson -lm
LIBS_f4      := -lm
LIBS_decode  := -larchive -lexpat -lseccomp -ljansson
LIBS_broker  := -lcurl -lssl -lcrypto -ljansson
LIBS_intake  := -lmicrohttpd -ljansson
LIBS_front   := -lseccomp -ljansson
LIBS_audit   := -lcrypto -lseccomp -ljansson
LIBS_symbols := -ldw -lelf -lbz2 -llzma -lz

# what a unit test of a floor links: the floor and everything below it
below_base    := base
below_proto   := proto base
below_sandbox := sandbox proto base
below_images  := images sandbox proto base
below_policy  := policy images sandbox proto base
below_f4      := f4 policy images sandbox proto base
below_f5      := f5 f4 policy images sandbox proto base
below_f6      := f6 f5 f4 policy images sandbox proto base
below_decode  := decode proto base
below_audit   := audit proto base
below_symbols := symbols base
below_broker  := broker proto base
below_intake  := intake proto base
below_front   := front proto base
below_syntax  := syntax base
below_inside  := inside syntax proto base
libs_of = $(sort $(foreach f,$(below_$(1)),$(LIBS_$(f))))

HELPERS  := init agent symbols decode audit $(patsubst agent/%/main.c,%,$(wildcard agent/broker/main.c agent/front/main.c agent/intake/main.c))
PROGRAMS := $(B)/sickbay $(HELPERS:%=$(B)/sickbay-%)
all: $(PROGRAMS)

# ---- generated sources (data embedded in programs) and third-party grammars ----
-include images/images.mk policy/policy.mk agent/host/pr/page.mk agent/syntax/grammars.mk tests/tests.mk

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(SICK_CFLAGS) $(HARDEN) -fPIE $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

define archive
$(B)/lib/$(1).a: $$($(1):%.c=$(B)/%.o) $$(GEN_$(1))
	@mkdir -p $$(@D); rm -f $$@
	$$(AR) rcs $$@ $$^
endef
$(foreach f,$(FLOORS) f7 syntax inside decode audit broker front intake symbols,$(eval $(call archive,$(f))))

LINK = $(CC) $(CFLAGS) -pie $(LDFLAGS) -Wl,-z,relro,-z,now -Wl,--as-needed
$(B)/sickbay: $(B)/lib/f7.a $(FLOORS:%=$(B)/lib/%.a)
	$(LINK) -o $@ -Wl,--whole-archive $(B)/lib/f7.a -Wl,--no-whole-archive $(FLOORS:%=$(B)/lib/%.a) $(LIBS_sickbay)
$(B)/sickbay-decode: $(B)/runtime/decode/main.o $(B)/lib/decode.a $(B)/lib/proto.a $(B)/lib/base.a
	$(LINK) -o $@ $^ $(LIBS_decode)
$(B)/sickbay-audit: $(B)/runtime/audit/main.o $(B)/lib/audit.a $(B)/lib/proto.a $(B)/lib/base.a
	$(LINK) -o $@ $^ $(LIBS_audit)
$(B)/sickbay-broker: $(B)/agent/broker/main.o $(B)/lib/broker.a $(B)/lib/proto.a $(B)/lib/base.a
	$(LINK) -o $@ $^ $(LIBS_broker)
$(B)/sickbay-intake: $(B)/agent/intake/main.o $(B)/lib/intake.a $(B)/lib/proto.a $(B)/lib/base.a
	$(LINK) -o $@ $^ $(LIBS_intake)
$(B)/sickbay-front: $(B)/agent/front/main.o $(B)/lib/front.a $(B)/lib/proto.a $(B)/lib/base.a
	$(LINK) -o $@ $^ $(LIBS_front)
# static: they run in any image; pid 1 without a C library, as its program is copied at every start
INIT := $(patsubst %.c,$(B)/%.o,$(wildcard runtime/init/*.c))
$(INIT): override HARDEN += -U_FORTIFY_SOURCE -mstack-protector-guard=global -fno-tree-loop-distribute-patterns
$(INIT): Makefile
$(B)/sickbay-init: $(INIT)
	$(CC) $(CFLAGS) -static -nostdlib -s $(STATIC_LDFLAGS) -o $@ $^
$(B)/sickbay-agent: $(B)/agent/inside/main.o $(B)/lib/inside.a $(B)/lib/syntax.a $(B)/lib/proto.a $(B)/lib/base.a $(GRAMMARS)
	$(CC) $(CFLAGS) -static $(STATIC_LDFLAGS) -o $@ $^ -ltree-sitter -ljansson -lm
$(B)/sickbay-symbols: $(B)/runtime/symbols/main.o $(B)/lib/symbols.a $(B)/lib/base.a
	$(CC) $(CFLAGS) -static $(STATIC_LDFLAGS) -o $@ $^ $(LIBS_symbols) -ljansson

# ---- tests: tests/unit/FLOOR/test_X.c links FLOOR and what is below it, nothing else ----
TESTS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/*/test_*.c))
define floor_test
$(B)/tests/unit/$(1)/test_%: $(B)/tests/unit/$(1)/test_%.o $(below_$(1):%=$(B)/lib/%.a) $$(GEN_TEST_$(1))
	$$(LINK) -o $$@ $$^ $$(call libs_of,$(1)) $$(LIBS_TEST_$(1))
endef
$(foreach f,base proto sandbox images policy f4 f5 f6 decode audit broker front intake syntax inside,$(eval $(call floor_test,$(f))))
LIBS_TEST_syntax := -ltree-sitter -lm
LIBS_TEST_inside := -ltree-sitter -lm

check-unit: deps
	@$(MAKE) --no-print-directory B=build/check CPPFLAGS=-DSYS_FAULTS unit-run
unit-run: $(TESTS) $(patsubst %,$(B)/sickbay-%,$(filter decode broker front intake,$(HELPERS)))
	prove --exec '' $(TESTS)

install: all
	@$(MAKE) --no-print-directory install-files
install-files: install-units
	install -D -m 0755 $(B)/sickbay $(DESTDIR)$(BINDIR)/sickbay
	for m in docs/man/*.[1-9]; do install -D -m 0644 $$m $(DESTDIR)$(MANDIR)/man$${m##*.}/$${m##*/} || exit 1; done
	for p in $(HELPERS); do install -D -m 0755 $(B)/sickbay-$$p $(DESTDIR)$(LIBEXECDIR)/sickbay-$$p; done
install-units: # with the program's path after the installation
	install -d -m 0755 $(DESTDIR)$(UNITDIR)
	for u in docs/systemd/*.service; do sed 's|@BINDIR@|$(BINDIR)|' $$u >$(DESTDIR)$(UNITDIR)/$${u##*/} || exit 1; done
deb: all # build/sickbay_VERSION_ARCH.deb
	sh docs/debian/deb.sh $(VERSION) $(B)
clean:
	rm -rf build/*
DEPS ?= check
deps: # what of tests/sh/deps.sh a target needs
	@sh tests/sh/deps.sh $(DEPS)
.PHONY: all check-unit unit-run install install-files install-units deb clean deps
.SECONDARY:
-include $(shell find $(wildcard $(addprefix $(B)/,runtime images policy agent tests)) -type f -name '*.d' 2>/dev/null)
