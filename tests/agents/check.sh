#!/bin/sh
# check.sh [NAME ...]: published agent programs, unmodified, each healing the case qs in a replica, against the scripted
# model.  What each did is read from the log alone.  Their packages are large: `make check-agents` runs this, `make check`
# does not.  Needs root and a package registry.
# shellcheck disable=SC2016 # programs of other shells
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/sh/lib.sh
case=qs format=node report=report.ndjson
. tests/cases/heal.lib.sh
. tests/agents/lib.sh
trap 'stop_model; rm -rf "$work"' EXIT
[ $# -gt 0 ] || set -- claude-code codex opencode qwen-code

sed 's/"mode": "propose"/"mode": "reproduce"/' "$at/service.json" >"$at/reproduce.json"
check "the service is ready" "$sickbay" service check "$at/service.json" --state "$state"
check "the failure is reproduced once for all" "$sickbay" heal --from node --service "$at/reproduce.json" --state "$state" \
	--deploy "$at/deploy.json" <"$at/report.ndjson"
for first in "$state"/cases/*; do :; done
first=${first##*/}
cat >"$at/patch.json" <<-'J'
	{ "version": 1, "name": "agents", "extends": ["preset:patch"], "roles": ["patch"], "code": { "allow": ["**"] },
	  "model": { "allow": ["house/big"] } }
J
sed 's/"patch": "preset:patch"/"patch": "patch.json"/' "$at/service.json" >"$at/plain.json"

git -C "$at/repo" show "$(json "$at/deploy.json" 'j["commit"]')":lib/stringify.js >"$work/stringify.js"
export BASE_FILE="$work/stringify.js"

protocol_of() { # what each speaks, and what follows the endpoint's address before the protocol's own path
	case $1 in
	claude-code) echo anthropic-messages ;;
	codex) echo openai-responses ;;
	*) echo openai-chat ;;
	esac
}
events() { "$sickbay" audit show --case "$1-1" --state "$state" --json | grep -c "\"type\":\"$2\""; }
at_least() { [ "$2" -ge "$1" ] || { echo "# $2, not $1"; return 1; }; }
attempts() { # what the evaluations that it asked for said, in their order
	for one in "$state/cases/$1-1"/attempts/patch-0*.json; do json "$one" 'str(j["passed"]).lower()'; done | paste -sd ' '
}
log_has() { "$sickbay" audit show --case "$1-1" --state "$state" --json | grep -q -e "$2"; }

for agent; do
	with_agent "$at/plain.json" "$agents/$agent/agent.json" "$at/$agent.json"
	if ! "$sickbay" image prepare --state "$state" "$agents/$agent/recipe.json" >"$work/log" 2>&1; then
		sed 's/^/# /' "$work/log"
		n=$((n + 1))
		echo "ok $n - $agent # skip its packages cannot be fetched"
		continue
	fi
	model "$agents/scenarios/$agent.js" "$work/$agent.model"
	host_config "$at/sickbay.json" "$(protocol_of "$agent")"
	begin_at_patch "$state" "$first" "$agent-1"
	check "$agent: heals" "$sickbay" case resume "$agent-1" --service "$at/$agent.json" --state "$state" --config "$at/sickbay.json"
	stop_model
	record=$state/cases/$agent-1
	same "$agent: proposed" proposed "$(json "$record/7-outcome.json" 'j["outcome"]')"
	check "$agent: each answer waited for the right tool result" sh -c '! grep "\"wrong\"" "$1" | cut -c1-400 | grep .' sh "$work/$agent.model"
	check "$agent: its program and layer stand in the log" log_has "$agent" '"program":"/opt/agent/'
	check "$agent: each call to the model does" at_least 10 "$(events "$agent" model.call)"
	same "$agent: and each answer" "$(events "$agent" model.call)" "$(events "$agent" model.answer)"
	same "$agent: it was told of two evaluations what came of them" "false true" "$(attempts "$agent")"
	check "$agent: so does what was refused to it" log_has "$agent" '"rule":"/code/dependencies'
	same "$agent: its prose is the submission's" "Leave empty elements out of the encoder" "$(json "$record/4-patch.json" 'j["title"]')"
	check "$agent: so does what was collected" log_has "$agent" '"type":"gate.collect"'
	"$sickbay" audit show --case "$agent-1" --state "$state" --json | grep '"replica.exit"' | head -n 1 | sed "s/^/# $agent: /"
	looked_at "$state" "$agent-1"
	check "$agent: no key is in its case" sh -c '! grep -rq "$1" "$2"' sh "$key" "$record"
done

# ---- one that writes the test ----
for agent; do
	[ "$agent" = claude-code ] || continue
	sed "s/Change the code in this folder.*Run the test\./Write one new test that fails as production did, and change nothing else. Evaluate it, then submit./" \
		"$agents/$agent/agent.json" >"$at/writer.agent"
	sed 's/"preset:patch"/"preset:reproduce"/; s/"patch"/"reproduce"/; s/ "code": { "allow": \["\*\*"\] },//' "$at/patch.json" >"$at/reproduce-policy.json"
	sed 's/"reproduce": "preset:reproduce"/"reproduce": "reproduce-policy.json"/' "$at/service.json" >"$at/plain.json"
	with_agent "$at/plain.json" "$at/writer.agent" "$at/writer.json" reproduce
	model "$agents/scenarios/reproduce.js" "$work/writer.model"
	host_config "$at/sickbay.json" "$(protocol_of "$agent")"
	begin_at_match "$state" "$first" writer-1
	check "$agent writes the test" "$sickbay" case resume writer-1 --service "$at/writer.json" --state "$state" --config "$at/sickbay.json"
	stop_model
	check "each answer waited for the right tool result" sh -c '! grep "\"wrong\"" "$1" | cut -c1-400 | grep .' sh "$work/writer.model"
	same "its test fails as production did" "exact test/empty-element.js" "$(json "$state/cases/writer-1/3-match.json" 'j["match"] + " " + j["test_path"]')"
	same "the case ends there" reproduced "$(json "$state/cases/writer-1/7-outcome.json" 'j["outcome"]')"
done
check "the log is whole" "$sickbay" audit verify --state "$state"
echo "1..$n"
exit "$bad"
