#!/bin/sh
# The demo's case with a key file and a base URL: a model finds the fix in several turns.  Needs root.
# shellcheck disable=SC2016 # programs of other shells
set -u
cd "$(dirname "$0")/../.." || exit 1
case=qs format=node report=report.ndjson
. tests/sh/lib.sh
. tests/cases/heal.lib.sh
(umask 077; echo key-of-this-test >"$work/key")
model=
trap '[ -z "$model" ] || kill "$model"; rm -rf "$work"' EXIT
node tests/models/server.js --scenario tests/model/scenarios/qs.js --log "$work/log.ndjson" --key key-of-this-test >"$work/port" &
model=$!
i=0
until grep -q listening "$work/port" || [ $((i += 1)) -gt 200 ]; do sleep 0.05; done
cat >"$work/sickbay.json" <<-J
	{ "version": 1, "state": "$state", "models": [{ "name": "here", "protocol": "openai-responses",
	  "url": "http://127.0.0.1:$(sed -n 's/^listening //p' "$work/port")/v1", "credential": "$work/key",
	  "models": [{ "name": "scripted-1", "input": "3.00", "output": "15.00" }] }] }
J
cat >"$at/patch.json" <<-J
	{ "version": 1, "name": "patch-by-model", "extends": ["preset:patch"], "model": { "allow": ["here/scripted-1"], "max_cost_usd": "2.00" } }
J
sed -i 's|"patch": "preset:patch"|"patch": "patch.json"|; s|"policy":|"agents": { "patch": { "kind": "model", "strategy": "model-only", "models": ["here/scripted-1"] } },\n\t&|' \
	"$at/service.json"
convert_case
check "the service is ready" "$sickbay" service check "$at/service.json" --config "$work/sickbay.json"
check "healed by the model" "$sickbay" heal "$work/incident.json" --service "$at/service.json" --config "$work/sickbay.json"
for record in "$state"/cases/*; do :; done
check "the model heard what it waited for in each of seven turns" sh -c '! grep -q "\"wrong\":\"" "$1" && [ "$(grep -c "\"method\"" "$1")" = 7 ]' - "$work/log.ndjson"
same "proposed" proposed "$(json "$record/7-outcome.json" 'j["outcome"]')"
same "the change is the model's" here/scripted-1 "$(json "$record/4-patch.json" 'j["agent"]["model"]')"
# seven answers of 100 tokens read and 20 written, at 3.00 and 15.00 for a million
same "what it cost is exact" 0.0042 "$(json "$record/6-pullreq.json" 'j["measured"]["spent"]["usd_exact"]')"
text() { grep -qF -e "$1" "$record/pr.md" || { cat "$record/pr.md"; return 1; }; }
check "the pull request says who wrote what" text 'Test by the built-in agent, without a model; change by the model `here/scripted-1`.'
check "and marks its prose" text '_(text by a model, which nobody checked; what was checked is the proof below)_'
check "and what was paid" text 'US$0.01 (0.0042 exactly), 840 tokens (read 700, of them 0 cached; written 140, of them 0 reasoning) in 7 calls of a model'
check "the case is exported" "$sickbay" case export "$(basename "$record")" --state "$state" -o "$work/case.tar"
check "and holds elsewhere" "$sickbay" case verify "$work/case.tar"
done_testing
