# shellcheck shell=sh
# shellcheck disable=SC2016,SC2034 # programs of other shells; used by the tests
# Sourced beside tests/sh/lib.sh: the service of tests/audit/toy.lib.sh, whose agents ask a scripted model.
: "${top:?the directory of the sources}"
sickbay=${SICKBAY:-$top/build/sickbay}
case $sickbay in /*) ;; *) sickbay=$PWD/$sickbay ;; esac
work=$(mktemp -d "$top/build/inside.XXXXXX") || exit 1
state=$work/state
servers=
stop() {
	for server in $servers; do kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; done
	rm -rf "$work"
}
trap stop EXIT
# shellcheck source=tests/audit/toy.lib.sh
. "$top/tests/audit/toy.lib.sh"
key=key-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
(umask 077; printf '%s\n' "$key" >"$work/key")

serve() { # serve SCENARIO: as $url, its requests in $work/SCENARIO.log
	: >"$work/$1.port"
	node "$top/tests/models/server.js" --scenario "${scenarios:-$top/tests/inside/scenarios}/$1.js" --log "$work/$1.log" --key "$key" \
		>"$work/$1.port" 2>"$work/$1.err" &
	servers="$servers $!"
	i=0
	until grep -q listening "$work/$1.port" || [ $((i += 1)) -gt 200 ]; do sleep 0.05; done
	url=http://127.0.0.1:$(sed -n 's/^listening //p' "$work/$1.port")
}
config() { # config URL: the host's configuration, with one model at a round price
	cat >"$work/sickbay.json" <<-J
		{ "version": 1, "state": "$state", "models": [{ "name": "scripted", "protocol": "${protocol:-anthropic-messages}", "url": "$1",
		  "credential": "$work/key", "models": [{ "name": "scripted-1", "input": "3.00", "output": "15.00" }] }] }
	J
}
for role in reproduce patch; do
	cat >"$work/$role.json" <<-J
		{ "version": 1, "name": "$role-by-model", "extends": ["preset:$role"], "model": { "allow": ["scripted/scripted-1"] },
		  "commands": [{ "argv": ["curl"], "decision": "deny", "reason": "nothing is fetched in a repair" }], "commands_default": "allow" }
	J
done
agents() { # agents REPRODUCE PATCH [KEYS]: kinds of the two agents, more keys of the service file: $work/service-NAME.json
	node -e '
		const fs = require("fs"), s = JSON.parse(fs.readFileSync("service.json"));
		const of = (kind) => kind === "model" ?
			{ kind, strategy: "model-only", models: ["scripted/scripted-1"] } : { kind };
		s.agents = { reproduce: of(process.argv[1]), patch: of(process.argv[2]) };
		s.policy = { reproduce: "reproduce.json", patch: "patch.json", verify: "preset:verify" };
		Object.assign(s, JSON.parse(process.argv[3] || "{}"));
		fs.writeFileSync("service-model.json", JSON.stringify(s));' "$@"
}
ready() {
	"$sickbay" service check "$work/service-model.json" --config "$work/sickbay.json"
}
incident() {
	"$sickbay" incident convert --from node --service "$work/service.json" --deploy "$work/deploy.json" --input "$work/input.json" \
		"$work/report" >"$work/incident.json"
}
heal() { # heal [OPTION...]: its outcome as JSON in $work/out
	"$sickbay" heal "$work/incident.json" --service "$work/service-model.json" --config "$work/sickbay.json" --json "$@" \
		>"$work/out" 2>"$work/err"
}
record() { for record in "$state"/cases/*; do :; done; echo "$record/$1"; } # of the newest case
of() { # of FILE EXPRESSION: over the parsed file `j`, in JavaScript
	node -e 'const j = JSON.parse(require("fs").readFileSync(process.argv[1])); console.log(eval(process.argv[2]))' "$1" "$2" 2>&1 | tail -n 1
}
same() { # same NAME WANT GOT
	n=$((n + 1))
	if [ "$2" = "$3" ]; then echo "ok $n - $1"; else bad=1; echo "not ok $n - $1"; echo "# want $2"; echo "# got  $3"; fi
}
log_has() { "$sickbay" audit show --json --state "$state" | grep -F -e "$1" | grep -qF -e "${2:-}"; } # TEXT [TEXT]: in one event
played() { # played SCENARIO NAME: the model was asked only what the scenario waits for
	check "$2" sh -c '! grep "\"wrong\":\"" "$1" | sed "s/.*\"wrong\":/wrong: /; s/,\"[a-z]*\":.*//"  | grep .' sh "$work/$1.log"
}
