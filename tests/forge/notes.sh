#!/bin/sh
# What people are told of, from what happens to the webhook, with no hand on it: a proposal, a case for a person, a storm, a
# pause.  A running worker sends each once, signed.  notify.sh has what a receiver can do to it.  Needs root.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
. "$top/tests/sh/lib.sh"
work=$(mktemp -d "$top/build/notes.XXXXXX")
dir=$work state=$work/state receiver='' worker=''
stop() { for p in $worker $receiver; do kill "$p" 2>/dev/null; wait "$p" 2>/dev/null; done; worker='' receiver=''; }
trap 'stop; rm -rf "$work"' EXIT
. "$top/tests/queue/lib.sh"
. "$top/tests/audit/toy.lib.sh"
until_true() { for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; cat "$work/log" "$work/worker.log"; return 1; }
(umask 077; echo webhook-secret >"$work/secret")
/usr/bin/python3 -B "$top/tests/forge/webhook.py" webhook-secret "$work/log" >"$work/out" 2>"$work/err" &
receiver=$!
until_true grep -q listening "$work/out"
mkdir "$work/services"
sed 's|"url": "repo"|"url": "'"$work/repo"'"|' service.json >"$work/services/shop.json"
cat >"$work/config.json" <<J
{ "version": 1, "state": "$state", "services": "$work/services", "storm": { "fingerprints": 3 },
  "notify": { "url": "http://127.0.0.1:$(sed -n 's/listening //p' "$work/out")/", "secret": "$work/secret" } }
J
check "the service is ready" "$sickbay" service check "$work/services/shop.json" --state "$state"
"$sickbay" worker --config "$work/config.json" >"$work/worker.log" 2>&1 &
worker=$!
until_true [ -d "$state/notify" ]
heal() {
	"$sickbay" heal --from node --service "$work/services/shop.json" --config "$work/config.json" --deploy "$work/deploy.json" \
		--input "$work/input.json" <"$work/report"
}

check "a case is proposed" heal
check "somebody hears of it" until_true grep -q '^proposed shop good ' "$work/log"
check "of where it waits" grep -q "^proposed shop good .*sickbay/shop-" "$work/log"
check "it is decided on" "$sickbay" case decide "$(basename "$state"/cases/*)" duplicate --state "$state"
sed -i 's/return item.length;/return item.length + 0;/' repo/price.js
git -C repo -c user.name=t -c user.email=t@example.invalid commit -qam overlapping
refuses "a case that cannot go on needs a person" 3 "needs-person: 'price.js' differs" heal
check "who hears of it, and why" until_true grep -q "^needs-person shop good 'price.js' differs" "$work/log"
for f in one two three; do
	incident shop "$f" "" "$(git -C repo rev-parse HEAD)" >"$work/$f.json"
done
check "three new failures at one time" "$sickbay" incident submit --services "$work/services" --state "$state" one.json two.json three.json
check "are a storm, which somebody hears of" until_true grep -q '^storm shop good ' "$work/log"
storm=$("$sickbay" storm list --state "$state" | cut -d' ' -f1)
check "with what ends it" grep -qF "until 'sickbay storm resume $storm --reason TEXT'" "$work/log"
check "and how much there is of it" grep -q '^storm shop good [34] new failures of ' "$work/log"
check "a fourth" "$sickbay" incident submit --services "$work/services" --state "$state" three.json
"$sickbay" pause --service shop --reason "hands off" --state "$state" >/dev/null
check "a pause is heard of, with its reason" until_true grep -qx 'paused shop good hands off' "$work/log"
check "nothing waits to be told" until_true sh -c "! ls '$state'/notify | grep -q json"
check "each was told once" [ "$(cut -d' ' -f1 "$work/log" | sort | tr '\n' ' ')" = "needs-person paused proposed storm " ]
check "and stands in the log" [ "$("$sickbay" audit show --state "$state" | grep -c ' notify ')" = 4 ]
stop
check "no process is left" empty running
done_testing
