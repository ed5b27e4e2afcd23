# shellcheck shell=sh
# shellcheck disable=SC2034 # used by the tests
# Sourced beside tests/sh/lib.sh: a service whose patch is a scripted model's, and what its cases cost.
top=$(pwd)
scenarios=$top/tests/model/scenarios
# shellcheck source=tests/inside/lib.sh
. "$top/tests/inside/lib.sh"

policy() { # policy USD: what a case may spend; rules for both roles
	for role in reproduce patch; do
		cat >"$work/$role.json" <<-J
			{ "version": 1, "name": "$role-by-model", "extends": ["preset:$role"],
			  "model": { "allow": ["scripted/scripted-1"], "max_cost_usd": "$1" }, "commands_default": "allow" }
		J
	done
}
host() { # host URL KEYS: the host's configuration; more keys of the endpoint
	cat >"$work/sickbay.json" <<-J
		{ "version": 1, "state": "$state", "models": [{ "name": "scripted", "protocol": "${protocol:-anthropic-messages}", "url": "$1",
		  "credential": "$work/key", ${2:-} "models": [
		    { "name": "scripted-1", "input": "3.00", "output": "15.00", "cached": "0.30", "max_output": 4096 }] }] }
	J
}
record() { echo "$(of "$work/out" j.directory)/$1"; } # of the case that was healed last
reason() { of "$work/out" j.reason; }
lines() { # lines EXPRESSION: over `l`, the ledger's lines
	node -e 'const l = require("fs").readFileSync(process.argv[1], "utf8").split("\n").filter(Boolean).map((s) => JSON.parse(s));
		console.log(eval(process.argv[2]))' "$(record ledger.ndjson)" "$1"
}
answered() { grep -c '"end":"sent"' "$work/$1.log"; } # answered SCENARIO: requests that were answered to the end
prepared() { # the incident, and a service that is ready
	check "what was reported is an incident" incident
	check "the service is ready" ready
}
ends() { # ends STATUS OUTCOME REASON: how the heal of the last scenario ends
	heal
	got=$?
	[ "$got" = "$1" ] && [ "$(of "$work/out" j.outcome)" = "$2" ] && reason | grep -qF -e "$3" && return
	echo "exit $got"
	cat "$work/out" "$work/err"
	return 1
}
