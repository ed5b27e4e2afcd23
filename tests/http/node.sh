#!/bin/sh
# Requests are replayed: services of Node.js that answer HTTP, from a report that has the request and no call.  Needs root.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/sh/lib.sh
. tests/sh/lib.sh
top=$PWD
sickbay=${SICKBAY:-$top/build/sickbay}
work=$(mktemp -d "$top/build/http.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/http/http.lib.sh
. tests/http/http.lib.sh

mkdir -p "$repo/lib" "$repo/test"
echo '{ "name": "orders" }' >"$repo/package.json"
cat >"$repo/lib/orders.js" <<'END'
'use strict';

// What an order comes to.
exports.total = function total(order) {
  const coupon = order.coupon;
  return order.items.length * (1 - coupon.rate);
};
END
cat >"$repo/app.js" <<'END'
'use strict';
const orders = require('./lib/orders');

async function read(req) {
  let text = '';
  for await (const part of req) text += part;
  return text ? JSON.parse(text) : {};
}

module.exports = async function app(req, res) {
  const { pathname, searchParams } = new URL(req.url, 'http://localhost');
  const body = await read(req);
  if (req.method === 'POST' && pathname === '/orders') {
    res.setHeader('content-type', 'application/json');
    const total = orders.total(body);
    res.end(JSON.stringify({ total, at: body.items.length > 2 ? 0 : String(process.hrtime.bigint()), as: searchParams.get('as') || 'number' }));
  } else {
    res.writeHead(404).end();
  }
};

module.exports.withNext = function withNext(req, res, next) {
  module.exports(req, res).catch(next);
};
END
cat >"$repo/test/orders.test.js" <<'END'
'use strict';
const { test } = require('node:test');
const assert = require('node:assert');
const orders = require('../lib/orders');

test('an order', () => {
  assert.equal(orders.total({ items: ['a', 'b'], coupon: { rate: 0 } }), 2);
});
END
commit deployed
incident TypeError "Cannot read properties of null (reading 'rate')" lib/orders.js total 6 '{
	"method": "POST", "url": "https://shop.example.com/orders?as=number&lang=de",
	"headers": { "Host": "shop.example.com", "User-Agent": "curl/8.1", "Content-Type": "application/json", "X-Tenant": "acme-4711" },
	"body": { "customer": "Erika Mustermann", "items": ["kettle", "toaster"], "coupon": null } }'

node_service '"client": "node", "application": "app.js"'
check "a service that answers HTTP is ready" "$sickbay" service check "$work/service.json" --state "$state"
check "the request is replayed, and a fix proposed" heal
check "at the coordinate of the report" is exact "$(json "$(record 3-match.json)" j.match)"
check "inputs near it were tried" is true "$(json "$(record 5-proof.json)" 'j.steps.some((s) => s.step === 6 && / failed as production did and no longer do/.test(s.says))')"
check "but none by what the base itself says otherwise each time" is true "$(json "$(record 5-proof.json)" 'j.steps.some((s) => s.step === 6 && s.detail.unsteady > 0 && s.detail.objections === 0)')"
test=$(json "$(record 3-match.json)" j.test_path)
branch=$(git for-each-ref --format '%(refname:short)' refs/heads/sickbay)
git show "$branch:$test" >"$work/test.js"
check "the test sends a request to the application" grep -qF "await request(app, 'POST', '/orders'" "$work/test.js"
check "with what it needs of the body" grep -qF "coupon: null" "$work/test.js"
check "and says so in its name" grep -qF "test('POST /orders with a null property'" "$work/test.js"
for value in Mustermann kettle 4711 shop.example.com; do
	check "and not with production's '$value'" sh -c '! grep -qF -- "$1" "$2"' sh "$value" "$work/test.js"
done
git worktree add -q "$work/tree" "$branch"
check "by hand it passes, too" sh -c 'cd "$1" && node --test "$2" >/dev/null' sh "$work/tree" "$test"
git checkout -q deployed -- . && git show "$branch:$test" >"$repo/$test"
check "and fails without the fix" sh -c 'cd "$1" && ! node --test "$2" >/dev/null' sh "$repo" "$test"

# ---- what a handler hands on, as Express and Connect have it ----
node_service '"client": "node", "application": "app.js:withNext"'
sed -i 's/"mode": "propose"/"mode": "reproduce"/' "$work/service.json"
forget
check "an error that is handed to next() is the handler's" heal_ends reproduced

# ---- a name that comes again, and what no test can send ----
cat >>"$repo/app.js" <<'END'

module.exports.search = function search(req, res) {
  const tags = new URL(req.url, 'http://localhost').searchParams.getAll('tag');
  const second = { 2: { label: null } }[tags.length] || { label: '' };
  res.end(second.label.trim());
};
END
rm -f "$repo/$test"
commit search
git tag -f deployed >/dev/null
line=$(grep -n 'label.trim' "$repo/app.js") line=${line%%:*}
incident TypeError "Cannot read properties of null (reading 'trim')" app.js search "$line" '{ "method": "GET", "url": "/'"$(printf '%0239d' 0)"'?tag=a&tag=b" }'
node_service '"client": "node", "application": "app.js:search"'
sed -i 's/"mode": "propose"/"mode": "reproduce"/' "$work/service.json"
forget
check "a name that comes again in a query is sent again" heal_ends reproduced
incident TypeError "Cannot read properties of null (reading 'trim')" app.js search "$line" '{ "method": "CONNECT", "url": "/search" }'
forget
check "a request that cannot be sent ends the case" heal_ends not-reproduced
check "which says why" prints "the report's request cannot be replayed: /input/http/method: 'CONNECT' is not replayed" "$sickbay" case show "$(newest)" --state "$state"

# ---- what is refused ----
node_service '"client": "node"'
refuses "a client without an application" 1 "service.json:7:87: flask wants MODULE:NAME, node MODULE" "$sickbay" service check "$work/service.json" --state "$state"
node_service ''
forget
check "without a client there is no test" heal_ends not-reproduced
check "and the case says what is missing" prints "/tests/0/new_test/http of the service file has to say" "$sickbay" case show "$(newest)" --state "$state"
sed -i 's/"mode": "propose"/"mode": "observe"/' "$work/service.json"
forget
check "where nothing is tried" heal_ends observed
check "the report says so, too" grep -q "how a test sends the request that the report has: new_test.http" "$(record report.md)"
done_testing
