# Tests beyond the unit tests, lint, sanitizers and fuzzing; included by the Makefile.

# these unit tests start the program that they talk to
$(B)/tests/unit/proto/test_audit: | $(B)/sickbay-audit

# what the command-line tests need beside the programs
CLI_HELPERS := $(B)/test-audit-log
$(B)/test-audit-log: $(B)/tests/cli/audit-log.o $(B)/lib/proto.a $(B)/lib/base.a | $(B)/sickbay-audit
	$(LINK) -o $@ $(filter %.o %.a,$^) $(LIBS_proto)
