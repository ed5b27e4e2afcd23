#!/bin/sh
# shellcheck disable=SC2016 # programs of other shells
# Checkpoints that are kept outside the log: a log that was written anew or cut is named, even by who has its key; and no
# pull request is made that its witness does not know of.  Needs root.
cd "$(dirname "$0")/../.." || exit 1
. tests/sh/lib.sh
top=$PWD
sickbay=${SICKBAY:-$top/build/sickbay}
append=${sickbay%/*}/test-audit-log
work=$(mktemp -d "$top/build/witness.XXXXXX") || exit 1
state=$work/state
server=
stop() { [ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; }; server=; }
trap 'stop; rm -rf "$work"' EXIT
prints() { text=$1; shift; "$@" 2>&1 | grep -qF -e "$text"; }
config() { printf '{ "version": 1, "audit": { "witness": "%s" } }\n' "$1" >"$work/host.json"; }
serve() {
	"$sickbay" audit serve --state "$state" --config "$work/host.json" >"$work/server" 2>&1 &
	server=$!
	for _ in $(seq 100); do [ ! -S "$state/audit.socket" ] || return 0; sleep 0.1; done
	return 1
}
verify() { "$sickbay" audit verify --state "$state" "$@"; }
signed() { # signed N: the served log has signed N records by itself
	for _ in $(seq 100); do prints "ok: $1 records, $1 of them signed" verify && return 0; sleep 0.1; done
	return 1
}

mkdir "$work/far"
config "$work/far"
serve
"$append" "$state" a-1 2
check "a served log signs what it was told" signed 4
check "the witness has the checkpoint" prints "witness: all of its 1 checkpoints fit" verify --against "$work/far"
stop
cp -a "$state" "$work/then"
serve
"$append" "$state" a-2 2
check "it goes on" signed 7
stop
check "the witness has both" prints "witness: all of its 2 checkpoints fit" verify --against "$work/far"
check "named as a file too" prints "witness: all of its 2 checkpoints fit" verify --against "$work/far/audit-checkpoints"
check "as JSON" prints '"witnessed":2' verify --against "$work/far" --json
head -c -40 "$work/far/audit-checkpoints" >"$work/torn"
check "one that a crash cut short counts for nothing" prints "witness: all of its 1 checkpoints fit" verify --against "$work/torn"

mv "$state" "$work/now"
cp -a "$work/then" "$state"
check "a log that was put back looks whole" prints "ok: 4 records" verify
refuses "the witness names it" 1 "truncated: the witness, checkpoint 2 signs 7 records, but the log ends with 4: it was cut" verify --against "$work/far"
"$append" "$state" b-1 5
check "so does one that was then written on with the same key" prints "ok: 10 records" verify
refuses "the witness names the first checkpoint that does not fit" 1 \
	"forked: the witness, checkpoint 2 signs 7 other records: the log was rewritten behind the checkpoint before it" verify --against "$work/far"
refuses "a witness of another log is named" 1 "unknown-key: the witness, checkpoint 1: the checkpoint is not signed by" \
	sh -c '"$1" "$2" x 1; "$3" audit verify --state "$4" --against "$2/audit/checkpoint"' sh "$append" "$work/other" "$sickbay" "$state"
: >"$work/empty"
refuses "an empty one is no witness" 1 "the witness holds no checkpoint" verify --against "$work/empty"
refuses "one that is not there is named" 1 "cannot open '$work/none'" verify --against "$work/none"
rm -rf "$state" "$work/now" "$work/then"

# a witness that takes nothing
. "$top/tests/audit/toy.lib.sh"
check "a small service is ready" "$sickbay" service check service.json --state "$state"
config /dev/full
serve
refuses "no pull request is made that the witness does not know of" 1 "no pull request is made: the witness has not its checkpoint" \
	sh -c '"$1" heal --from node --service service.json --state "$2" --deploy deploy.json --input input.json <report' sh "$sickbay" "$state"
id=$(ls "$state/cases")
check "nothing was pushed" sh -c '! git -C "$1/repo" rev-parse -q --verify "sickbay/$2"' sh "$work" "$id"
check "what was done until then is kept" [ -e "$state/cases/$id/5-proof.json" ]
check "other things go on" "$append" "$state" b-1 1
stop
check "the log warns of them" grep -q "is not kept by the witness" "$work/server"
mkdir "$work/near"
config "$work/near"
serve
check "with the witness back the case goes on" prints "proposed" "$sickbay" case resume "$id" --state "$state"
check "its checkpoint is there" prints "fit" verify --against "$work/near"
stop
config "$work/none/at/all"
refuses "a log is not served without its witness" 1 "the witness '$work/none/at/all'" \
	"$sickbay" audit serve --state "$state" --config "$work/host.json"
config relative
refuses "a witness has an absolute path" 1 "host.json:1:28: 'relative' is not an absolute path" \
	"$sickbay" audit serve --state "$state" --config "$work/host.json"
done_testing
