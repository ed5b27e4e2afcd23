#!/bin/sh
# shellcheck disable=SC2016 # programs of other shells
# A first service file from what a repository says of itself: it loads, a plain repository is ready with it as it is, and
# nothing of the repository ran.  Needs root.
. "$(dirname "$0")/../sh/lib.sh"
sickbay=${SICKBAY:-build/sickbay}
case $sickbay in /*) ;; *) sickbay=$PWD/$sickbay ;; esac
dir=$(mktemp -d "${TMPDIR:-/tmp}/sickbay-init.XXXXXX")
trap 'rm -rf "$dir"' EXIT
state=$dir/state services=$dir/services
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1

commit() { # commit NAME: the files of $dir/NAME as a repository
	git -c init.defaultBranch=trunk init -q "$dir/$1" && git -C "$dir/$1" add -A -f &&
		git -C "$dir/$1" -c user.name=t -c user.email=t@example.invalid commit -qm one
}
init() { "$sickbay" service init "$@" --services "$services" --state "$state"; }
ready() { "$sickbay" service check "$1" --services "$services" --state "$state" | grep -qx "$1: ready"; }
has() { grep -qF -e "$2" "$services/$1.json" || { cat "$services/$1.json"; return 1; }; } # NAME TEXT
prints() { text=$1; shift; "$@" 2>&1 | grep -qF -e "$text"; } # TEXT COMMAND ...

# ---- Node.js, with what would run if anybody let it ----
mkdir -p "$dir/Shop/test" "$dir/Shop/.github/workflows"
cd "$dir/Shop" || exit 1
printf '%s\n' '{ "name": "shop", "main": "price.js", "scripts": { "test": "node --test", "prepare": "touch '"$dir"'/ran" } }' >package.json
echo 'exports.price = (item) => item.price;' >price.js
printf '%s\n' "const { test } = require('node:test');" "test('one', () => { require('../price.js').price({}); });" >test/price.test.js
printf '%s\n' 'FROM node:20-slim' 'LABEL org.opencontainers.image.version="1.2.0"' 'ENV NODE_ENV=production GREETING="good day"' \
	'WORKDIR /srv/app' >Dockerfile
printf '%s\n' 'jobs:' '  test:' '    steps:' '      - run: npm test' >.github/workflows/ci.yml
printf '%s\n' '* filter=own' >.gitattributes
commit Shop
for hook in post-checkout pre-auto-gc reference-transaction post-index-change; do
	printf '#!/bin/sh\ntouch %s\n' "$dir/ran" >.git/hooks/$hook
	chmod +x .git/hooks/$hook
done
git config filter.own.smudge "touch $dir/ran" && git config core.fsmonitor "touch $dir/ran"
git config uploadpack.packObjectsHook "touch $dir/ran"
check "a repository of Node.js is drafted" prints "next      sickbay service check shop" init "$dir/Shop"
check "nothing of it ran" [ ! -e "$dir/ran" ]
check "its test framework is known" has shop '"framework": "node:test", "module": "../"'
check "its branch is the target" has shop '"target": "trunk"'
check "where it lies in production is the Dockerfile's word" has shop '"production": "/srv/app/"'
check "so is its environment" has shop '"GREETING": "good day"'
check "what it is made from is said" has shop 'Dockerfile: FROM node:20-slim'
check "what CI runs is said" has shop '// .github/workflows/ci.yml: - run: npm test'
check "it only observes" has shop '"mode": "observe"'
check "what is left to say is listed, and stands there" has shop '// FILL IN: "release"'
check "the draft is in the log" sh -c '"$1" audit show --json --state "$2" | grep -qF "\"type\":\"service.draft\",\"service\":\"shop\""' - "$sickbay" "$state"
check "it is ready as it was drafted" ready shop
echo '// mine' >>"$services/shop.json"
refuses "a service file is never overwritten" 1 "'$services/shop.json' is there already and is left as it is" init "$dir/Shop"
check "it is as it was" has shop '// mine'
check "another name is another service" prints "$services/two.json" init "$dir/Shop" --name two
refuses "a name that is none is refused" 1 "'Two' is not a plain name" init "$dir/Shop" --name Two

# ---- Python ----
mkdir -p "$dir/cart/tests" "$dir/cart/src/cart"
cd "$dir/cart" || exit 1
printf '%s\n' '[project]' 'name = "cart"' 'dependencies = []' >pyproject.toml
echo 'def total(items): return sum(items)' >src/cart/__init__.py
: >tests/__init__.py
printf '%s\n' 'import unittest' 'import cart' 'class T(unittest.TestCase):' '    def test_total(self):' \
	'        self.assertEqual(cart.total([1]), 1)' >tests/test_cart.py
commit cart
check "a repository of Python is drafted" prints "$services/cart.json" init "$dir/cart"
check "how it is imported is known" has cart '"framework": "unittest", "module": "cart"'
check "where its code lies is too" has cart '"in_app": ["src/**", "*.py"]'
check "it is ready as it was drafted" ready cart
printf '%s\n' 'Flask==2.2' 'PyYAML' 'pytest' >requirements.txt
commit cart
rm "$services/cart.json"
check "what it needs becomes a recipe" prints "recipes/cart/recipe.json" init "$dir/cart"
check "of Debian's packages" grep -qF '"python3-flask", "python3-yaml"]' "$services/recipes/cart/recipe.json"
check "and the service names it" has cart '"toolchain": { "recipe": "recipes/cart/recipe.json" }'
check "pytest runs the suite" has cart '"command": ["python3", "-m", "pytest"'

# ---- npm packages ----
mkdir -p "$dir/basket/test"
cd "$dir/basket" || exit 1
echo '{ "name": "basket", "devDependencies": { "tape": "^5.0.0" } }' >package.json
echo '{ "name": "basket", "lockfileVersion": 3, "packages": { "": { "devDependencies": { "tape": "^5.0.0" } } } }' >package-lock.json
echo 'require("tape")("one", (t) => t.end());' >test/one.js
commit basket
check "a lock file becomes a recipe" prints "recipes/basket/recipe.json" init "$dir/basket"
check "with the repository's own bytes" cmp "$dir/basket/package-lock.json" "$services/recipes/basket/package-lock.json"
check "tape runs the suite" has basket '"node_modules/.bin/tape", "test/**/*.js"]'

# ---- C, and what is not known ----
mkdir -p "$dir/fields/tests"
cd "$dir/fields" || exit 1
echo 'int main(void) { return 0; }' >fields.c
printf '%s\n' 'fields: fields.c' '	cc -o fields fields.c' >Makefile
echo './fields' >tests/one.sh
commit fields
check "a repository of C is drafted" prints "$services/fields.json" init "$dir/fields"
check "make builds it" has fields '"build": { "production": ["make", "-s"] }'
check "it is ready as it was drafted" ready fields
mkdir "$dir/other"
cd "$dir/other" || exit 1
echo '{ "name": ' >package.json
echo 'puts 1' >one.rb
commit other
check "a repository that says nothing is drafted too" prints 'fill in   "language": javascript, python or c' init "$dir/other"
check "what could not be read is said" has other '// could not be read: package.json:'
refuses "its draft loads, and says what is missing" 3 "not ready" "$sickbay" service check other --services "$services" --state "$state"
git -C "$dir/other" checkout -q --detach
refuses "a HEAD that is no branch is refused" 1 "HEAD is no branch" init "$dir/other" --name third
refuses "what is no repository is refused" 1 "repository '$dir/services'" init "$dir/services"
refuses "it wants one repository" 2 "service init wants the path of one REPOSITORY" init
done_testing
