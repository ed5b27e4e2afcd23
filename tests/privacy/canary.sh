#!/bin/sh
# shellcheck disable=SC2016 # programs of other shells
# A canary in every field of a report comes out nowhere: not in the test, the titles, the branch, the commit, the pull
# request, the records of the case or the log, in no form.  JavaScript from a raw report, Python from an incident.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
. tests/sh/lib.sh
. tests/privacy/lib.sh

# ---- JavaScript: a raw report, with what the operator has beside it ----
mkdir -p "$work/js/repo/test"
cd "$work/js/repo" || exit 1
echo '{ "name": "shop", "main": "price.js" }' >package.json
cat >price.js <<'J'
'use strict';
exports.price = function price(item, currency, least, options) {
  let more = 0;
  for (const key in options) more++;
  if (!currency || !(least > 999) || more === 0) return 0;
  return item.length;
};
J
cat >test/price.test.js <<'J'
'use strict';
const { test } = require('node:test');
const assert = require('node:assert');
const shop = require('../price.js');

test('one', () => {
  assert.equal(shop.price('a', 'b', 1000, { c: 1 }), 1);
  assert.equal(shop.price('a', 'b', 1, {}), 0);
});
J
commit js
cat >"$work/canaries" <<'C'
zqenvcanary
zqreleasecanary
zqmessagecanary
zqcausecanary
zqusercanary
zqkeycanary
zqargcanary
73194628
zqpathcanary
zqcrumbcanary
zqheadercanary
zqqrycanary
zqbodycanary
zqmetriccanary
zqlabelcanary
zqknowncanary
zqimagecanary
C
node -e '
const frames = "    at exports.price (/srv/shop/price.js:6:15)\n" +
	"    at handle (/home/zqpathcanary/app/server.js:12:3)";
const message = "Cannot read properties of null (reading \"length\") for zqmessagecanary@example.org";
console.log(JSON.stringify({ time: "2026-11-22T08:44:22.771Z", level: "error", service: "shop",
	release: "shop@zqreleasecanary", environment: "zqenvcanary", user: { name: "zqusercanary" },
	headers: { cookie: "zqheadercanary" }, query: "q=zqqrycanary", body: "zqbodycanary", breadcrumbs: ["zqcrumbcanary"],
	err: { type: "TypeError", message, stack: "TypeError: " + message + "\n" + frames },
	call: { module: "shop", export: "price", args: [null, "zqargcanary", 73194628, { zqkeycanary: "zqargcanary" }] } }));
' >../report
echo '[{ "name": "zqmetriccanary", "labels": { "customer": "zqlabelcanary" }, "during": 73194628 }]' >../metrics.json
printf '{"commit":"%s","release":"zqreleasecanary","known":"zqknowncanary","image":"zqimagecanary:1"}\n' "$base" >../deploy.json
service js javascript "$node_tests"
ready js
check "js: healed" sh -c '"$1" heal --from node --service "$2/service.json" --state "$2/state" --deploy "$2/deploy.json" \
	--metrics "$2/metrics.json" <"$2/report" >"$2/out.txt" 2>&1 || { cat "$2/out.txt"; exit 1; }' sh "$sickbay" "$work/js"
for record in "$work"/js/state/cases/*; do :; done
says "js: the failure is the reported one" exact "$(of "$record/3-match.json" j.match)"
says "js: the pull request is there" proposed "$(of "$record/7-outcome.json" j.outcome)"
quiet js
says "js: the values lie apart, by digest and size" "sha256:" "$(of "$record/1-incident.json" 'j.measured.values.digest + j.measured.values.bytes')"
check "js: there they are" sh -c '"$1" raw show "$3" --state "$2" | grep -q zqargcanary' sh "$sickbay" "$work/js/state" \
	"$(of "$record/1-incident.json" j.measured.values.digest)"
check "js: and the report as it came" sh -c '"$1" raw show "$3" --state "$2" | cmp - "$4"' sh "$sickbay" "$work/js/state" \
	"$(of "$record/1-incident.json" j.measured.raw.digest)" "$work/js/report"
says "js: the record says what kind of values they were" '{"type":"string","length":11}' \
	"$(of "$record/1-incident.json" 'JSON.stringify(j.incident.input.call.args[1])')"

# ---- Python: an incident with all that it can hold ----
mkdir -p "$work/py/repo/tests"
cd "$work/py/repo" || exit 1
cat >cart.py <<'P'
def total(item, label, least, options):
    if not label or not least or not options:
        return 0
    return item["price"]
P
cat >tests/test_cart.py <<'P'
import unittest

import cart


class TestCart(unittest.TestCase):
    def test_total(self):
        self.assertEqual(cart.total({"price": 2}, "b", 1000, {"c": 1}), 2)
        self.assertEqual(cart.total("", "", 1, {}), 0)
        self.assertEqual(cart.total("", "Somebody", 0, {}), 0)
P
: >tests/__init__.py
commit py
cat >"$work/py/incident.json" <<J
{ "schema": "sickbay.incident/1", "id": "shop-1", "service": "shop", "kind": "exception", "environment": "zqenvcanary",
  "deploy": { "commit": "$base", "release": "zqreleasecanary", "known": "zqknowncanary", "image": "zqimagecanary:1" },
  "runtime": { "language": "python", "host": "zqlabelcanary" },
  "chain": [
    { "type": "KeyError", "message": "'price' zqmessagecanary", "frames": [
      { "file": "/srv/shop/cart.py", "function": "total", "line": 4, "vars": { "zqkeycanary": "zqargcanary", "n": 73194628 } },
      { "file": "/home/zqpathcanary/app.py", "function": "main", "line": 3 }] },
    { "type": "RuntimeError", "message": "zqcausecanary", "frames": [] }],
  "coordinate": { "type": "KeyError", "file": "cart.py", "function": "total", "line": 4 },
  "input": { "call": { "module": "cart", "export": "total",
    "args": [{}, "Somebody", 73194628, { "zqkeycanary": 73194628 }] },
    "state": { "user": "zqusercanary" }, "flags": { "cookie": "zqheadercanary", "query": "zqqrycanary" } },
  "breadcrumbs": [{ "message": "zqcrumbcanary" }, { "body": "zqbodycanary" }],
  "metrics": [{ "name": "zqmetriccanary" }], "signal": { "name": "zqlabelcanary" },
  "threads": [{ "what": "zqcrumbcanary", "frames": [{ "file": "/home/zqpathcanary/other.py", "line": 1 }] }],
  "source": { "format": "zqlabelcanary" }, "personal": ["/call/args/1"] }
J
r='"/usr/bin/python3", "-m", "sickbay_unittest"'
service py python "\"command\": [$r, \"discover\", \"-t\", \".\", \"-s\", \"tests\"], \"one\": [$r, \"@test\"],
	\"new_test\": { \"dir\": \"tests\", \"framework\": \"unittest\", \"module\": \"cart\" }"
sed -i 's/"mode": "propose"/"mode": "reproduce"/' "$work/py/service.json"
ready py
"$sickbay" heal "$work/py/incident.json" --service "$work/py/service.json" --state "$work/py/state" >"$work/py/out.txt" 2>&1
for record in "$work"/py/state/cases/*; do :; done
says "py: the failure is the reported one" exact "$(of "$record/3-match.json" j.match)"
says "py: the test is there" reproduced "$(of "$record/7-outcome.json" j.outcome)"
quiet py
check "py: what is personal stays out of the test where the repository has the word too" \
	sh -c '! grep -q Somebody "$1"/3-match.json' sh "$record"
says "py: of what is personal the record says only the type" '{"type":"string"}' \
	"$(of "$record/1-incident.json" 'JSON.stringify(j.incident.input.call.args[1])')"
done_testing
