#!/bin/sh
# A model that never finds the fix, and one that spends what it may: both cases end honestly, and the money is right to
# the last cent wherever it stands.  Needs root.
# shellcheck disable=SC2016 # programs of other shells
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/sh/lib.sh
. tests/model/lib.sh
agents built-in model
policy 0.50
serve never
host "$url"
prepared

# ---- never ----
check "a model that finds nothing ends as no-fix, with status 3" ends 3 no-fix "nothing that I tried holds"
played never "it heard each time why"
same "no pull request was made" false "$([ -e "$(record 6-pullreq.json)" ] && echo true || echo false)"
same "what it tried is counted as the model's" scripted/scripted-1 "$(of "$(record 4-patch.json)" j.agent.model)"
check "case show says what was paid" sh -c '"$1" case show "$2" --state "$3" | grep -qF "5 calls"' - \
	"$sickbay" "$(of "$work/out" j.case)" "$state"

# ---- spends ----
protocol=openai-chat
serve endless
host "$url/v1"
check "a model that spends what it may ends as no-fix, with status 3" ends 3 no-fix "max_cost_usd is 0.50"
calls=$(answered endless)
check "it had several calls" [ "$calls" -gt 3 ]
# 5000 read at 3.00, 4000 from the cache at 0.30, 900 written at 15.00, of a million: 0.0297 a call
want=$(node -p "($calls * 297 / 10000).toFixed(4)")
same "each answer of the server is a line of the ledger" "$calls" "$(lines 'l.filter((x) => x.what === "model").length')"
same "each with its price" 0.0297 "$(lines '[...new Set(l.filter((x) => x.what === "model").map((x) => x.usd))].join()')"
same "the case was stopped below the cap" true "$(node -p "$want <= 0.5")"
spent() { "$sickbay" case list --state "$state" --json | node -e '
	const all = JSON.parse(require("fs").readFileSync(0)), c = all.find((f) => f.case === process.argv[1]);
	console.log(c.spent[process.argv[2]]);' "$(of "$work/out" j.case)" "$1"; }
same "the sum is exact" "$want" "$(node -p "Number('$(spent usd_exact)').toFixed(4)")"
same "to the cent, nobody pays more than is shown" "$(node -p "(Math.ceil($want * 100) / 100).toFixed(2)")" "$(spent usd)"
same "and so are the tokens" $((calls * 9900)) "$(spent tokens)"
# each reservation, with what was spent before it, in micro-dollars: whole numbers
reserved() { lines '(() => { let spent = 0, most = 0; const u = (t) => Math.round(Number(t) * 1e6);
	for (const x of l) {
		if (x.what === "model.reserve") most = Math.max(most, spent + u(x.most_usd));
		if (x.what === "model") spent += u(x.usd);
	}
	return most > 0 && most <= 500000; })()'; }
same "what was spent and what was reserved were never above the cap" true "$(reserved)"
same "the figures of all cases have it" true "$("$sickbay" stats --state "$state" --json | node -e '
	const s = JSON.parse(require("fs").readFileSync(0)); console.log("scripted/scripted-1" in s.by.model);')"
same "what came from the cache and what was thought, too" "$((calls * 4000)) $((calls * 100))" "$(spent cached_tokens) $(spent reasoning_tokens)"
check "the log is whole" "$sickbay" audit verify --state "$state"
done_testing
