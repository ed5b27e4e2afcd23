# shellcheck shell=sh
# shellcheck disable=SC2016 # programs of other shells
# Sourced: a service of one function that cannot take null, in $work: repo, service.json, deploy.json, input.json, report.
# Leaves the shell in $work.
: "${work:?a directory}"
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
mkdir -p "$work/repo/test"
cd "$work/repo" || exit 1
echo '{ "name": "shop", "main": "price.js" }' >package.json
echo "Callers that pass null see: Cannot read properties of null (reading 'length')" >README.md # words of the repository may leave
printf '%s\n' "'use strict';" 'exports.price = function price(item) {' '  return item.length;' '};' \
	"exports.first = (items) => items[0]?.name ?? '';" >price.js
printf '%s\n' "'use strict';" "const { test } = require('node:test');" "const assert = require('node:assert');" \
	"const shop = require('../price.js');" '' "test('one', () => {" "  assert.equal(shop.price('a'), 1);" '});' >test/price.test.js
printf '%s\n' "TypeError: Cannot read properties of null (reading 'length')" '    at Object.price (/srv/shop/price.js:3:15)' >../report
echo '{ "call": { "module": "shop", "export": "price", "args": [null] }, "flags": { "customer": "canary-b7731" } }' >../input.json
git -c init.defaultBranch=main init -q .
git add -A
git -c user.name=t -c user.email=t@example.invalid commit -q -m one
printf '{"commit":"%s","release":"1"}\n' "$(git rev-parse HEAD)" >../deploy.json
cd "$work" || exit 1
r='"node", "--require", "/opt/sickbay/reporters/node-test.js", "--test", "--test-reporter",
	"/opt/sickbay/reporters/node-test.js", "--test-reporter-destination", "stdout"'
cat >service.json <<J
{ "version": 1, "name": "shop", "language": "javascript", "mode": "propose",
  "repository": { "url": "repo", "target": "main" }, "image": { "production": "host" },
  "paths": [{ "production": "/srv/shop/", "repository": "" }],
  "tests": [{ "name": "tests", "format": "reporter", "command": [$r, "test/"], "one": [$r, "@test"],
    "new_test": { "dir": "test", "framework": "node:test", "module": "../price.js" } }],
  "proof": { "baseline": 1, "repeat": 2 }, "run": { "cwd": "/srv/shop" } }
J
