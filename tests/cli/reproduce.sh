#!/bin/sh
# shellcheck disable=SC2016 # programs of other shells
# Small repositories, one for each framework that the cases do not use: a failure that really happened is reproduced by a
# test of the project's own kind, at its coordinate.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/sh/lib.sh
top=$PWD
sickbay=${SICKBAY:-$top/build/sickbay}
work=$(mktemp -d "$top/build/reproduce.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 PYTHONDONTWRITEBYTECODE=1

commit() { # commit NAME: the files of $work/NAME/repo as a repository; its deployment
	git -c init.defaultBranch=main init -q "$work/$1/repo"
	git -C "$work/$1/repo" add -A
	git -C "$work/$1/repo" -c user.name=t -c user.email=t@example.invalid commit -q -m one
	printf '{"commit":"%s","release":"1"}\n' "$(git -C "$work/$1/repo" rev-parse HEAD)" >"$work/$1/deploy.json"
}

service() { # service NAME LANGUAGE TESTS [MORE]: a service file that only reproduces
	cat >"$work/$1/service.json" <<-J
		{ "version": 1, "name": "$1", "language": "$2", "mode": "reproduce",
		  "repository": { "url": "repo", "target": "main" }, "image": { "production": "host" },
		  "paths": [{ "production": "/srv/shop/", "repository": "" }],
		  "tests": [{ "name": "tests", "format": "reporter", $3 }], "proof": { "baseline": 1, "repeat": 2 },
		  ${4-} "run": { "cwd": "/srv/shop", "env": { "PYTHONPATH": "/opt/sickbay/reporters",
		    "PYTHONDONTWRITEBYTECODE": "1", "ASAN_OPTIONS": "detect_leaks=0" } } }
	J
}

reproduced() { # reproduced NAME FORMAT PATH TEXT: the test at PATH says TEXT and fails at the coordinate
	set -- "$@" "$work/$1"
	sed -i "s|$5/repo/|/srv/shop/|g" "$5/report"
	check "$1: its service is ready" "$sickbay" service check "$5/service.json" --state "$5/state"
	check "$1: the failure is reproduced" "$sickbay" heal --from "$2" --service "$5/service.json" --state "$5/state" \
		--deploy "$5/deploy.json" --input "$5/input.json" <"$5/report"
	check "$1: at the coordinate, by $3" node -e '
		const r = JSON.parse(require("fs").readFileSync(process.argv[1]));
		const show = JSON.stringify({ ...r, changes: (r.changes || []).map((c) => [c.path, c.new]) }, null, 1);
		if (r.match !== "exact" || r.test_path !== process.argv[2] || !show.includes(JSON.stringify(process.argv[3]).slice(1, -1))) {
			console.log(show); process.exit(1);
		}' "$5"/state/cases/*/3-match.json "$3" "$4"
	check "$1: what a person needs is printed and kept" grep -qF "It fails there in 2 fresh replicas" "$5"/state/cases/*/report.md
	check "$1: the test is a patch" sh -c 'git -C "$1/repo" apply --check "$1"/state/cases/*/test.patch' - "$5"
}

mkdir -p "$work/node/repo/test" "$work/python/repo/tests" "$work/shell/repo/tests"

# ---- node:test ----
cd "$work/node/repo" || exit 1
echo '{ "name": "shop", "main": "price.js" }' >package.json
printf '%s\n' "'use strict';" 'exports.price = function price(items) {' '  return items.map((item) => item.name.length);' '};' >price.js
printf '%s\n' "'use strict';" "const { test } = require('node:test');" "const assert = require('node:assert');" \
	"const shop = require('../price.js');" '' "test('one', () => {" "  assert.deepEqual(shop.price([{ name: 'a' }]), [1]);" \
	"  assert.deepEqual(shop.price([]), []);" "  assert.deepEqual(shop.price([{ name: '' }]), [0]);" '});' >test/price.test.js
node -e 'require("./price.js").price([{ name: "pear" }, { name: null }])' 2>../report
echo '{ "call": { "module": "shop", "export": "price", "args": [[{ "name": "pear" }, { "name": null }]] } }' >../input.json
commit node
r='"node", "--require", "/opt/sickbay/reporters/node-test.js", "--test", "--test-reporter",
	"/opt/sickbay/reporters/node-test.js", "--test-reporter-destination", "stdout"'
service node javascript "\"command\": [$r, \"test/\"], \"one\": [$r, \"@test\"],
	\"new_test\": { \"dir\": \"test\", \"framework\": \"node:test\", \"module\": \"../price.js\" }"
reproduced node node test/price-null-property.test.js 'const result = shop.price([{ name: null }]);'

# ---- unittest ----
cd "$work/python/repo" || exit 1
printf '%s\n' 'class Cart:' '    def __init__(self, items):' '        self.items = items' '' '    def total(self, rate):' \
	'        return sum(item["price"] for item in self.items) / rate' >cart.py
printf '%s\n' 'import unittest' '' 'import cart' '' '' 'class TestCart(unittest.TestCase):' '    def test_total(self):' \
	'        self.assertEqual(cart.Cart([]).total(1), 0)' >tests/test_cart.py
: >tests/__init__.py
/usr/bin/python3 -c 'import sys; sys.path.insert(0, "."); import cart; cart.Cart([{"price": 3}]).total(0)' 2>../report
sed -i 's|File "'"$PWD"'/\./|File "'"$PWD"'/|; s|File "\./|File "'"$PWD"'/|' ../report
echo '{ "script": [{ "let": "cart", "module": "cart", "call": "Cart", "args": [[{ "price": 3 }]] },
	{ "on": "$cart", "call": "total", "args": [0] }] }' >../input.json
commit python
r='"/usr/bin/python3", "-m", "sickbay_unittest"'
service python python "\"command\": [$r, \"discover\", \"-t\", \".\", \"-s\", \"tests\"], \"one\": [$r, \"@test\"],
	\"new_test\": { \"dir\": \"tests\", \"framework\": \"unittest\", \"module\": \"cart\" }"
reproduced python python tests/test_total_zero_argument.py 'cart.total(0)'

# ---- a shell case for a program in C ----
cd "$work/shell/repo" || exit 1
printf '%s\n' '#include <stdio.h>' '#include <string.h>' 'static size_t field(const char *line)' '{' \
	'	return strlen(strchr(line, 58));' '}' 'int main(void)' '{' '	char line[80];' '	while (fgets(line, sizeof(line), stdin))' \
	'		printf("%zu\n", field(line));' '	return 0;' '}' >fields.c
printf '%s\n' 'printf "a:b\\n" | ./fields' >tests/one.sh
flags='-g -fsanitize=address,undefined -fno-omit-frame-pointer'
# shellcheck disable=SC2086
cc $flags -o ../fields "$PWD/fields.c" && echo 'a:b
no colon' | ASAN_OPTIONS=detect_leaks=0 ../fields >/dev/null 2>../report
printf '{ "command": { "argv": ["./fields"], "stdin": "a:b\\nno colon\\n" } }\n' >../input.json
commit shell
service shell c '"command": ["sh", "/opt/sickbay/reporters/c-tests.sh", "tests/*.sh"],
	"one": ["sh", "/opt/sickbay/reporters/c-tests.sh", "@test"], "new_test": { "dir": "tests", "framework": "shell" }' \
	"\"build\": { \"sanitizer\": [\"sh\", \"-c\", \"cc $flags -o fields /srv/shop/fields.c\"] },"
reproduced shell sanitizer tests/fields-field-address-sanitizer-segv.sh '| "$root"/'
done_testing
