#!/bin/sh
# A service whose file is repaired again and again: what the ledger says of it, when a person must look, and when it stops.
# shellcheck disable=SC2016 # programs of other shells
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/sh/lib.sh
. tests/sh/lib.sh
# shellcheck source=tests/control/toy.lib.sh
. tests/control/toy.lib.sh
trap 'rm -rf "$work"' EXIT

# Four functions of one file with one fault each.
mkdir -p "$work/repo/test"
cd "$work/repo" || exit 1
echo '{ "name": "shop", "main": "price.js" }' >package.json
{
	echo "'use strict';"
	for f in price tax colour weight; do
		printf 'exports.%s = function %s(item) {\n  return item.%s;\n};\n' $f $f $f
	done
} >price.js
printf '%s\n' "'use strict';" "const { test } = require('node:test');" "const assert = require('node:assert');" \
	"const shop = require('../price.js');" '' "test('one', () => {" "  assert.equal(shop.price({ price: 3 }), 3);" '});' >test/price.test.js
for f in price tax colour weight; do
	node -e "require('./price.js').$f(null)" 2>&1 | sed "s|$work/repo/|/srv/shop/|g" >"$work/$f.report"
	echo "{ \"call\": { \"module\": \"shop\", \"export\": \"$f\", \"args\": [null] } }" >"$work/$f.json"
done
git -c init.defaultBranch=main init -q && commit_all
printf '{"commit":"%s","release":"1"}\n' "$(git rev-parse HEAD)" >"$work/deploy.json"
r='"node", "--require", "/opt/sickbay/reporters/node-test.js", "--test", "--test-reporter",
	"/opt/sickbay/reporters/node-test.js", "--test-reporter-destination", "stdout"'
cat >"$work/service.json" <<END
{ "version": 1, "name": "shop", "language": "javascript", "mode": "propose",
  "repository": { "url": "repo", "target": "main" }, "image": { "production": "host" },
  "paths": [{ "production": "/srv/shop/", "repository": "" }],
  "tests": [{ "name": "tests", "format": "reporter", "command": [$r, "test/"], "one": [$r, "@test"],
              "new_test": { "dir": "test", "framework": "node:test", "module": "../price.js" } }],
  "proof": { "baseline": 1, "repeat": 2, "variants": 20 }, "run": { "cwd": "/srv/shop" },
  "limits": { "open": 100, "open_file": 100 }, "drift": { "per_file": 2 }, "audit": { "share": 1 } }
END
"$sickbay" service check "$work/service.json" --state "$state" >/dev/null
repair() { # repair FUNCTION
	"$sickbay" heal --from node --service "$work/service.json" --state "$state" --deploy "$work/deploy.json" \
		--input "$work/$1.json" <"$work/$1.report" >"$work/$1.out" 2>&1
}
id_of() { sed -n 's/^\(shop-[0-9a-z-]*\): .*/\1/p' "$work/$1.out" | head -n 1; }

check "the first repair is proposed" repair price
first=$(id_of price)
check "it is in the ledger of changes by agents" grep -q "\"case\":\"$first\".*\"path\":\"price.js\"" "$state/drift.ndjson"
check "and in the log" logged '"type":"drift.add"'
check "being the first under its policy, it is to be looked at in depth" \
	grep -q "the first proposal under its policy" "$state/cases/$first/6-pullreq.json"

repair tax
check "the next one is not proposed before that" grep -q needs-person "$work/tax.out"
check "it says which one waits, and for what" grep -q "1 proposal of shop waits until a person looked at it in depth, first $first: 'sickbay case audit ID" "$work/tax.out"
check "a person looks" kase audit "$first" --by-note "ran the test by hand, read the callers"

check "then the next one is proposed" repair colour
second=$(id_of colour)
check "its risk says that agents were there before" grep -q "second .* in price.js in 60 days" "$state/cases/$second/5-proof.json"
check "so does the pull request" grep -q "in price.js in 60 days" "$state/cases/$second/pr.md"
check "nothing of it is left to be looked at" sh -c '! grep -q "the first proposal" "$1"' sh "$state/cases/$second/6-pullreq.json"

repair weight
check "past the budget of the file a person is needed" grep -q "needs-person: agents changed 'price.js' 2 times in 60 days, the budget of its service (drift.per_file)" "$work/weight.out"
kase decide "$second" closed-wrong >/dev/null
check "no lease is left" [ -z "$(find "$state/spool/claimed" -name '*.json' 2>/dev/null)" ]

done_testing
