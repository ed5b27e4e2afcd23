#!/bin/sh
# Triage as an operator meets it: what is no matter of code is closed before a replica is started, and says why.
# Needs root.  tests/unit/f4/test_triage.c has each rule with its report.
. "$(dirname "$0")/../sh/lib.sh"
here=$(cd "$(dirname "$0")/.." && pwd)
sickbay=${SICKBAY:-build/sickbay}
case $sickbay in /*) ;; *) sickbay=$PWD/$sickbay ;; esac
dir=$(mktemp -d "${TMPDIR:-/tmp}/sickbay-triage.XXXXXX")
trap 'rm -rf "$dir"' EXIT
state=$dir/state

unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
mkdir -p "$dir/repo/test"
cp "$here/triage/shop.js" "$dir/repo"
echo 'echo "ok 1 - a price"; echo 1..1' >"$dir/repo/test/one.sh"
git -C "$dir/repo" init -q && git -C "$dir/repo" checkout -q -b main && git -C "$dir/repo" add -A &&
	git -C "$dir/repo" -c user.name=t -c user.email=t@example.com commit -qm x
printf '{ "commit": "%s" }' "$(git -C "$dir/repo" rev-parse HEAD)" >"$dir/deploy.json"
cat >"$dir/service.json" <<-END
{ "version": 1, "name": "shop", "language": "javascript", "mode": "observe",
  "repository": { "url": "repo", "target": "main" },
  "paths": [{ "production": "/srv/shop/", "repository": "" }],
  "in_app": ["shop.js"], "image": { "production": "host" }, "run": { "cwd": "/srv/shop" },
  "tests": [{ "name": "sh", "command": ["sh", "test/one.sh"], "one": ["sh", "@test"], "format": "tap",
              "timeout": "1m", "new_test": { "dir": "test", "framework": "tape", "module": "../" } }],
  "proof": { "baseline": 2 },
  "policy": { "reproduce": "preset:reproduce", "patch": "preset:patch", "verify": "preset:verify" } }
END

heal() { # heal REPORT
	"$sickbay" heal --from "${1##*.}" --service "$dir/service.json" --deploy "$dir/deploy.json" --state "$state" \
		<"$here/triage/reports/$1"
}
prints() { text=$1; shift; "$@" 2>&1 | grep -qF -e "$text"; } # TEXT COMMAND ...
newest() { find "$state/cases" -mindepth 1 -maxdepth 1 -printf '%T@ %f\n' | sort -n | sed -n '$s/.* //p'; }
show() { "$sickbay" case show "$(newest)" --state "$state" "$@"; }
logged() { "$sickbay" audit show --json --state "$state" --case "$(newest)" | grep -qF -e "$1"; }
records() { (cd "$state/cases/$(newest)" && echo [0-9]*.json); }
is() { [ "$2" = "$1" ] || { echo "# $2"; return 1; }; } # WANT GOT

check "the service is ready" "$sickbay" service check "$dir/service.json" --state "$state"
refuses "a full disk is no matter of code" 3 \
	"not-code: operational, rule disk: a file system was full, over its quota, read-only or failing (ENOSPC)" heal disk.node
check "nothing was started for it" is "1-incident.json 7-outcome.json" "$(records)"
check "no replica stands in the log of the case" sh -c '! "$@" | grep -q replica.start' - \
	"$sickbay" audit show --json --state "$state" --case "$(newest)"
check "the log has the class with the case" logged '"triage":"operational"'
check "the case shows the rule" prints "triage    operational, rule disk: a file system was full" show
check "and the evidence" prints "code ENOSPC" show
check "with the own frame" prints "frame shop.js:" show
check "as JSON, too" prints '"rule": "disk"' show --json
refuses "a validator that refused is none" 3 "not-code: expected, rule validation: a validator refused" heal validation.node
refuses "a fault within a package is none" 3 \
	"not-code: dependency, rule inside-package: own code only handed data on: it failed inside a package ('qs'" heal package.node
refuses "what points nowhere is closed, and says what to look at" 3 \
	"not-code: unknown, rule no-own-frame: no frame of the trace lies in the repository: check the service's paths" heal nowhere.node
check "a fault of own code goes on" prints ": observed: " heal own.node
check "its case says that it is one" prints "triage    code, rule own-frame: own code failed (TypeError)" show

incident() { # incident REPORT: as convert writes it
	"$sickbay" incident convert --from "${1##*.}" --service "$dir/service.json" "$here/triage/reports/$1" >"$dir/incident.json"
}
check "a report is converted" incident peer.python
check "a check says how triage decides" prints "triage operational, rule peer-code: a peer could not be reached" \
	"$sickbay" incident check "$dir/incident.json"
check "and on what grounds" prints "code ECONNREFUSED" "$sickbay" incident check "$dir/incident.json"
check "as JSON" prints '"class": "operational"' "$sickbay" incident check --json "$dir/incident.json"
check "the log is whole" "$sickbay" audit verify --state "$state"
done_testing
