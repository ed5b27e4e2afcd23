#!/bin/sh
# The state directory is copied with tar and restored elsewhere: the log verifies, cases are listed, one that was
# half done goes on; a record of another format is refused by its name.
# shellcheck disable=SC2317 # functions called by check
# shellcheck source=tests/sh/lib.sh
. "$(dirname "$0")/../sh/lib.sh"
# shellcheck source=tests/queue/lib.sh
. "$(dirname "$0")/../queue/lib.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
state=$dir/state
toy shop
"$sickbay" service check "$dir/services/shop.json" --state "$state" >/dev/null 2>&1
says() { # says TEXT COMMAND [ARG ...]: exits 0 and prints the text
	text=$1; shift; out=$("$@" 2>&1) || { echo "$out"; return 1; }
	case "$out" in *"$text"*) ;; *) echo "$out"; return 1 ;; esac
}
heal() { incident shop "$1" >"$dir/$1.json"; "$sickbay" heal "$dir/$1.json" --service "$dir/services/shop.json" --state "$state"; }
half() { # a case that is killed after its first record
	rm -rf "$state"/services/shop/baseline*
	incident shop half >"$dir/half.json"
	"$sickbay" heal "$dir/half.json" --service "$dir/services/shop.json" --state "$state" >/dev/null 2>&1 &
	pid=$!
	for _ in $(seq 500); do
		for record in "$state"/cases/*half*/1-incident.json; do :; done
		[ ! -e "$record" ] || break
		sleep 0.01
	done
	kill -KILL "$pid"; wait "$pid" 2>/dev/null
	record=${record%/*}
	echo "${record##*/}" >"$dir/id"
	test -e "$record/1-incident.json" && ! test -e "$record/7-outcome.json"
}
heal whole >/dev/null 2>&1
check "a case has ended" says observed "$sickbay" case list --state "$state"
check "another is half done" half
id=$(cat "$dir/id")

"$sickbay" audit show --json --state "$state" >"$dir/events"
tar --create --xattrs --numeric-owner --sparse --file "$dir/backup.tar" --directory "$dir" state
rm -rf "$state"
mkdir "$dir/elsewhere"
tar --extract --xattrs --numeric-owner --preserve-permissions --file "$dir/backup.tar" --directory "$dir/elsewhere"
state=$dir/elsewhere/state
check "the restored log verifies" "$sickbay" audit verify --state "$state"
check "it has every event" sh -c '"$1" audit show --json --state "$2" | head -n "$(wc -l <"$3")" | cmp - "$3"' sh "$sickbay" "$state" "$dir/events"
check "the cases are listed" says "$id" "$sickbay" case list --state "$state"
resumed() { out=$("$sickbay" case resume "$id" --state "$state" 2>&1); case "$?:$out" in [03]:*observed*) ;; *) echo "$out"; return 1 ;; esac; }
check "the half-done case goes on to its end" resumed
check "a new case is begun there" sh -c '"$1" heal "$2" --service "$3" --state "$4"; test "$?" -le 3' sh \
	"$sickbay" "$dir/whole.json" "$dir/services/shop.json" "$state"
check "the log verifies then" "$sickbay" audit verify --state "$state"

# ---- without what can be made again ----
mkdir "$dir/less"
tar --extract --xattrs --numeric-owner --preserve-permissions --exclude=state/images --exclude=state/repos \
	--file "$dir/backup.tar" --directory "$dir/less"
state=$dir/less/state
check "layers and clones are made again" resumed

# ---- records of another format ----
other() { # other FILE: as the next version would write it
	sed -i 's|\("schema": *"[a-z.-]*/\)1"|\12"|' "$state/$1" && grep -q '/2"' "$state/$1"
}
for record in 7-outcome 2-replica 1-incident; do
	cp "$state/cases/$id/$record.json" "$dir/keep"
	other "cases/$id/$record.json"
	refuses "a $record of another format is refused by its name" 1 \
		"'$record.json' has the format 'sickbay.case.${record#*-}/2'; this sickbay reads 'sickbay.case.${record#*-}/1'" \
		"$sickbay" case show "$id" --json --state "$state"
	cp "$dir/keep" "$state/cases/$id/$record.json"
done
check "as they were they are read" says observed "$sickbay" case show "$id" --state "$state"
other services/shop/check.json
refuses "so is what a check of a service found" 1 "'check.json' has the format 'sickbay.check/2'" \
	"$sickbay" heal "$dir/half.json" --service "$dir/services/shop.json" --state "$state"
sed -i 's|sickbay.check/2|sickbay.check/1|' "$state/services/shop/check.json"
echo '{ "schema": "sickbay.mode/2", "rung": "propose" }' >"$state/services/shop/mode.json"
refuses "and how far a service may go" 1 "'mode.json' has the format 'sickbay.mode/2'" \
	"$sickbay" heal "$dir/half.json" --service "$dir/services/shop.json" --state "$state"
rm "$state/services/shop/mode.json"
"$sickbay" case decide "$id" duplicate --state "$state" >/dev/null 2>&1
other "cases/$id/decisions.ndjson"
refuses "and what people decided" 1 "'decisions.ndjson' has the format 'sickbay.decision/2'" \
	"$sickbay" case decide "$id" duplicate --state "$state"
rm "$state/cases/$id/decisions.ndjson"
mkdir -p "$dir/app/usr"; "$sickbay" image import "$dir/app" --name app --state "$state" >/dev/null 2>&1
sed -i 's|\("format": *"[a-z.-]*/\)1"|\12"|' "$state/images/names/app.json"
refuses "and what an image is" 1 "format 'sickbay.image/2' is not sickbay.image/1" "$sickbay" image inspect app --state "$state"
check "an incident's state is refused, too" sh -c 'for f in "$1"/incidents/*; do
	[ -f "$f" ] || f=$(ls "$f"/*.json | head -n 1); sed -i "s|/1\"|/2\"|" "$f"; done
	! "$2" incident list --state "$1" >"$3" 2>&1 && grep -q "this sickbay reads" "$3"' sh "$state" "$sickbay" "$dir/out"
done_testing
