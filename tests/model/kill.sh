#!/bin/sh
# kill -9 in the middle of a call to a model: of the orchestrator, of the broker, of the agent.  The case goes on, no call
# that was settled is made again, and the ledger has each one once.  Needs root.
# shellcheck disable=SC2016,SC2119,SC2317 # programs of other shells; called by their names
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/sh/lib.sh
. tests/sh/below.sh
. tests/model/lib.sh
agents built-in model
policy 0.90
serve slow
host "$url"
prepared
until_third() { # until_third PID: the third turn was asked, and its answer does not end
	i=0
	until [ "$(grep -c '"method"' "$work/slow.log")" -ge 3 ]; do
		[ $((i += 1)) -lt 600 ] && kill -0 "$1" 2>/dev/null || return 1
		sleep 0.05
	done
}
again() { # again: a case of its own, in a repository without branches of earlier ones
	git -C "$work/repo" for-each-ref --format='%(refname)' refs/heads/sickbay | while read -r ref; do
		git -C "$work/repo" update-ref -d "$ref"
	done
	rm -rf "$state/cases" "$state/incidents" "$state/drift.ndjson"
	rm -f "$work/slow.log"
	serve slow
	host "$url"
}
resume() {
	id=$(ls "$state/cases")
	"$sickbay" case resume "$id" --config "$work/sickbay.json" --state "$state" --json >"$work/out" 2>"$work/err" || { cat "$work/out" "$work/err"; return 1; }
}
settled() { # of the turns that were answered to the end, each was asked once; the third twice
	node -e '
		const l = require("fs").readFileSync(process.argv[1], "utf8").split("\n").filter(Boolean).map((s) => JSON.parse(s));
		const n = {};
		for (const x of l) if (x.body) { const k = JSON.stringify(x.body); n[k] = (n[k] || 0) + 1; }
		console.log(Object.values(n).join(" "));' "$work/slow.log"
}
ledger() { # calls that were reserved, settled, and settled twice
	lines '(() => { const of = (w) => l.filter((x) => x.what === w).map((x) => x.call);
		return [of("model.reserve").length, of("model").length, of("model").length - new Set(of("model")).size].join(" "); })()'
}
goes_on() { # goes_on WHO: of that case
	same "$1: the case ends in a pull request" proposed "$(of "$work/out" j.outcome)"
	same "$1: no settled call was made again" "1 1 2 1" "$(settled)"
	same "$1: each call stands in the ledger once, settled" "5 5 0" "$(ledger)"
	check "$1: the log is whole" "$sickbay" audit verify --state "$state"
}

for who in sickbay sickbay-agent sickbay-broker; do
	again
	heal &
	pid=$!
	until_third "$pid"
	# shellcheck disable=SC2046 # a list of processes
	kill -9 $(below "$pid" "$who")
	wait "$pid"
	[ "$who" = sickbay-broker ] || check "$who: the case is resumed" resume
	goes_on "$who"
done
done_testing
