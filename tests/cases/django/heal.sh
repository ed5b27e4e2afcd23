#!/bin/sh
# The case django end to end: its data is in PostgreSQL, beside it in the replica.
set -u
cd "$(dirname "$0")/../../.." || exit 1
case=django format=python report=report.txt
. tests/sh/lib.sh
. tests/cases/heal.lib.sh
packages recipe.json postgres.json
convert_case
heal_case
same "$case: the data was frozen once" 1 "$("$sickbay" audit show --json --state "$state" | grep -c '"type":"member.publish"')"
same "$case: inputs that were not seen fail before and do not after" True "$(json "$record/5-proof.json" \
	'any("20 failed as production did and no longer do" in s["says"] for s in j["steps"] if s["step"] == 6)')"
done_testing
