# shellcheck shell=sh
# shellcheck disable=SC2034 # used by the tests
# Sourced by tests of agent programs, beside tests/sh/lib.sh: a scripted model, and where cases begin at the patch.
: "${top:?the directory of the sources}" "${sickbay:?the program}" "${work:?a directory of the test}"
agents=$top/tests/agents
key=a-key-that-no-replica-sees

model() { # model SCENARIO LOG: starts the scripted server; its port is in $port, and stop_model ends it
	(umask 077; printf '%s' "$key" >"$work/key")
	: >"$work/port"
	node "$top/tests/models/server.js" --scenario "$1" --log "$2" --key "$key" >"$work/port" 2>"$work/model.err" &
	model_pid=$!
	tries=0
	while ! grep -q listening "$work/port" && [ "$tries" -lt 100 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
	port=$(sed -n 's/^listening //p' "$work/port")
}
stop_model() {
	[ -z "${model_pid-}" ] || { kill "$model_pid"; wait "$model_pid"; } 2>/dev/null
	model_pid=
}

host_config() { # host_config FILE PROTOCOL: the endpoint "house" is the scripted server, with one model "big"
	cat >"$1" <<-J
		{ "version": 1, "models": [{ "name": "house", "protocol": "$2", "url": "http://127.0.0.1:$port",
		  "credential": "$work/key", "retries": 0, "models": [{ "name": "big", "input": "3.00", "output": "15.00" }] }] }
	J
}

begin_at_match() { # begin_at_match STATE CASE NEW: a case that stands where CASE stood when its replica was made
	mkdir -p "$1/cases/$3"
	for f in 1-incident.json 2-replica.json; do cp "$1/cases/$2/$f" "$1/cases/$3/$f"; done
}

begin_at_patch() { # begin_at_patch STATE CASE NEW: a case that stands where CASE stood when its test had been accepted
	begin_at_match "$@"
	node -e '
		const fs = require("fs"), v = JSON.parse(fs.readFileSync(process.argv[1]));
		delete v.end;
		fs.writeFileSync(process.argv[2], JSON.stringify(v));' "$1/cases/$2/3-match.json" "$1/cases/$3/3-match.json"
}

looked_at() { # looked_at STATE CASE: a person did, so that the next one is proposed, too
	"$sickbay" case audit "$2" --state "$1" --by-note "a test" >/dev/null 2>&1
}

with_agent() { # with_agent SERVICE AGENT OUT [ROLE]: the service file, with that agent of role patch, or of that one alone
	node -e '
		const fs = require("fs"), text = fs.readFileSync(process.argv[1], "utf8").replace(/^\s*\/\/.*$/mg, "");
		const s = JSON.parse(text), a = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
		if (a.toolchain) a.toolchain = process.argv[4] + "/" + a.toolchain;
		if (process.argv[5] === "reproduce") s.mode = "reproduce";
		s.agents = { [process.argv[5] || "patch"]: a };
		s.limits = { open: 50, open_fingerprint: 50, open_file: 50 };
		s.drift = { per_file: 50, per_module: 50 };
		fs.writeFileSync(process.argv[3], JSON.stringify(s));' "$1" "$2" "$3" "$agents" "${4-}"
}
