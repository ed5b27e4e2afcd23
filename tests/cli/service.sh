#!/bin/sh
# A service before any incident: checked in its replica, and what is missing said in plain words.  Needs root.
. "$(dirname "$0")/../sh/lib.sh"
sickbay=${SICKBAY:-build/sickbay}
case $sickbay in /*) ;; *) sickbay=$PWD/$sickbay ;; esac
dir=$(mktemp -d "${TMPDIR:-/tmp}/sickbay-service.XXXXXX")
trap 'rm -rf "$dir"' EXIT
state=$dir/state
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1

mkdir -p "$dir/repo/test" "$dir/services"
echo 'exports.price = (item) => item.price;' >"$dir/repo/a.js"
cat >"$dir/repo/test/all.sh" <<'END'
echo 1..4
echo ok 1 - a price
echo not ok 2 - a rebate
echo ok 3 - a rate '# SKIP no rates here'
[ $(($(od -An -N1 -tu1 /dev/urandom) % 2)) = 0 ] && echo ok 4 - the weather || echo not ok 4 - the weather
END
echo 'echo 1..1; echo "not ok 1 - alone"' >"$dir/repo/test/red.sh"
echo 'echo 1..2; echo "ok 1 - alone"; exit 1' >"$dir/repo/test/short.sh"
echo 'echo "Error: Cannot find module '"'express'"'" >&2; exit 1' >"$dir/repo/test/module.sh"
git -C "$dir/repo" init -q && git -C "$dir/repo" checkout -q -b main && git -C "$dir/repo" add -A &&
	git -C "$dir/repo" -c user.name=t -c user.email=t@example.com commit -qm x
commit=$(git -C "$dir/repo" rev-parse HEAD)
runs=2
service() { # service COMMAND [MORE]
	cat >"$dir/services/shop.json" <<-END
	{ "version": 1, "name": "shop", "language": "javascript", "mode": "reproduce",
	  "repository": { "url": "../repo", "target": "main" }, "image": { "production": "host" }, "run": { "cwd": "/srv/shop" },
	  ${2-} "tests": [{ "name": "sh", "command": [$1], "one": ["sh", "@test"], "format": "tap", "timeout": "1m",
	    "new_test": { "dir": "test", "framework": "tape", "module": "../" } }], "proof": { "baseline": $runs } }
	END
}
ask() { "$sickbay" service check shop --services "$dir/services" --state "$state" "$@"; }
prints() { text=$1; shift; "$@" 2>&1 | grep -qF -e "$text"; } # TEXT COMMAND ...

service '"sh", "test/module.sh"'
refuses "a suite without a module says which" 3 "missing   npm module 'express' is missing: add it to the toolchain's recipe" ask
check "and what failed for it" prints "because   the suite 'sh' reported no test at commit" ask
check "the record says that it is not ready" grep -q '"ready": false' "$state/services/shop/check.json"
check "nothing is kept of it" sh -c '! ls "$1"/services/shop/baseline-* 2>/dev/null' - "$state"
service '"sh", "test/nothere.sh"'
refuses "a suite that is not there is not ready" 3 "shop: not ready" ask
service '"tape", "test"'
refuses "a runner that is not there is named" 3 "missing   command not found: tape: correct the command" ask
service '"sh", "test/red.sh"'
refuses "a suite of which nothing passes is not ready" 3 "missing   none of 1 tests passes" ask
service '"sh", "test/short.sh"'
refuses "a suite that ends early is not ready" 3 "the suite ended before its reporter saw the end of it (exited 1)" ask
service '"sleep", "30"'
sed -i 's/"1m"/"1s"/' "$dir/services/shop.json"
refuses "one that does not end neither" 3 "the suite did not end within 1 s: raise /tests/0/timeout" ask
service '"sh", "test/all.sh"' '"build": { "production": ["sh", "-c", "cc none.c"] },'
refuses "a build that fails is told from a suite that does" 3 "build of $(echo "$commit" | cut -c1-12) failed" ask
service '"sh", "test/all.sh"' '"toolchain": { "recipe": "none.json" },'
refuses "a recipe that is not there is named" 3 "none.json" ask
check "none of them counts as passed" sh -c '! grep -q passed "$1"' - "$state/services/shop/check.json"

runs=20 # the weather is the same in all of them once in half a million checks
service '"sh", "test/all.sh"'
check "a service whose suite runs is ready, whatever fails in it" prints "shop: ready" ask
"$sickbay" service check "$dir/services/shop.json" --state "$state" --json >"$dir/check.json"
tells() { node -e 'const v = JSON.parse(require("fs").readFileSync(process.argv[1])); process.exit(eval(process.argv[2]) ? 0 : 1)' "$dir/check.json" "$1"; }
check "at the head of the target" tells "v.commit === '$commit'"
check "it found the tests" tells 'v.runs === 20 && v.passing === 1 && v.skipped === 1'
check "it names the failing one" tells 'v.failing.length === 1 && /rebate/.test(v.failing[0])'
check "it names the flaky one, and how often it passed" tells 'Object.entries(v.flaky).every(([k, s]) => /weather/.test(k) && /^passed [0-9]+ of 20$/.test(s))'
check "it says what a run takes" tells 'v.measured.wall_us > 0 && v.measured.peak_memory > 0'
check "what the suite does is kept" test -s "$state/services/shop/baseline-$(node -p 'JSON.parse(require("fs").readFileSync(process.argv[1])).baseline' "$dir/check.json").json"
check "the check is in the log" sh -c '"$1" audit show --json --state "$2" | grep -qF "\"type\":\"service.checked\",\"service\":\"shop\",\"ready\":true"' - "$sickbay" "$state"
service '"sh", "test/short.sh"'
refuses "a later check may find it not ready" 3 "not ready" ask
check "that it once passed stays known" grep -q '"passed"' "$state/services/shop/check.json"
refuses "a service that is nowhere is named" 1 "none.json" "$sickbay" service check none --services "$dir/services" --state "$state"
refuses "a name is no path" 1 "neither a file nor a plain name" "$sickbay" service check Shop --services "$dir/services" --state "$state"
refuses "it wants one service" 2 "service check wants one NAME or FILE" "$sickbay" service check --state "$state"
done_testing
