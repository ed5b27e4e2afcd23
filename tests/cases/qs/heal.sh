#!/bin/sh
# The case qs end to end.
set -u
cd "$(dirname "$0")/../../.." || exit 1
case=qs format=node report=report.ndjson
. tests/sh/lib.sh
. tests/cases/heal.lib.sh
convert_case
heal_case
same "$case: the new test is named after what it does" test/stringify-null-array-element.js "$test"
quiet "$case: what the caller sent beside it stays out" "'b'"

# The healed package with the packages that its toolchain layer brought.
for layer in "$state"/images/layers/*; do
	packages=$layer/srv/shop/node_modules/qs/node_modules
	[ ! -d "$packages" ] || cp -r "$packages" "$work/clone/"
done
check "$case: neither the reported call nor an undefined element throws" in_replica 'node -e "
	const qs = require(\"./\"), options = { arrayFormat: \"comma\", encodeValuesOnly: true };
	for (const a of [[null, \"b\"], [undefined, \"b\"]]) { console.log(typeof qs.stringify({ a }, options)); }"'
check "$case: its own tests pass" in_replica 'node node_modules/.bin/tape "test/*.js" | grep -qx "# pass  894"'
done_testing
