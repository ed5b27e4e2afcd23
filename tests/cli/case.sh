#!/bin/sh
# Cases as an operator meets them: where they stand, going on, ending them, and what happens when the log or a record
# cannot be written.  Needs root.  tests/kill has the cases that are killed.
. "$(dirname "$0")/../sh/lib.sh"
sickbay=${SICKBAY:-build/sickbay}
case $sickbay in /*) ;; *) sickbay=$PWD/$sickbay ;; esac
dir=$(mktemp -d "${TMPDIR:-/tmp}/sickbay-case.XXXXXX")
trap 'rm -rf "$dir"' EXIT
state=$dir/state

unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
mkdir -p "$dir/repo/test"
echo 'exports.price = (item) => item.price;' >"$dir/repo/a.js"
echo 'echo "ok 1 - a price"; echo 1..1' >"$dir/repo/test/one.sh"
git -C "$dir/repo" init -q && git -C "$dir/repo" checkout -q -b main && git -C "$dir/repo" add -A &&
	git -C "$dir/repo" -c user.name=t -c user.email=t@example.com commit -qm x
commit=$(git -C "$dir/repo" rev-parse HEAD)
service() { # service MODE
	cat >"$dir/service.json" <<-END
	{ "version": 1, "name": "shop", "language": "javascript", "mode": "$1",
	  "repository": { "url": "repo", "target": "main" },
	  "in_app": ["*.js"], "image": { "production": "host" }, "run": { "cwd": "/srv/shop" },
	  "tests": [{ "name": "sh", "command": ["sh", "test/one.sh"], "one": ["sh", "@test"], "format": "tap",
	              "timeout": "1m", "new_test": { "dir": "test", "framework": "tape", "module": "../" } }],
	  "proof": { "baseline": 2 },
	  "policy": { "reproduce": "preset:reproduce", "patch": "preset:patch", "verify": "preset:verify" } }
	END
}
cat >"$dir/incident.json" <<END
{ "schema": "sickbay.incident/1", "id": "shop-1", "service": "shop", "kind": "exception", "count": 1,
  "fingerprint": "sha256:b46fe6f1016049f833da2c3ee8420adad5d034f0cb81fb81a0a38c486876b4c6",
  "deploy": { "commit": "$commit" }, "runtime": { "language": "javascript" },
  "chain": [{ "type": "TypeError", "message": "m", "frames": [{ "file": "a.js", "function": "price", "line": 1, "in_app": true }] }],
  "coordinate": { "type": "TypeError", "file": "a.js", "function": "price", "line": 1, "rule": "innermost in-app frame" },
  "input": { "call": { "export": "price", "args": [null] } } }
END
service observe

heal() { "$sickbay" heal "$dir/incident.json" --service "$dir/service.json" --state "$state" "$@"; }
kase() { verb=$1; shift; "$sickbay" case "$verb" "$@" --state "$state"; }
prints() { text=$1; shift; "$@" 2>&1 | grep -qF -e "$text"; } # TEXT COMMAND ...
forget() { rm -f "$state"/services/shop/baseline-*; } # what the suite does: cases begin with running it again
unlogged() { ! logged "$1"; }
logged() { text=$1; "$sickbay" audit show --json --state "$state" | grep -qF -e "$text"; }
begun() { # begun ID: a case whose first record is all that it has
	mkdir -m 700 "$state/cases/$1"
	sed "s/\"case\": \"shop-1-1\"/\"case\": \"$1\"/" "$state/cases/shop-1-1/1-incident.json" >"$state/cases/$1/1-incident.json"
	printf %s "$dir/service.json" >"$state/cases/$1/service"
}
records() { (cd "$state/cases/$1" && printf '%s ' [0-9]*.json); }
has() { [ "$(records "$1")" = "$2" ] || { records "$1"; return 1; }; } # ID RECORDS
untouched() { # untouched ID COMMAND ...: nothing in the case's directory is other than before
	id=$1; shift
	before=$(cd "$state/cases/$id" && cat ./[0-9]*.json | sha256sum)
	"$@" >/dev/null 2>&1
	[ "$before" = "$(cd "$state/cases/$id" && cat ./[0-9]*.json | sha256sum)" ]
}

refuses "a service that never passed its check is not healed" 1 "run 'sickbay service check $dir/service.json --state $state'" heal
check "no case was made" [ ! -e "$state/cases/shop-1-1" ]
check "with the check it is ready" prints "shop: ready" "$sickbay" service check "$dir/service.json" --state "$state"
check "the check is in the log" logged '"type":"service.checked","service":"shop","ready":true'
check "a case that is only observed ends so" prints "shop-1-1: observed" heal
check "it has what was observed" has shop-1-1 "1-incident.json 2-replica.json 7-outcome.json "
check "its end is in the log" logged '"type":"case.end","case":"shop-1-1","outcome":"observed"'
check "so is each record" logged '"type":"record.publish","case":"shop-1-1","record":"2-replica.json"'
check "what the check found is not run again" unlogged '"type":"replica.start","case":"shop-1-1"'
check "show says where it stands" prints "outcome   observed" kase show shop-1-1
check "list does too" prints "ended      observed" kase list

check "a case that has ended stays as it is when it is resumed" untouched shop-1-1 kase resume shop-1-1
check "and says again how it ended" prints "shop-1-1: observed" kase resume shop-1-1
refuses "it cannot be cancelled any more" 1 "case 'shop-1-1' has ended already" kase cancel shop-1-1
refuses "a case that is not there is named" 1 "no case 'shop-9' in '$state'" kase resume shop-9
refuses "an id is no path" 1 "'../cases/shop-1-1' is not a case id" kase resume ../cases/shop-1-1
refuses "resume wants one id" 2 "case resume wants one case id" kase resume
refuses "an unknown verb is named" 2 "did you mean 'resume'?" kase resum

begun shop-1-2
exec 8>"$state/cases/shop-1-2/lock"
flock -n 8
refuses "a case that another process works on is left alone" 1 "case 'shop-1-2': another process is working on it" kase resume shop-1-2
refuses "one that does not hear of it is not cancelled" 1 "case 'shop-1-2' was told to end, but whoever works on it has not let go of it within 0 seconds" kase cancel shop-1-2 --wait 0
rm "$state/cases/shop-1-2/cancel"
check "nothing was recorded" has shop-1-2 "1-incident.json "
exec 8>&-
check "a case can be cancelled" kase cancel shop-1-2 --reason "a person repairs it"
check "its outcome says why" prints "a person repairs it" kase show shop-1-2
check "the log says so" logged '"case":"shop-1-2","outcome":"cancelled","reason":"a person repairs it"'
refuses "a cancelled case is not resumed" 3 "shop-1-2: cancelled: a person repairs it" kase resume shop-1-2

# what a process that was killed left in the directory
begun shop-1-3
: >"$state/cases/shop-1-3/.tmp-2-replica.json-x"
: >"$state/audit/.tmp-checkpoint-x"
printf '{"what":"replica","evaluations":2}\n{"what":"eval' >"$state/cases/shop-1-3/ledger.ndjson"
forget
check "a case is resumed where it was" prints "shop-1-3: observed" kase resume shop-1-3
check "its replicas are in the log" logged '"type":"replica.start","case":"shop-1-3"'
check "half a record is cleared away" [ ! -e "$state/cases/shop-1-3/.tmp-2-replica.json-x" ]
check "so is half a checkpoint" [ ! -e "$state/audit/.tmp-checkpoint-x" ]
check "half a line of the ledger counts for nothing" prints "spent     2 evaluations, 2 replicas" kase show shop-1-3

begun shop-1-4
printf ' ' >>"$state/cases/shop-1-4/1-incident.json"
cp "$state/cases/shop-1-1/2-replica.json" "$state/cases/shop-1-4"
refuses "a record that was edited is found" 1 "'2-replica.json' does not follow from the record before it" kase resume shop-1-4

# the log: whatever cannot be written there does not happen
begun shop-1-5
sealed() { # sealed COMMAND ...: with a log that is read-only
	unshare -m --propagation private sh -euc '
		mount --bind "$1/audit" "$1/audit"; mount -o remount,bind,ro "$1/audit"; shift; exec "$@"' - "$state" "$@"
}
refuses "a log that cannot be written stops a case" 1 "audit log: " sealed "$sickbay" case resume shop-1-5 --state "$state"
check "nothing was done" has shop-1-5 "1-incident.json "
refuses "a case is not cancelled either" 1 "audit log: " sealed "$sickbay" case cancel shop-1-5 --state "$state"
check "it goes on as it was" has shop-1-5 "1-incident.json "
refuses "no new case begins" 1 "audit log: " sealed "$sickbay" heal "$dir/incident.json" --service "$dir/service.json" --state "$state"
check "and none is left half begun" [ ! -e "$state/cases/shop-1-6" ]
printf '{ "name": "t", "image": "host", "files": [{ "from": "service.json", "to": "/opt/t/a" }] }' >"$dir/recipe.json"
refuses "no layer is prepared" 1 "audit log: " sealed "$sickbay" image prepare "$dir/recipe.json" --state "$state"
check "with the log it is" "$sickbay" image prepare "$dir/recipe.json" --state "$state"
check "and the log has it" logged '"type":"image.publish","recipe":"t"'

# until the last page of the log has less room than two events need
segment=$(ls "$state"/audit/events/*.ndjson | tail -n 1)
while [ $((4096 - $(stat -c %s "$segment") % 4096)) -gt 900 ]; do kase resume shop-1-1 >/dev/null 2>&1; done
full() { # full FOLDER COMMAND ...: with no room left in that folder of the state
	unshare -m --propagation private sh -euc '
		at=$1/$2; shift 2
		mkdir "$at.copy"; cp -a "$at/." "$at.copy"
		mount -t tmpfs -o size=4m,mode=0700 none "$at"
		cp -a "$at.copy/." "$at"; chown --reference="$at.copy" "$at"; rm -rf "$at.copy"
		dd if=/dev/zero of="$at/filler" bs=4096 2>/dev/null || :
		"$@" && got=0 || got=$?
		rm "$at/filler"
		for one in "$at"/events/*.ndjson "$at"/shop-1-5/[0-9]*; do [ ! -e "$one" ] || cp "$one" "$KEEP"; done
		exit "$got"' - "$state" "$@"
}
KEEP=$dir/keep; export KEEP; mkdir "$KEEP"
forget
refuses "a full disk under the log stops a case" 1 "No space left on device" full audit "$sickbay" case resume shop-1-5 --state "$state"
check "what was not logged was not recorded" has shop-1-5 "1-incident.json "
rm -f "$KEEP"/*
refuses "a full disk under the case stops it" 1 "No space left on device" full cases "$sickbay" case resume shop-1-5 --state "$state"
check "there is no half record" [ "$(ls "$KEEP")" = 1-incident.json ]
check "with room again it goes on" prints "shop-1-5: observed" kase resume shop-1-5
check "the log is whole" "$sickbay" audit verify --state "$state"

# a relative state directory is the same as its absolute name
cd "$dir" || exit 1
begun shop-1-6
check "a state directory may be named relative to where one is" prints "shop-1-6: observed" "$sickbay" case resume shop-1-6 --state state
check "nothing is made elsewhere" [ "$(ls "$state/repos")" = "$(printf 'shop.git\nshop.gitconfig\nshop.lock')" ]
done_testing
