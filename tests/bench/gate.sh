#!/bin/sh
# How long an agent program waits for the first byte of an answer: of the scripted server straight, and in a replica, by
# way of front, gate and broker, where each call is masked, priced, reserved in the ledger and durable in the log before
# a byte of it goes out.  As many calls as the policy of an agent allows.  Prints; asserts nothing.  Called by bench.sh.
set -u # the service that is sourced fails on purpose
programs=${1:?usage: gate.sh DIRECTORY_OF_PROGRAMS}
SICKBAY=$(cd "$programs" && pwd)/sickbay
export SICKBAY
cd "$(dirname "$0")/../.." || exit 1
. tests/cli/toy.lib.sh
. tests/agents/lib.sh
trap 'stop_model; rm -rf "$work"' EXIT
rounds=50 # and ten before them: the preset allows sixty turns
quiet() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }; }
service service.json 's/a/a/' preset:patch
sed 's/"mode": "propose"/"mode": "reproduce"/; /"agents":/d' "$work/service.json" >"$work/reproduce.json"
quiet "$sickbay" service check "$work/reproduce.json" --state "$state"
quiet "$sickbay" heal --from node --service "$work/reproduce.json" --state "$state" --deploy "$work/deploy.json" \
	--input "$work/input.json" <"$work/report"
model "$agents/scenarios/talk.js" /dev/null
host_config "$work/sickbay.json" anthropic-messages
cat >"$work/patch.json" <<-'J'
	{ "version": 1, "name": "bench", "extends": ["preset:patch"], "roles": ["patch"], "model": { "allow": ["house/big"] } }
J
sed '/"agents":/d; s|preset:patch|patch.json|' "$work/service.json" >"$work/plain.json"
cat >"$work/agent.json" <<-J
	{ "kind": "external", "strategy": "model-only", "models": ["house/big"], "toolchain": "toy/recipe.json",
	  "command": ["node", "/opt/agent/agent.js"], "env": { "PART": "bench", "ROUNDS": "$rounds", "KEY": "@key", "MODEL": "@model" } }
J
with_agent "$work/plain.json" "$work/agent.json" "$work/bench.json"
begin_at_patch "$state" "$(newest)" bench-1
"$sickbay" case resume bench-1 --service "$work/bench.json" --state "$state" --config "$work/sickbay.json" >"$work/log" 2>&1 || true
echo '{}' >"$work/task.json"
straight=$(PART=bench ROUNDS=$rounds KEY=$key MODEL=big SICKBAY_TASK=$work/task.json SICKBAY_BASE_URL=http://127.0.0.1:$port \
	node "$agents/toy/agent.js" 2>&1 || true)
echo "first byte of a streamed answer, as a program in Node.js sees it, $rounds calls:"
echo "  straight:                 $straight"
echo "  front, gate and broker:   $(json "$state/cases/bench-1/7-outcome.json" j.reason | sed 's/.*: //')   (reserved and durable in the log before each)"
