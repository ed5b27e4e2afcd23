#!/bin/sh
# Traces in systemd's journal, of several units at once; a reader that is killed anywhere and reads on from its cursor takes
# each trace once.  Needs root.
set -u
. "$(dirname "$0")/../sh/lib.sh"
dir=$(mktemp -d "${TMPDIR:-/tmp}/sickbay-journal.XXXXXX")
. "$(dirname "$0")/lib.sh"
trap 'rm -rf "$dir"' EXIT
journal=$(cd "$(dirname "$0")" && pwd)/journal.py
toy shop
toy till
sed -i 's|"in_app"|"paths": [{ "production": "/srv/", "repository": "" }], "in_app"|' "$dir"/services/*.json
sed -i 's|\["\*.js"\]|["*.js", "*.py"]|' "$dir"/services/*.json
echo "{ \"version\": 1, \"services\": \"$dir/services\" }" >"$dir/config.json"
reads() { # reads [OPTION ...]: standard input, into a state of its own where $state says
	"$sickbay" intake read --from journal --config "$dir/config.json" --state "$state" "$@" 2>"$dir/err"
}
functions() { grep -hom1 '"function": "[^"]*"' "$state"/spool/new/*.json | sort | uniq -c | awk '{ print $1 $3 }' | tr '\n' ' '; }
seen() { functions; cat "$dir/err"; [ "$(functions)" = "$1" ]; }
traces='1"bytes" 2"first" 2"last" 1"whole" '

state=$dir/plain
entries() { /usr/bin/python3 "$journal" "$@"; }
entries 1763792803 '' >"$dir/journal"
reads <"$dir/journal" >"$dir/said"
check "each trace is a report, line by line, whole and in bytes" seen "$traces"
check "the service is the unit's name" [ "$(grep -l '"service": "till"' "$state"/spool/new/*.json | wc -l)" = 3 ]
check "what is no service of this host's is passed over" grep -q '^6 reports taken, 1 left out$' "$dir/said"
check "without a word" [ ! -s "$dir/err" ]

state=$dir/named
reads --service cron=till --service shop.service=shop <"$dir/journal" >"$dir/said"
check "units may have other names, and others are left out" seen '1"first" 1"last" 1"nobody" 1"whole" '
check "with a word" grep -q "a trace of unit 'till@2.service' is left out: it is of no service" "$dir/err"
refuses "a service that there is not is named at once" 1 "nowhere" "$sickbay" intake read --from journal --service cron=nowhere --config "$dir/config.json" --state "$state"
state=$dir/one
reads --service till <"$dir/journal" >/dev/null
check "one name is for all" [ "$(grep -l '"service": "till"' "$state"/spool/new/*.json | wc -l)" = 7 ]

# whoever sends a journal of another host makes up its fields
mkdir "$dir/else"
cp "$dir/services/shop.json" "$dir/else/shop.json"
state=$dir/path
entries 1763792803 '' | sed "s|\"shop.service\"|\"$dir/else/shop.json\"|" | reads >/dev/null
check "a unit's name is no path of a service file" sh -c '! grep -l "$1" "$2"/spool/new/*' sh "$dir/else" "$state"
(cd "$dir/else" && cp shop.json own.json && entries 1763792803 '' | sed 's|"shop.service"|"own.json"|' | reads >/dev/null)
check "nor one of a file where it runs" sh -c '! grep -l "$1" "$2"/spool/new/*' sh "$dir/else" "$state"
check "others are taken beside it" [ "$(grep -l '"service": "till"' "$state"/spool/new/*.json | wc -l)" = 3 ]

echo 'May 01 host shop[1]: as people read it' | reads >/dev/null
check "what is no JSON is said, with what is wanted" grep -q "1 lines were no entries of a journal: it takes what 'journalctl -o json' prints" "$dir/err"
refuses "a cursor is a journal's" 2 "or --from journal" "$sickbay" intake read --from python --service shop --cursor-file x --state "$dir/x"

# ended after each entry in turn, and gone on with
lines=$(wc -l <"$dir/journal")
wrong=
for k in $(seq 1 3 "$lines"); do
	state=$dir/cut.$k
	mkdir "$state"
	now=$(date +%s)
	entries "$now" '' "$k" | reads --cursor-file "$state/cursor" >/dev/null
	entries "$now" "$(head -n 1 "$state/cursor" 2>/dev/null)" | reads --cursor-file "$state/cursor" >/dev/null
	seen "$traces" >/dev/null || wrong="$wrong $k: $(functions)"
done
echo "# $wrong"
check "a reader that ends reads on from its cursor" [ -z "$wrong" ]

# killed without a chance to say anything, with half a trace in its hands
wrong=
for k in 3 6 9 15; do
	state=$dir/kill.$k
	mkdir "$state"
	mkfifo "$state/pipe"
	"$sickbay" intake read --from journal --config "$dir/config.json" --state "$state" --cursor-file "$state/cursor" <"$state/pipe" >/dev/null 2>&1 &
	reader=$!
	exec 8>"$state/pipe"
	now=$(date +%s)
	entries "$now" '' "$k" >&8
	sleep 0.2
	kill -9 "$reader"
	wait "$reader" 2>/dev/null
	exec 8>&-
	entries "$now" "$(head -n 1 "$state/cursor" 2>/dev/null)" | reads --cursor-file "$state/cursor" >/dev/null
	seen "$traces" >/dev/null || wrong="$wrong $k: $(functions)"
done
echo "# $wrong"
check "a reader that is killed does, too" [ -z "$wrong" ]
done_testing
