#!/bin/sh
# Cheating agents through the proof.  Each agent (agents/NAME.sh) changes the tree inside its replica and then shows,
# there, that the new test and the suite pass for a check that believes exit statuses; it fails itself where they do
# not.  The proof must refuse each with the step and the reason in the table, and accept the honest one beside them.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$top/tests/sh/lib.sh"
sickbay=${SICKBAY:-$top/build/sickbay}
. "$here/lib.sh"
work=$(mktemp -d "$top/build/cheats.XXXXXX")
trap 'rm -rf "$work"' EXIT
state=$work/state

. "$top/tests/sh/fetch.sh"
fetch_case qs "$work/qs" >/dev/null 2>&1 || { echo "1..0 # skip the package cannot be fetched"; exit 0; }

# the case up to the accepted test, once: a reproduce-only run
sed 's/"mode": "propose"/"mode": "reproduce"/' "$work/qs/service.json" >"$work/qs/reproduce.json"
check "the service is ready" "$sickbay" service check "$work/qs/service.json" --state "$state"
check "the failure is reproduced once for all agents" "$sickbay" heal --from node --service "$work/qs/reproduce.json" \
	--state "$state" --deploy "$work/qs/deploy.json" <"$work/qs/report.ndjson"
first=$(ls "$state/cases" | head -n 1)

run() { cheat "$work/qs/service.json" "$state" "$first" "$1"; } # prints the outcome and the reason

refused() { # refused AGENT STEP WHAT: the naive check passed (there is a patch), the proof refused it
	n=$((n + 1))
	out=$(run "$1")
	why=$(printf '%s' "$out" | grep '"reason"')
	if ! cheat_passes "$state" "$1"; then
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
refused costly 7 "times the base's"
done_testing
