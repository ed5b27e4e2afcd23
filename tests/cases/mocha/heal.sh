#!/bin/sh
# A service tested with mocha, end to end.
set -u
cd "$(dirname "$0")/../../.." || exit 1
case=mocha format=node report=report.ndjson
. tests/sh/lib.sh
. tests/cases/heal.lib.sh
convert_case
heal_case
same "$case: the new test is one of mocha's, named after what it does" "it('labels() with a null property', function () {" \
	"$(grep "it(" "$work/clone/$test")"
quiet "$case: what production had beside it stays out" Kettle
check "$case: the default takes the place of nothing but what is missing" \
	grep -qF "item.name === null" "$record/fix.patch"
check "$case: the variants had a control" sh -c '! grep -q "did not fail in the variants" "$1"' sh "$record/pr.md"
done_testing
