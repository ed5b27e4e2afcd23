# Grammars for tree-sitter: fetched from npm at these versions, refused unless the hash is the one
# written here, compiled as they are.  ABI 14: what Debian 12's libtree-sitter 0.20.7 can load.
# The cache is one per checkout, whatever B is: grammars do not depend on our flags.
GRAMMAR_CACHE := $(CURDIR)/build/cache/grammars

# name version sources sha512
define grammar
GRAMMAR_PINS += $(1) $(2) $(4)
GRAMMARS += $(foreach s,$(3),$(GRAMMAR_CACHE)/$(1)-$(2)/$(s).o)
$(GRAMMAR_CACHE)/$(1)-$(2).tgz:
	@mkdir -p $$(@D)
	@t=$$$$(mktemp -d $$(@D)/fetch.XXXXXX) && trap 'rm -rf "$$$$t"' EXIT && cd "$$$$t" && \
	npm pack --loglevel=error --ignore-scripts $(1)@$(2) >/dev/null && \
	if ! echo "$(4)  $(1)-$(2).tgz" | sha512sum --check --status; then \
		echo "$(1)-$(2).tgz is not the file that agent/syntax/grammars.mk pins: refused" >&2; exit 1; \
	fi && mv $(1)-$(2).tgz $$@
$(GRAMMAR_CACHE)/$(1)-$(2)/src/parser.c: $(GRAMMAR_CACHE)/$(1)-$(2).tgz
	@mkdir -p $(GRAMMAR_CACHE)/$(1)-$(2)
	@tar -xzf $$< -C $(GRAMMAR_CACHE)/$(1)-$(2) --strip-components=1 -m package/src package/LICENSE
$(GRAMMAR_CACHE)/$(1)-$(2)/%.o: $(GRAMMAR_CACHE)/$(1)-$(2)/src/parser.c
	@echo "grammar $(1) $$*"; gcc -O2 -w -fPIC -I$(GRAMMAR_CACHE)/$(1)-$(2)/src -c -o $$@.$$$$$$$$ $(GRAMMAR_CACHE)/$(1)-$(2)/src/$$*.c && mv $$@.$$$$$$$$ $$@
endef
$(eval $(call grammar,tree-sitter-c,0.23.6,parser,d1dc572b39d5c94034b3a3e336894936cdb217cecee5a2f9dfc03f791ea78c0e68a97dc2def1f8be7c7741d38ac2e51da4a11c15d1ee883a5128b2c203fb63bd))
$(eval $(call grammar,tree-sitter-python,0.23.6,parser scanner,c8833dcf4a31288c53edb02d3ce860a1597a8135e59a5221b9eee58854f8a013c5fe585aec76b8750052f3602fea130c459a159c5248f0cea62fe4b05a82c3dc))
$(eval $(call grammar,tree-sitter-javascript,0.23.1,parser scanner,fdb9e16eb4c3f5fad46074138989cf731c87391230d79ec44416ba76acda2b1bd1ff1dcf0b863377e0f5a5920c4baccd836bf76bc059d282bb8c7aac428f5f58))
# cases record what they were read with
$(B)/agent/host/pipeline/host_facts.o: override CPPFLAGS += -DSICKBAY_GRAMMARS='"$(strip $(GRAMMAR_PINS))"'
# what unit tests of these floors link besides archives
GEN_TEST_syntax := $(GRAMMARS)
GEN_TEST_inside := $(GRAMMARS)

# Harness texts that --inspect variants completes and hands out: bytes of the agent program.
HARNESS := node.js python.py program.c.in main.c.in request.js
GEN_inside := $(B)/agent/inside/harness.o
$(GEN_inside): $(HARNESS:%=agent/inside/harness/%)
	@mkdir -p $(@D)
	cd agent/inside/harness && ld -r -z noexecstack -b binary -o $(abspath $@) $(HARNESS)
