#!/bin/sh
# The case basket end to end: its data is in Redis, beside it in the replica.
set -u
cd "$(dirname "$0")/../../.." || exit 1
case=basket format=node report=report.ndjson
. tests/sh/lib.sh
. tests/cases/heal.lib.sh
convert_case
heal_case
done_testing
