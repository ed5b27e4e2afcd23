#!/bin/sh
# The case basket end to end: its data is in Redis, beside it in the replica.
set -u
cd "$(dirname "$0")/../../.." || exit 1
case=basket format=node report=report.ndjson
. tests/sh/lib.sh
. tests/cases/heal.lib.sh
packages redis.json
convert_case
heal_case
same "$case: the data was frozen once" 1 "$("$sickbay" audit show --json --state "$state" | grep -c '"type":"member.publish"')"
same "$case: what it is made of is in the record" 'redis host' \
	"$(json "$record/2-replica.json" '" ".join(b["name"] + " " + b["image"] for b in j["backing"] if b["base"].startswith("sha256-"))')"
done_testing
