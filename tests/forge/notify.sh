#!/bin/sh
# The outgoing webhook: signed, in the log first, sent again where that helps, and nobody's obstacle.  Needs root.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
. "$top/tests/sh/lib.sh"
sickbay=${SICKBAY:-$top/build/sickbay}
case $sickbay in /*) ;; *) sickbay=$PWD/$sickbay ;; esac
work=$(mktemp -d "$top/build/notify.XXXXXX")
state=$work/state receiver=
trap '[ -z "$receiver" ] || { kill "$receiver"; wait "$receiver" 2>/dev/null; }; rm -rf "$work"' EXIT
mkdir "$work/services"
(umask 077; echo webhook-secret >"$work/secret")
: >"$work/log"
/usr/bin/python3 "$top/tests/forge/webhook.py" webhook-secret "$work/log" 503 204 400 >"$work/out" 2>"$work/err" &
receiver=$!
for _ in $(seq 100); do grep -q listening "$work/out" && break; sleep 0.1; done
config() { # config [SECRET]: the host's configuration
	cat >"$work/config.json" <<-J
		{ "version": 1, "state": "$state", "services": "$work/services",
		  "notify": { "url": "http://127.0.0.1:$(sed -n 's/listening //p' "$work/out")/hook", "secret": "${1:-$work/secret}" } }
	J
}
send() { "$sickbay" notify send --config "$work/config.json"; }
waiting() { find "$state/notify" -name '*.json' | wc -l; }
config
check "nobody is told where there is nothing" send
check "the worker makes room for notes" "$sickbay" worker --config "$work/config.json" --drain
check "a pause is noted" "$sickbay" pause --all --reason "a try" --state "$state"
check "once" [ "$(waiting)" = 1 ]
refuses "a receiver that has no time is asked later" 1 "it answered 503" send
check "the note stays" [ "$(waiting)" = 1 ]
check "and is sent the next time" send
check "then it is gone" [ "$(waiting)" = 0 ]
check "it was signed, twice the same" [ "$(sort -u "$work/log")" = "paused None good a try" ]
check "the log had it each time, before" [ "$("$sickbay" audit show --state "$state" | grep -c ' notify ')" = 2 ]
"$sickbay" unpause --all --state "$state" >/dev/null
"$sickbay" pause --all --reason "another" --state "$state" >/dev/null
check "what the receiver refuses is not asked again" sh -c "'$sickbay' notify send --config '$work/config.json' 2>&1 | grep -q 'is not asked again'"
check "it is gone, too" [ "$(waiting)" = 0 ]
"$sickbay" unpause --all --state "$state" >/dev/null
"$sickbay" pause --all --reason "once more" --state "$state" >/dev/null
check "a worker sends by itself" "$sickbay" worker --config "$work/config.json" --drain
check "what was noted" grep -qx "paused None good once more" "$work/log"
chmod 644 "$work/secret"
"$sickbay" unpause --all --state "$state" >/dev/null
"$sickbay" pause --all --reason "readable" --state "$state" >/dev/null
refuses "a secret that others can read is refused" 1 "$work/secret" send
config "$work/none"
refuses "so is one that is not there" 1 "$work/none" send
echo "{ \"version\": 1, \"state\": \"$state\" }" >"$work/config.json"
refuses "without a webhook the command says so" 1 'name it under "notify"' send
check "and a worker clears the notes away" "$sickbay" worker --config "$work/config.json" --drain
check "for good" [ ! -e "$state/notify" ]
check "the secret stands in no record" sh -c "! grep -rq webhook-secret '$state'"
done_testing
