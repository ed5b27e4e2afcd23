#!/bin/sh
# shellcheck disable=SC2016,SC2317 # programs of other shells; commands that refuses() runs
# What fails only with a value of production is for a person, whoever wrote the test; what was said can be erased, and a
# case that needs it then says so.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
. tests/sh/lib.sh
. tests/privacy/lib.sh

mkdir -p "$work/shop/repo/test"
cd "$work/shop/repo" || exit 1
echo '{ "name": "shop", "main": "price.js" }' >package.json
cat >price.js <<'J'
'use strict';
const { createHash } = require('crypto');
exports.price = function price(item, code) {
  const sum = createHash('sha256').update(String(code)).digest('hex');
  if (!sum.startsWith('DIGEST')) return 0;
  return item.length;
};
J
sum=$(printf zqcodecanary | sha256sum | cut -c1-12)
sed -i "s/DIGEST/$sum/" price.js
cat >test/price.test.js <<'J'
'use strict';
const { test } = require('node:test');
const assert = require('node:assert');
const shop = require('../price.js');

test('one', () => {
  assert.equal(shop.price('a', 'b'), 0);
});
J
commit shop
echo zqcodecanary >"$work/canaries"
cat >"$work/shop/incident.json" <<J
{ "schema": "sickbay.incident/1", "id": "shop-1", "service": "shop", "kind": "exception", "deploy": { "commit": "$base" },
  "runtime": { "language": "javascript" },
  "chain": [{ "type": "TypeError", "message": "Cannot read properties of null (reading 'length')",
    "frames": [{ "file": "/srv/shop/price.js", "function": "exports.price", "line": 6 }] }],
  "coordinate": { "type": "TypeError", "file": "price.js", "function": "exports.price", "line": 6 },
  "input": { "call": { "module": "shop", "export": "price", "args": [null, "zqcodecanary"] } } }
J
service shop javascript "$node_tests"
sed -i 's/"mode": "propose"/"mode": "reproduce"/' "$work/shop/service.json"
ready shop
heal() { "$sickbay" heal "$work/shop/incident.json" --service "$work/shop/service.json" --state "$work/shop/state" 2>&1; }

out=$(heal)
echo "$out" >"$work/shop/out.txt"
says "the built-in agent gives it to a person" "needs-person: the failure needs the production value at " "$out"
quiet shop

# ---- an agent of any kind: it has the value from its task, and writes it down ----
agent() { # agent EXPRESSION: a command that writes a test with what the expression makes of the value `v`
	AGENT="node -e '
		const fs = require(\"fs\");
		const v = JSON.parse(fs.readFileSync(\"/opt/sickbay/task.json\")).incident.input.call.args[1];
		fs.writeFileSync(\"test/new.test.js\", \"const shop = require(\\\"../price.js\\\");\\n// \\n\" +
			\"require(\\\"node:test\\\").test(\\\"n\\\", () => shop.price(null, \" + ($1) + \"));\\n\");'" node -e '
		const fs = require("fs"), s = JSON.parse(fs.readFileSync(process.argv[1]));
		s.agents = { reproduce: { kind: "command", command: ["/bin/sh", "-c", process.env.AGENT] } };
		fs.writeFileSync(process.argv[1], JSON.stringify(s));' "$work/shop/service.json"
}
refused() { # refused FORM EXPRESSION
	agent "$2"
	out=$(heal)
	echo "$out" >>"$work/shop/out.txt"
	says "an agent that writes the value $1 is refused, by rule and place" \
		"needs-person: production-data: 'test/new.test.js', line 3: a value of the report stands here ($1)" "$out"
}
refused "as it is" 'JSON.stringify(v)'
refused base64 '"atob(\"" + btoa(v) + "\")"'
refused hexadecimal '"Buffer.from(\"" + Buffer.from(v).toString("hex") + "\", \"hex\").toString()"'
refused "in joined literals" '"\"" + v.slice(0, 5) + "\" + \"" + v.slice(5) + "\""'
quiet shop

# ---- erasing ----
node -e 'const fs = require("fs"), s = JSON.parse(fs.readFileSync(process.argv[1]));
	delete s.agents; fs.writeFileSync(process.argv[1], JSON.stringify(s));' "$work/shop/service.json"
raw() { verb=$1; shift; "$sickbay" raw "$verb" --state "$work/shop/state" "$@"; }
mkdir "$work/shop/state/cases/shop-1-9" # one that stands after its first record
sed 's/"case": "shop-1-[0-9]*"/"case": "shop-1-9"/' "$work"/shop/state/cases/shop-1-1/1-incident.json \
	>"$work/shop/state/cases/shop-1-9/1-incident.json"
digest=$(of "$work/shop/state/cases/shop-1-9/1-incident.json" j.measured.values.digest)
check "what was said can be listed" sh -c '"$1" raw list --state "$2" | grep -q "^$3  values .* shop-1-1$"' sh "$sickbay" "$work/shop/state" "$digest"
check "it is for root and its group alone" [ "$(stat -c %a "$work/shop/state/raw/${digest#sha256:}" "$work/shop/state/raw" | tr '\n' ' ')" = "640 750 " ]
refuses "erasing wants a reason" 2 "raw erase wants --reason TEXT" raw erase "$digest"
check "it can be erased" raw erase "$digest" --reason "asked for by whom it is about"
refuses "once" 1 "was erased at" raw erase "$digest" --reason again
check "a tombstone stays" sh -c '"$1" raw list --state "$2" | grep -q "^$3 .* erased .*: asked for by whom it is about$"' sh "$sickbay" "$work/shop/state" "$digest"
refuses "it is not shown any more" 1 "was erased at" raw show "$digest"
check "the bytes are gone" [ ! -e "$work/shop/state/raw/${digest#sha256:}" ]
check "the log says so" sh -c '"$1" audit show --json --state "$2" | grep "\"type\":\"raw.erase\"" | grep -qF "$3"' sh "$sickbay" "$work/shop/state" "$digest"
check "the log still verifies" "$sickbay" audit verify --state "$work/shop/state"
refuses "a case that needs it is for a person" 3 "needs-person: raw '$digest' was erased at" \
	"$sickbay" case resume shop-1-9 --service "$work/shop/service.json" --state "$work/shop/state"
echo '{ "version": 1, "retention": { "raw": "1s" } }' >"$work/config.json"
sleep 1
check "what is old is erased by the host's configuration" raw expire --config "$work/config.json"
check "all of it" sh -c '! "$1" raw list --state "$2" | grep -qv erased' sh "$sickbay" "$work/shop/state"
check "and the log verifies" "$sickbay" audit verify --state "$work/shop/state"
done_testing
