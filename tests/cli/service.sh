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
service '"no-such-runner", "test"'
refuses "a runner that is not there is named" 3 "missing   command not found: no-such-runner: correct the command" ask
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
agent() { service '"sh", "test/all.sh"' "\"agents\": { \"patch\": { $1 } },"; }
agent '"kind": "external", "command": ["/bin/true"], "toolchain": "none-of-agent.json"'
refuses "an agent's, too" 3 "none-of-agent.json" ask
agent '"kind": "external"'
refuses "an agent program is named by its command" 1 '3:15: kind "external" wants "command"' ask
agent '"kind": "command", "command": ["/bin/true"], "toolchain": "t.json"'
refuses "a toolchain is an agent program's" 1 '3:15: "toolchain" is for an agent of kind "external"' ask
agent '"env": { "A": "b" }'
refuses "so is an environment" 1 '3:15: "env" is for an agent of kind "external"' ask
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

cat >"$dir/incident.json" <<END
{ "schema": "sickbay.incident/1", "id": "shop-1", "service": "shop", "kind": "exception", "count": 3,
  "fingerprint": "sha256:b46fe6f1016049f833da2c3ee8420adad5d034f0cb81fb81a0a38c486876b4c6",
  "deploy": { "commit": "$commit" }, "runtime": { "language": "javascript" },
  "chain": [{ "type": "TypeError", "message": "m", "frames": [{ "file": "a.js", "function": "price", "line": 1, "in_app": true }] }],
  "coordinate": { "type": "TypeError", "file": "a.js", "function": "price", "line": 1, "rule": "innermost in-app frame" },
  "loss": [{ "at": "/input", "why": "the call was not recorded" }] }
END
sed -i 's/ "mode": "reproduce",//' "$dir/services/shop.json"
verb() { verb=$1; shift; "$sickbay" service "$verb" "$@" --services "$dir/services" --state "$state"; }
heal() { "$sickbay" heal "$dir/incident.json" --service shop --services "$dir/services" --state "$state"; }
heal >"$dir/observed" 2>&1
check "without a mode it is observed" grep -qF "shop-1-1: observed: the service's mode is observe" "$dir/observed"
check "the report says where" grep -qF "Where: TypeError at a.js:1 in price" "$dir/observed"
check "and at which commit" grep -qF "deployed commit $commit, which is the head of main" "$dir/observed"
check "it shows the code" grep -qF ">    1  exports.price = (item) => item.price;" "$dir/observed"
check "it says where a test would be written" grep -qF "a new test in 'test' (tape) that fails at this place" "$dir/observed"
check "under which policy" grep -qF "within policy 'reproduce' (sha256:" "$dir/observed"
check "and what it lacks" grep -qF -e "- /input: the call was not recorded" "$dir/observed"
check "it stays in the case" grep -qx "Where: .*" "$state/cases/shop-1-1/report.md"
check "no replica was started for it" sh -c '! "$1" audit show --case shop-1-1 --state "$2" | grep -q replica.start' - "$sickbay" "$state"
check "nothing was pushed" [ "$(git -C "$dir/repo" branch --list | wc -l)" = 1 ]

refuses "promoting above what the file allows is refused" 3 "'shop' is at observe, and its file allows no more: write \"mode\": \"reproduce\" in" verb promote shop --yes
sed -i 's/"version": 1,/"version": 1, "mode": "propose",/' "$dir/services/shop.json"
check "what the file says holds" prints "mode      propose" verb show shop
# a case of a cheaper kind: its agent gives up at once
sed -i 's/"tests":/"agents": { "reproduce": { "kind": "command", "command": ["false"] } }, "tests":/' "$dir/services/shop.json"
heal >"$dir/tried" 2>&1
check "a case in that mode tries" grep -q "shop-1-2: not-reproduced" "$dir/tried"
check "a decision that a case was wrong is recorded" "$sickbay" case decide shop-1-1 closed-wrong --state "$state"
check "it takes the service one mode down" prints "mode      reproduce (the file allows propose)" verb show shop
check "promote shows the evidence" prints "precision 0 of 1 that people decided on were right" verb promote shop
check "and how the cases ended" prints "outcomes  1 observed, 1 not-reproduced" verb promote shop
check "and raises nothing without a word" prints "'shop' is at reproduce: --yes raises it to propose" verb promote shop
check "with it, it does" prints "'shop' was at reproduce and is at propose now" verb promote shop --yes
check "the log has it" sh -c '"$1" audit show --json --state "$2" | grep -qF "\"type\":\"service.promote\",\"service\":\"shop\",\"from\":\"reproduce\",\"to\":\"propose\""' - "$sickbay" "$state"
check "further it does not go" prints "'shop' is at propose: there is no further mode" verb promote shop --yes
echo '{' >"$dir/services/bad.json"
verb list >"$dir/list"
check "the list has each service" grep -Eq '^shop +javascript +propose +ready +' "$dir/list"
check "and a file that does not load, with the reason" grep -q '^bad .*bad.json:' "$dir/list"
check "as JSON too" sh -c '"$1" service list --json --services "$2" --state "$3" | grep -qF "\"ceiling\": \"propose\""' - "$sickbay" "$dir/services" "$state"

service '"sh", "test/short.sh"'
refuses "a later check may find it not ready" 3 "not ready" ask
check "that it once passed stays known" grep -q '"passed"' "$state/services/shop/check.json"
refuses "a service that is nowhere is named" 1 "none.json" "$sickbay" service check none --services "$dir/services" --state "$state"
refuses "a name is no path" 1 "neither a file nor a plain name" "$sickbay" service check Shop --services "$dir/services" --state "$state"
refuses "it wants one service" 2 "service check wants one NAME or FILE" "$sickbay" service check --state "$state"
done_testing
