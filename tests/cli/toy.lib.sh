# shellcheck shell=sh
# shellcheck disable=SC2034 # used by the tests
# Sourced by tests, beside tests/sh/lib.sh: a service of one function that fails, its report, and what looks at its cases,
# in a directory of its own that is removed at the end.
top=$PWD
sickbay=${SICKBAY:-$top/build/sickbay}
case $sickbay in /*) ;; *) sickbay=$PWD/$sickbay ;; esac
work=$(mktemp -d "$top/build/toy.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
repo=$work/repo state=$work/state

git() { command git -C "$repo" -c user.name=t -c user.email=t@example.invalid "$@"; }
commit() { # commit NAME: what lies there; NAME is a tag of it
	git add -A
	git commit -q -m "$1"
	git tag "$1"
}
prints() { text=$1; shift; "$@" 2>&1 | grep -qF -e "$text"; } # TEXT COMMAND ...
json() { node -e 'const j = JSON.parse(require("fs").readFileSync(process.argv[1])); console.log(String(eval(process.argv[2])))' "$@"; }
is() { [ "$2" = "$1" ] || { echo "# $2"; return 1; }; } # WANT GOT
at() { git rev-parse "$1"; }

# ---- a service of one function ----
mkdir -p "$repo/test"
command git -c init.defaultBranch=main init -q "$repo"
echo '{ "name": "shop", "main": "price.js" }' >"$repo/package.json"
cat >"$repo/price.js" <<'END'
'use strict';

// The price of what is in the basket.
exports.price = function price(items) {
  return items.map(size);
};

function size(item) {
  return item.name.length;
}

exports.count = function count(items) {
  return items.length;
};
END
cat >"$repo/test/price.test.js" <<'END'
'use strict';
const { test } = require('node:test');
const assert = require('node:assert');
const shop = require('../price.js');

test('one', () => {
  assert.deepEqual(shop.price([{ name: 'a' }]), [1]);
  assert.deepEqual(shop.price([]), []);
  assert.deepEqual(shop.price([{ name: '' }]), [0]);
});
END
commit deployed
node -e 'require("'"$repo"'/price.js").price([{ name: "pear" }, { name: null }])' 2>"$work/report"
sed -i "s|$repo/|/srv/shop/|g" "$work/report"
echo '{ "call": { "module": "shop", "export": "price", "args": [[{ "name": "pear" }, { "name": null }]] } }' >"$work/input.json"
printf '{"commit":"%s","release":"1"}\n' "$(at deployed)" >"$work/deploy.json"
r='"node", "--require", "/opt/sickbay/reporters/node-test.js", "--test", "--test-reporter",
	"/opt/sickbay/reporters/node-test.js", "--test-reporter-destination", "stdout"'
service() { # service FILE SED POLICY: its patch agent is that change of price.js
	cat >"$work/$1" <<-J
		{ "version": 1, "name": "shop", "language": "javascript", "mode": "propose",
		  "repository": { "url": "repo", "target": "main" }, "image": { "production": "host" },
		  "paths": [{ "production": "/srv/shop/", "repository": "" }],
		  "tests": [{ "name": "tests", "format": "reporter", "command": [$r, "test/"], "one": [$r, "@test"],
		    "new_test": { "dir": "test", "framework": "node:test", "module": "../price.js" } }],
		  "agents": { "patch": { "kind": "command", "command": ["/bin/sed", "-i", "$2", "price.js"] } },
		  "proof": { "baseline": 1, "repeat": 2 }, "run": { "cwd": "/srv/shop" },
		  "policy": { "reproduce": "preset:reproduce", "patch": "$3", "verify": "preset:verify" } }
	J
}
heal() {
	"$sickbay" heal --from node --service "$work/service.json" --state "$state" --deploy "$work/deploy.json" \
		--input "$work/input.json" <"$work/report"
}
newest() { for one in "$state"/cases/*; do echo "${one##*/}"; done | sort -V | tail -n 1; } # all are of one incident
record() { echo "$state/cases/$(newest)/$1"; }

