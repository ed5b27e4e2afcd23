#!/bin/sh
# The case jinja2 end to end; its suite has failures on the base commit, which are no reason to refuse the fix.
set -u
cd "$(dirname "$0")/../../.." || exit 1
case=jinja2 format=python report=report.txt
. tests/sh/lib.sh
. tests/cases/heal.lib.sh
convert_case
heal_case
same "$case: what failed before is known as that" "$(json "$at/expect.json" 'j["failing_before"]')" \
	"$(json "$record/2-replica.json" 'list(j["baseline"]["base"]["status"].values()).count("fail")')"
quiet "$case: the visitor's number stays out" 1e400
done_testing
