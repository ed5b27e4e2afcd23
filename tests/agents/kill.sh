#!/bin/sh
# kill -9 while a call of an agent program's is under way: of the orchestrator, of the broker, of the front.  Nothing is
# left running; whoever resumes the case starts the program anew, which hears again what it was answered before, at no
# cost, and asks again only what never came to its end.  Needs root.
# shellcheck disable=SC2016,SC2046,SC2086,SC2317 # programs of other shells; lists of processes; called by their names
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/sh/lib.sh
. tests/sh/below.sh
. tests/cli/toy.lib.sh
. tests/agents/lib.sh
trap 'stop_model; rm -rf "$work"' EXIT

service service.json 's/a/a/' preset:patch
sed 's/"mode": "propose"/"mode": "reproduce"/; /"agents":/d' "$work/service.json" >"$work/reproduce.json"
check "the service is ready" "$sickbay" service check "$work/reproduce.json" --state "$state"
check "the failure is reproduced once" "$sickbay" heal --from node --service "$work/reproduce.json" --state "$state" \
	--deploy "$work/deploy.json" --input "$work/input.json" <"$work/report"
first=$(newest)
cat >"$work/patch.json" <<-'J'
	{ "version": 1, "name": "toy", "extends": ["preset:patch"], "roles": ["patch"], "code": { "allow": ["**"] },
	  "model": { "allow": ["house/big"] } }
J
sed '/"agents":/d; s|preset:patch|patch.json|' "$work/service.json" >"$work/plain.json"

resume() { # resume WHO: the case of that name
	"$sickbay" case resume "$1-1" --service "$work/$1-service.json" --state "$state" --config "$work/sickbay.json" --json >"$work/out" 2>"$work/err" &&
		return
	cat "$work/out" "$work/err"
	return 1
}
under_way() { # under_way PID: the third turn was asked, and its answer does not end
	tries=0
	until [ "$(grep -c '"method"' "$work/model.log")" -ge 3 ]; do
		[ $((tries += 1)) -lt 600 ] && kill -0 "$1" 2>/dev/null || return 1
		sleep 0.05
	done
}
gone() { # gone PID...: each has ended, by itself
	tries=0
	for one; do
		while kill -0 "$one" 2>/dev/null && [ "$(sed 's/.*) //; s/ .*//' "/proc/$one/stat" 2>/dev/null)" != Z ]; do
			[ $((tries += 1)) -lt 200 ] || { ps -o pid,args -p "$one"; return 1; }
			sleep 0.05
		done
	done
}
turns() { # how often each turn was asked, in their order
	node -e '
		const l = require("fs").readFileSync(process.argv[1], "utf8").split("\n").filter(Boolean).map((s) => JSON.parse(s));
		const n = {};
		for (const x of l) if (x.body) n[x.turn] = (n[x.turn] || 0) + 1;
		console.log(Object.values(n).join(" "));' "$work/model.log"
}
ledger() { # ledger WHO: calls that were reserved, settled, and settled twice
	node -e '
		const l = require("fs").readFileSync(process.argv[1], "utf8").split("\n").filter(Boolean).map((s) => JSON.parse(s));
		const of = (w) => l.filter((x) => x.what === w).map((x) => x.call);
		console.log(of("model.reserve").length, of("model").length, of("model").length - new Set(of("model")).size);' \
		"$state/cases/$1-1/ledger.ndjson"
}
replays() { "$sickbay" audit show --case "$1-1" --state "$state" --json | grep -c '"type":"model.replay"'; }

for who in sickbay sickbay-broker sickbay-front; do
	rm -f "$work/model.log"
	model "$agents/scenarios/kill.js" "$work/model.log"
	host_config "$work/sickbay.json" anthropic-messages
	cat >"$work/agent.json" <<-J
		{ "kind": "external", "strategy": "model-only", "models": ["house/big"], "toolchain": "toy/recipe.json",
		  "command": ["node", "/opt/agent/agent.js"], "env": { "PART": "heal", "KEY": "@key", "MODEL": "@model" } }
	J
	with_agent "$work/plain.json" "$work/agent.json" "$work/$who-service.json"
	begin_at_patch "$state" "$first" "$who-1"
	resume "$who" >/dev/null 2>&1 &
	shell=$!
	tries=0
	until pid=$(below "$shell" sickbay | head -n 1) && [ -n "$pid" ] || [ $((tries += 1)) -gt 100 ]; do sleep 0.05; done
	under_way "$pid"
	all=$(below "$pid")
	kill -9 $(below "$pid" "$who")
	wait "$shell" 2>/dev/null
	check "$who: nothing of it is left running" gone $all
	case $who in
	sickbay)
		check "$who: the case is resumed" resume "$who"
		check "$who: what it had been answered it heard again" is 2 "$(replays "$who")"
		check "$who: no settled call was made again, the other one was" is "1 1 2 1" "$(turns)"
		check "$who: each call stands in the ledger once, settled" is "5 5 0" "$(ledger "$who")"
		;;
	sickbay-broker) # another takes its place: the program waits, and hears the answer
		check "$who: no settled call was made again, the other one was" is "1 1 2 1" "$(turns)"
		check "$who: each call stands in the ledger once, settled" is "5 5 0" "$(ledger "$who")"
		;;
	*)
		check "$who: the case ends honestly" is no-fix "$(json "$state/cases/$who-1/7-outcome.json" j.outcome)"
		check "$who: each call stands in the ledger once, settled" is "3 3 0" "$(ledger "$who")"
		;;
	esac
	[ "$who" = sickbay-front ] ||
		check "$who: the case ends in a pull request" is proposed "$(json "$state/cases/$who-1/7-outcome.json" j.outcome)"
	check "$who: the log is whole" "$sickbay" audit verify --state "$state"
	looked_at "$state" "$who-1"
	stop_model
done
done_testing
