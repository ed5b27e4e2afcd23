#!/bin/sh
# A policy against what past cases asked: what would allow it, and what another policy would have said.
# shellcheck source=tests/sh/lib.sh
. "$(dirname "$0")/../sh/lib.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)
sickbay=${SICKBAY:-build/sickbay}
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
state=$dir/state; mkdir "$state"

policy() { "$sickbay" policy "$@"; }
says() { # says TEXT COMMAND [ARG ...]: exits 0 and prints the text
	text=$1; shift; out=$("$@") || { echo "$out"; return 1; }
	case "$out" in *"$text"*) ;; *) echo "$out"; return 1 ;; esac
}
json() { "$@" | /usr/bin/python3 -c 'import json, sys; json.load(sys.stdin)'; }

cat >"$dir/narrow.json" <<'JSON'
{ // of this team
	"version": 1, "name": "narrow", "extends": ["preset:patch"],
	"code": {
		"allow": ["lib/**"],
		"deny": [{ "path": "lib/pay/**", "reason": "people write this" }, "lib/old.js"],
		"max_changed_lines": 2,
	},
}
JSON
git init -q "$dir/repo" 2>/dev/null
sed "s|\"patch\": \"preset:patch\"|\"patch\": \"narrow.json\"|" "$top/tests/cases/qs/service.json" >"$dir/service.json"

change() { # change PATH OLD NEW
	printf '{"path":"%s","kind":"modify","type":"file","old_type":0,"old":"%s","new":"%s"}' "$1" "$2" "$3"
}
refusal() { # refusal RULE PLACE REASON PATH
	printf '{"rule":"%s","place":"%s","reason":"%s","decision":"deny","path":"%s"}' "$1" "$2" "$3" "$4"
}
past() { # past ID CREATED CHANGES REFUSALS PROOF
	/usr/bin/python3 "$top/tests/cli/past-case.py" "$state" "$1" "$dir/service.json" <<JSON
{ "incident": { "measured": { "created": "$2" } }, "replica": {},
  "match": { "test": [{"path":"test/new.js","kind":"add","type":"file","old_type":-1,"old":null,"new":"t"}],
    "test_path": "test/new.js", "agent": { "refusals": [] } },
  "patch": { "changes": [$3], "agent": { "refusals": [$4] } }, "proof": { "refused": $5 } }
JSON
}
none=null
past fine-1 2026-11-01T10:00:00Z "$(change lib/a.js a b)" "" "$none"
past outside-1 2026-11-02T10:00:00Z "$(change lib/a.js a b)" \
	"$(refusal "" "$dir/narrow.json:4:3" "'src/b.js': no rule of this list names the path" src/b.js),
	$(refusal /code/deny/1 "$dir/narrow.json:5:3" "'lib/old.js'" lib/old.js)" "$none"
past large-1 2026-11-03T10:00:00Z "$(change lib/a.js 'a\nb\nc\n' 'd\ne\nf\n')" "" \
	'{"step":4,"name":"policy","side":"base","reason":"patch: 6 lines change"}'
past floor-1 2026-11-04T10:00:00Z "$(change lib/a.js a b)" \
	"$(refusal /code/deny/4 built-in:11:7 "'.github/x.yml': CI definitions decide" .github/x.yml)" "$none"
past kept-1 2026-11-05T10:00:00Z "$(change lib/a.js a b)" \
	"$(refusal /code/max_files "$dir/narrow.json:6:3" "9 files change, at most 8 may" lib/a.js)" "$none"

# ---- suggest ----
check "where nothing was refused there is nothing to change" says "fine-1: nothing was refused" \
	policy suggest fine-1 --state "$state"
check "a path outside of the lists is added to them, alone" says '"path": "/code/allow/-", "value": "src/b.js"' \
	policy suggest outside-1 --state "$state"
check "a rule that denies it goes" says '"op": "remove", "path": "/code/deny/1"' policy suggest outside-1 --state "$state"
check "and what the policy then allows is said" says "// allows then: lib/old.js: patch, add, delete" policy suggest outside-1 --state "$state"
check "a number becomes what would have been enough" says \
	'"op": "replace", "path": "/code/max_changed_lines", "value": 6' policy suggest large-1 --state "$state"
check "of a request that was not kept the refusal says how much" says \
	'"op": "add", "path": "/code/max_files", "value": 9' policy suggest kept-1 --state "$state"
refuses "what the floor refuses no change can allow" 3 \
	"no policy can allow this: it is refused by sickbay itself" policy suggest floor-1 --state "$state"
check "JSON says the same" json policy suggest outside-1 --state "$state" --json
check "the policy's file is not touched" grep -q '"max_changed_lines": 2' "$dir/narrow.json"
refuses "a case is wanted" 2 "policy suggest wants one case id" policy suggest --state "$state"
refuses "one that is not there is an error" 1 "nobody-1" policy suggest nobody-1 --state "$state"

# ---- replay ----
printf '{"version":1,"name":"none","extends":["preset:patch"],"code":{"deny":["lib/a.js"]}}' >"$dir/none.json"
refuses "each case that would end otherwise is shown" 3 "allowed -> refused  lib/a.js" \
	policy replay --since 2026-11-01 "$dir/none.json" --state "$state"
refuses "with what would be allowed, too" 3 "refused -> allowed  src/b.js" \
	policy replay --since 2026-11-01 preset:patch --state "$state"
refuses "the sum stands below" 3 "1 case looked at, 1 answer would be another" \
	policy replay --since 2026-11-05 "$dir/none.json" --state "$state"
check "with the policy of the time nothing would be another" says "0 answers would be another" \
	policy replay --since 2026-11-01T00:00:00Z "$dir/narrow.json" --state "$state"
refuses "JSON says the same" 3 '"then": "allowed"' policy replay --since 2026-11-01 "$dir/none.json" --state "$state" --json
refuses "a date is wanted" 2 "wants --since DATE" policy replay "$dir/none.json" --state "$state"
refuses "that is one" 2 "'soon' is no date such as" policy replay --since soon "$dir/none.json" --state "$state"
done_testing
