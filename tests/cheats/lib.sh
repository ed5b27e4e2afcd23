# shellcheck shell=sh
# Sourced by what lets cheating agents (agents/NAME.sh) loose on a case whose test was accepted.
: "${top:?the directory of the sources}" "${sickbay:?the program}"
cheats=$top/tests/cheats

cheat_service() { # cheat_service FILE AGENT OUT: the service file, with the agent as its patch agent
	AGENT="$(cat "$cheats/naive.sh" "$cheats/agents/$2.sh"; echo naive)" node -e '
		const fs = require("fs"), text = fs.readFileSync(process.argv[1], "utf8").replace(/^\s*\/\/.*$/mg, "");
		const s = JSON.parse(text);
		s.agents = { patch: { kind: "command", command: ["/bin/sh", "-c", process.env.AGENT] } };
		fs.writeFileSync(process.argv[2], JSON.stringify(s));' "$1" "$3"
}

case_like() { # case_like STATE CASE NEW: a case that stands where CASE stood when its test had been accepted
	mkdir -p "$1/cases/$3"
	for f in 1-incident.json 2-replica.json; do cp "$1/cases/$2/$f" "$1/cases/$3/$f"; done
	# without the end that the mode gave the first case
	node -e '
		const fs = require("fs"), v = JSON.parse(fs.readFileSync(process.argv[1]));
		delete v.end;
		fs.writeFileSync(process.argv[2], JSON.stringify(v));' "$1/cases/$2/3-match.json" "$1/cases/$3/3-match.json"
}

cheat() { # cheat SERVICE STATE CASE AGENT: prints the end of the case AGENT-1 as JSON
	cheat_service "$1" "$4" "${1%/*}/$4.json"
	case_like "$2" "$3" "$4-1"
	"$sickbay" case resume "$4-1" --service "${1%/*}/$4.json" --state "$2" --json 2>&1
}

cheat_passes() { # cheat_passes STATE AGENT: its tree was taken, so the check that believes green ticks had passed
	[ -e "$1/cases/$2-1/4-patch.json" ] && ! grep -q '"result": "none"' "$1/cases/$2-1/4-patch.json"
}
