#!/bin/sh
# From a core that the kernel wrote to a proposal: a C daemon reads through a null pointer, nobody has a trace of it.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/sh/lib.sh
. tests/core/lib.sh

value=Kq7zXwVb
printf '%s 3\n- 3\n' "$value" >"$work/lines"
cat >"$work/input.json" <<-'J'
	{ "script": [{ "let": "item", "call": "depot_item", "args": [null, 3] },
		{ "call": "depot_width", "args": ["$item"] }, { "call": "depot_free", "args": ["$item"] }] }
J
production "$work/lines"
heal() {
	"$sickbay" heal --from core --service "$work/services/depot.json" --state "$state" --input "$work/input.json" \
		<"$work/core" >"$work/text" 2>"$work/log" || { tail -n 5 "$work/text" "$work/log"; return 1; }
}
check "the service is ready" "$sickbay" service check "$work/services/depot.json" --state "$state"
check "the core is healed" heal
for record in "$state"/cases/*; do :; done
check "reproduced at the place of the core" is \
	"exact" json "$record/3-match.json" 'j["match"]'
check "proposed" is proposed json "$record/7-outcome.json" 'j["outcome"]'
check "the change is one of the function that crashed" grep -q '^+.*!i->name' "$record/fix.patch"
check "the signal is told to the reviewer" grep -qF 'SIGSEGV' "$record/pr.md"
check "nothing that was in production's memory is kept" sh -c '! grep -rlaF "$1" "$2"' sh "$value" "$state"
done_testing
