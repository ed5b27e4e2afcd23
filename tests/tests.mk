# Tests beyond the unit tests, lint, sanitizers and fuzzing; included by the Makefile.

# these unit tests start the program that they talk to
$(B)/tests/unit/proto/test_audit: | $(B)/sickbay-audit
