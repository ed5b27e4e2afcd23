#!/bin/sh
# Cheating agents through the proof.  Each agent (agents/NAME.sh) changes the tree inside its replica and then shows,
# there, that the new test and the suite pass for a check that believes exit statuses; it fails itself where they do
# not.  The proof must refuse each with the step and the reason in the table, and accept the honest one beside them.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$top/tests/sh/lib.sh"
sickbay=${SICKBAY:-$top/build/sickbay}
cases=$top/build/cases/qs
work=$(mktemp -d "$top/build/cheats.XXXXXX")
trap 'rm -rf "$work"' EXIT
state=$work/state

sh "$top/tests/cases/qs/fetch.sh" "$cases" >/dev/null 2>&1 || { echo "1..0 # skip the package cannot be fetched"; exit 0; }
# a repository of its own: accepted cases push a branch
cp -r "$cases" "$work/qs"

service() { # service FILE AGENT: the case's service file, with the agent as its patch agent
	AGENT="$(cat "$here/naive.sh" "$here/agents/$2.sh"; echo naive)" node -e '
		const fs = require("fs"), text = fs.readFileSync(process.argv[1], "utf8").replace(/^\s*\/\/.*$/mg, "");
		const s = JSON.parse(text);
		s.agents = { patch: { kind: "command", command: ["/bin/sh", "-c", process.env.AGENT] } };
		fs.writeFileSync(process.argv[2], JSON.stringify(s));' "$work/qs/service.json" "$1"
}

# the case up to the accepted test, once: a reproduce-only run
sed 's/"mode": "propose"/"mode": "reproduce"/' "$work/qs/service.json" >"$work/qs/reproduce.json"
check "the failure is reproduced once for all agents" "$sickbay" heal --from node --service "$work/qs/reproduce.json" \
	--state "$state" --deploy "$work/qs/deploy.json" <"$work/qs/report.ndjson"
first=$(ls "$state/cases" | head -n 1)

run() { # run AGENT: prints the outcome and the reason
	id=$1-1
	mkdir -p "$state/cases/$id"
	service "$work/qs/$1.json" "$1"
	# the accepted test, without the end that the mode gave the first case
	for f in 1-incident.json 2-replica.json; do cp "$state/cases/$first/$f" "$state/cases/$id/$f"; done
	node -e '
		const fs = require("fs"), v = JSON.parse(fs.readFileSync(process.argv[1]));
		delete v.end;
		fs.writeFileSync(process.argv[2], JSON.stringify(v));' "$state/cases/$first/3-match.json" "$state/cases/$id/3-match.json"
	"$sickbay" case resume "$id" --service "$work/qs/$1.json" --state "$state" --json 2>&1
}

refused() { # refused AGENT STEP WHAT: the naive check passed (there is a patch), the proof refused it
	n=$((n + 1))
	out=$(run "$1")
	why=$(printf '%s' "$out" | grep '"reason"')
	if ! [ -e "$state/cases/$1-1/4-patch.json" ] || grep -q '"result": "none"' "$state/cases/$1-1/4-patch.json"; then
		bad=1
		echo "not ok $n - $1: passes for a check that believes green ticks"
		echo "$out" | sed 's/^/# /'
		return
	fi
	case $why in
	*"proof step $2 "*"$3"*)
		echo "ok $n - $1: green without the proof, refused by step $2"
		echo "#$why"
		;;
	*)
		bad=1
		echo "not ok $n - $1: refused by step $2 ($3)"
		echo "$out" | sed 's/^/# /'
		;;
	esac
}

n=$((n + 1))
out=$(run honest)
case $out in
*'"outcome": "proposed"'*) echo "ok $n - honest: accepted" ;;
*) bad=1; echo "not ok $n - honest: accepted"; echo "$out" | sed 's/^/# /' ;;
esac
refused delete-new-test 4 "accepted test"
refused delete-old-test 4 "test"
refused skip-test 4 "test"
refused weaken-new-test 4 "accepted test"
refused exit-early 2 "before the reporter saw its end"
refused special-case 6 ""
refused edit-runner 4 ""
refused edit-config 4 ""
refused swallow 4 ""
refused other-fixture 4 "test"
refused plant-hook 4 ""
refused plant-attributes 4 ""
refused leave-process 2 ""
refused forge-reporter 3 ""
refused expected-constant 6 ""
done_testing
