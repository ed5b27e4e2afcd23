#!/bin/sh
# The official clients as an agent program in a replica: through sickbay-front, the gate and sickbay-broker to the scripted
# model, in every protocol.  Part of `make check-agents`; needs root.
# shellcheck disable=SC2016,SC2317 # programs of other shells; called by check
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/sh/lib.sh
. tests/cli/toy.lib.sh
. tests/agents/lib.sh
. tests/sdk/sdk.lib.sh
fetch_sdk
trap 'stop_model; rm -rf "$work"' EXIT

# the case up to the accepted test, once, by the built-in agent
service service.json 's/a/a/' preset:patch
sed 's/"mode": "propose"/"mode": "reproduce"/; /"agents":/d' "$work/service.json" >"$work/reproduce.json"
check "the service is ready" "$sickbay" service check "$work/reproduce.json" --state "$state"
check "the failure is reproduced once" "$sickbay" heal --from node --service "$work/reproduce.json" --state "$state" \
	--deploy "$work/deploy.json" --input "$work/input.json" <"$work/report"
first=$(newest)
cat >"$work/patch.json" <<-'J'
	{ "version": 1, "name": "sdk", "extends": ["preset:patch"], "roles": ["patch"], "code": { "allow": ["**"] },
	  "model": { "allow": ["house/big"] } }
J
sed '/"agents":/d; s|preset:patch|patch.json|' "$work/service.json" >"$work/plain.json"

clients() { # clients PROTOCOL: a case of that name, with the clients for an agent of role patch
	model "$top/tests/models/scenarios/sdk.json" "$work/$1.model"
	host_config "$work/sickbay.json" "$1" ''
	cat >"$work/$1.agent" <<-J
		{ "kind": "external", "strategy": "model-only", "models": ["house/big"], "toolchain": "../sdk/recipe.json",
		  "command": ["node", "/opt/agent/agent.js"],
		  "env": { "PROTOCOL": "$1", "KEY": "@key", "MODEL": "@model" } }
	J
	with_agent "$work/plain.json" "$work/$1.agent" "$work/$1.json"
	begin_at_patch "$state" "$first" "$1-1"
	"$sickbay" case resume "$1-1" --service "$work/$1.json" --state "$state" --config "$work/sickbay.json" --json
	stop_model
}
why() { json "$state/cases/$1-1/7-outcome.json" 'j.outcome + ": " + j.reason'; }

for protocol in $protocols; do
	clients "$protocol" >"$work/$protocol.out" 2>&1
	check "$protocol: the clients are answered as by the provider" prints " ok, 0 bad" why "$protocol"
	check "$protocol: the model was asked as the clients asked" sh -c '! grep "\"wrong\"" "$1" | grep -v nonsense | cut -c1-600 | grep .' \
		sh "$work/$protocol.model"
done
check "the log is whole" "$sickbay" audit verify --state "$state"
echo "1..$n"
exit "$bad"
