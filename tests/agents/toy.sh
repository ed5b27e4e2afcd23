#!/bin/sh
# An agent program of nobody in particular, in a replica: it asks a scripted model by way of front, gate and broker, uses
# the gate's tools by MCP, and heals.  Beside it the same program misbehaving.  Needs root.
# shellcheck disable=SC2016 # programs of other shells
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/sh/lib.sh
. tests/cli/toy.lib.sh
. tests/agents/lib.sh
trap 'stop_model; rm -rf "$work"' EXIT

# the case up to the accepted test, once, by the built-in agent
service service.json 's/a/a/' preset:patch
sed -i 's|"cwd": "/srv/shop" }|"cwd": "/srv/shop", "env": { "REMOTSUC": "1377b-yranac", "TOKEN": "tok-5f3a9e" } }|' "$work/service.json"
sed -i 's|} }$|}, "flags": { "customer": "canary-b7731" } }|' "$work/input.json"
sed 's/"mode": "propose"/"mode": "reproduce"/; /"agents":/d' "$work/service.json" >"$work/reproduce.json"
check "the service is ready" "$sickbay" service check "$work/reproduce.json" --state "$state"
check "the failure is reproduced once" "$sickbay" heal --from node --service "$work/reproduce.json" --state "$state" \
	--deploy "$work/deploy.json" --input "$work/input.json" <"$work/report"
first=$(newest)

model "$agents/scenarios/toy.js" "$work/model.log"
host_config "$work/sickbay.json" anthropic-messages

policy() { # policy FILE MORE: of the patch agent, which may ask that model
	cat >"$work/$1" <<-J
		{ "version": 1, "name": "toy", "extends": ["preset:patch"], "roles": ["patch"], "code": { "allow": ["**"] },
		  "model": { "allow": ["house/big"]${3-} }${2-} }
	J
}
policy patch.json
policy=patch.json
agent() { # agent PART [ROLE]: the case PART-1, with the toy agent playing that part; prints its end
	sed '/"agents":/d; s|preset:'"${2:-patch}|$policy"'|' "$work/service.json" >"$work/plain.json"
	cat >"$work/$1.agent" <<-J
		{ "kind": "external", "strategy": "model-only", "models": ["house/big"], "toolchain": "toy/recipe.json",
		  "command": ["node", "/opt/agent/agent.js"],
		  "env": { "PART": "$1", "KEY": "@key", "MODEL": "@model", "MODEL_PORT": "$port" } }
	J
	with_agent "$work/plain.json" "$work/$1.agent" "$work/$1.json" "${2-}"
	case ${2-} in reproduce) begin_at_match "$state" "$first" "$1-1" ;; *) begin_at_patch "$state" "$first" "$1-1" ;; esac
	"$sickbay" case resume "$1-1" --service "$work/$1.json" --state "$state" --config "$work/sickbay.json" --json 2>&1
}
of() { echo "$state/cases/$1-1/$2"; }
why() { json "$(of "$1" 7-outcome.json)" 'j.outcome + ": " + j.reason'; }
log_has() { "$sickbay" audit show --case "$1-1" --state "$state" --json | grep -q -e "$2"; }
same_tree() { # nothing that runs once a case has ended
	! pgrep -f 'while :; do sleep 1; done; : left by the toy agent' >/dev/null
}

check "a program of nobody in particular heals" agent heal
check "each answer waited for the right tool result" sh -c '! grep -q "\"wrong\"" "$1"' sh "$work/model.log"
check "its prose is the submission's" is "Treat a missing name as empty" "$(json "$(of heal 4-patch.json)" j.title)"
check "the log has its front" log_has heal '"front.start"'
check "the log has each call to a model" log_has heal '"model.call"'
check "the log has what was refused to it" log_has heal '"gate.deny"'
check "the log has what was collected" log_has heal '"gate.collect"'
check "the key is in none of its records" sh -c '! grep -rq "$1" "$2"' sh "$key" "$state/cases"

looked_at "$state" heal-1

check "who asks first whether its change holds heals as well" agent evaluate
check "each answer waited for the right verdict" sh -c '! grep -q "\"wrong\"" "$1"' sh "$work/model.log"
check "its two attempts are in the case" is 2 "$(find "$state/cases/evaluate-1/attempts" -name 'patch-0*.json' | wc -l)"
looked_at "$state" evaluate-1
policy=writer.json
sed 's/"preset:patch"/"preset:reproduce"/; s/"patch"/"reproduce"/' "$work/patch.json" >"$work/writer.json"
check "one writes the test" agent reproduce reproduce
check "each answer waited for the right verdict" sh -c '! grep "\"wrong\"" "$1" | cut -c1-400 | grep .' sh "$work/model.log"
check "what it submitted matches" is "exact test/nameless.test.js" "$(json "$(of reproduce 3-match.json)" 'j.match + " " + j.test_path')"
policy hushed.json ', "environment": { "redact": [{ "name": "token", "regex": "tok-[0-9a-f]+" }] }'
policy=hushed.json
agent told >/dev/null
check "a verdict has neither a value of production nor what the policy redacts" \
	prints "hidden: for [masked] by ********" why told
policy=patch.json

agent model >/dev/null
check "another model is refused by the rule" prints "the model 'another' is not one that this agent may ask: 'house/big' (rule models" why model
agent reach >/dev/null
check "nothing but the listener can be reached" prints "nothing but the listener is there: 127.0.0.1:8421" why reach
agent daemon >/dev/null
check "who leaves a daemon, hooks and caches heals all the same" is proposed "$(json "$(of daemon 7-outcome.json)" j.outcome)"
check "what it left is left out by name" is "price.js" "$(json "$(of daemon 4-patch.json)" 'j.changes.map((c) => c.path).join()')"
check "and counted in the log" log_has daemon '"left_out":\["1 in .claude","1 in .git","1 in __pycache__"\]'
check "the daemon ended with its replica" same_tree
agent scope >/dev/null
check "a change out of scope is refused by the policy" prints "/code/dependencies" why scope
agent link >/dev/null
check "a link is refused by the policy" prints "passwd.js" why link
agent outside >/dev/null
check "nothing else can be written" prints "/opt/agent/x: E" why outside
check "not even its task" prints "/opt/sickbay/task.json: E" why outside
agent die >/dev/null
check "one that dies ends honestly" prints "no-fix: the agent's command ended with signalled 11" why die
agent give-up >/dev/null
check "one that gives up says why" is "no-fix: the cause is not in this code" "$(why give-up)"

front_of() { # front_of CASE: the process that speaks for the agent of a case that is worked on
	for one in $(pgrep -x sickbay-front); do
		parent=$(ps -o ppid= -p "$one" | tr -d ' ')
		tr '\0' ' ' <"/proc/$parent/cmdline" 2>/dev/null | grep -qF "resume $1 " && echo "$one"
	done
}
agent orphan >/dev/null &
orphan=$! tries=0
until front=$(front_of orphan-1) && [ -n "$front" ] || [ $((tries += 1)) -gt 100 ]; do sleep 0.1; done
kill -9 "$front"
wait "$orphan"
check "where its front dies the case ends honestly" prints "no-fix: sickbay-front, which speaks for the agent, ended (137)" why orphan

policy short.json ', "resources": { "idle": "2s" }' ', "max_cost_usd": "0.10"'
policy=short.json
agent hang >/dev/null
check "one that says nothing is ended" prints "no-fix: the agent's command ended with idle" why hang
agent spend >/dev/null
check "one that spends is stopped at the budget" prints "no-fix: the agent's command ended with exited 3: no more: 403 not allowed: the policy's max_cost_usd is 0.10" why spend
# what people copy is what is tested
for one in "$agents"/*/agent.json; do
	name=${one%/agent.json}
	check "docs/agents.md has the lines of ${name##*/} as they are tested" node -e '
		const fs = require("fs"), [page, text] = process.argv.slice(1).map((f) => fs.readFileSync(f, "utf8"));
		process.exit(page.includes(text) ? 0 : 1);' docs/agents.md "$one"
done
check "the log is whole" "$sickbay" audit verify --state "$state"
done_testing
