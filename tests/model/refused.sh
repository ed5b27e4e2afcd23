#!/bin/sh
# The built-in agent's patch passes every test, and the proof refuses it: an input that no agent saw still fails as
# production did.  Then, and only then, the model is asked; its patch holds, and the pull request says who tried what.
# Needs root.
# shellcheck disable=SC2016,SC2317 # programs of other shells; called by their names
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/sh/lib.sh
. tests/model/lib.sh
cd "$work/repo" || exit 1
printf '%s\n' "'use strict';" 'exports.price = function price(item) {' '  const name = item.name.length;' '  const unit = item.unit === undefined ? 0 : item.unit.length;' \
	'  return name + unit;' '};' >price.js
printf '%s\n' "'use strict';" "const { test } = require('node:test');" "const assert = require('node:assert');" \
	"const shop = require('../price.js');" '' "test('one', () => {" "  assert.equal(shop.price({ name: 'a', unit: 'kg' }), 3);" '});' >test/price.test.js
git -c user.name=t -c user.email=t@example.invalid commit -qam two
printf '{"commit":"%s","release":"2"}\n' "$(git rev-parse HEAD)" >../deploy.json
cd "$work" || exit 1
echo '{ "call": { "module": "shop", "export": "price", "args": [{ "name": null, "unit": "kg" }] } }' >input.json
printf '%s\n' "TypeError: Cannot read properties of null (reading 'length')" '    at Object.price (/srv/shop/price.js:3:26)' >report
agents built-in model
sed -i 's/"strategy":"model-only"/"strategy":"offline-first"/' service-model.json
policy 0.90
serve refused
host "$url"
prepared
check "a case ends in a pull request" ends 0 proposed "awaits a person"
played refused "the model heard what the scenario waits for"
same "it was asked in four turns" 4 "$(answered refused)"
proof() { of "$(record 5-proof.json)" "$1"; }
same "the built-in agent's patch was there first, and was refused" "1 refused" "$(proof 'j.candidate + " " + j.others[0].verdict')"
check "for the variants alone, which no agent saw" sh -c 'case $1 in "proof step 6 "*"/unit: null still fails as production did"*) ;; *) echo "$1"; exit 1 ;; esac' \
	- "$(proof 'j.others[0].says')"
same "all its own tests had passed" true "$(of "$(record attempts/patch-agent-built-in.json)" 'j.end === "submitted" && j.agent.candidates.some((c) => c.plausible)')"
same "the model's was accepted" accepted "$(proof j.verdict)"
same "what is proposed is the model's" scripted/scripted-1 "$("$sickbay" case show "$(of "$work/out" j.case)" --state "$state" | sed -n 's/^patch by *//p' | tail -n 1)"
text() { grep -qF -e "$1" "$(record pr.md)" || { cat "$(record pr.md)"; return 1; }; }
check "the pull request says so" text 'change by the model `scripted/scripted-1`.'
check "and what became of the other, and why" text '- a change by the built-in agent, without a model: proof step 6 (held-out variants of the input behave) refused the patch'
check "what is exported holds" "$sickbay" case export "$(of "$work/out" j.case)" --state "$state" -o "$work/case.tar"
check "and is verified" "$sickbay" case verify "$work/case.tar"
done_testing
