#!/bin/sh
# The queue as an operator meets it: submitting, the worker, what is not begun and what the operator is told of it,
# storms of a deploy, status.  Needs root.  load.sh has the workers that are killed.
set -u
. "$(dirname "$0")/../sh/lib.sh"
. "$(dirname "$0")/lib.sh"
dir=$(mktemp -d "${TMPDIR:-/tmp}/sickbay-queue.XXXXXX")
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
state=$dir/state
worker() { "$sickbay" worker --state "$state" --config "$dir/config.json" "$@"; }
incidents() { "$sickbay" incident list --state "$state" "$@"; }
submit() { "$sickbay" incident submit --services "$dir/services" --state "$state" "$@"; }
status() { "$sickbay" status --state "$state" "$@"; }
heal() { "$sickbay" heal --state "$state" "$@"; }
cases() { find "$state/cases" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l; }
spooled() { find "$state/spool/new" -name '*.json' 2>/dev/null | wc -l; }
id_of() { incidents --json | awk -v f="\"function\": \"$1\"" '/"incident":/ { gsub("[\",]", ""); id = $2 } index($0, f) { print id }'; }

printf '{ "version": 1, "storm": { "fingerprints": 50 } }' >"$dir/config.json"
toy shop
toy till propose
for s in shop till; do "$sickbay" service check "$dir/services/$s.json" --state "$state" >/dev/null 2>&1; done
incident shop price >"$dir/price"
incident till price >"$dir/tprice"

# submitting
refuses "submit wants something" 2 "incident submit wants FILEs of incidents" submit
refuses "a file that is not there is named" 1 "'$dir/none'" submit "$dir/none"
echo '{ "schema": "sickbay.incident/1", "id": 7 }' >"$dir/bad"
refuses "a bad incident is refused with its place" 1 "$dir/bad: not submitted: $dir/bad:1:" submit "$dir/bad"
refuses "an incident of another service is refused" 1 "it is of service 'shop', the service file is of 'till'" \
	submit --service "$dir/services/till.json" "$dir/price"
refuses "a service without a file is named" 1 "gone" sh -c "sed 's/\"shop\"/\"gone\"/' '$dir/price' >'$dir/gone'; \
	'$sickbay' incident submit --services '$dir/services' --state '$state' '$dir/gone'"
check "nothing was taken" [ "$(spooled)" = 0 ]
check "the incident's id is printed" prints "shop-" submit "$dir/price"
check "the report is in the spool" [ "$(spooled)" = 1 ]
check "status counts it" prints "spool     1 reports" status
echo '{ "half": ' >"$state/spool/new/00-half.json"

# the worker
check "the worker repairs it" worker --drain
check "there is one case" [ "$(cases)" = 1 ]
check "what is no report is put aside" [ -e "$state/spool/refused/00-half.json" ]
check "the spool is empty" [ "$(spooled)" = 0 ]
first=$(id_of price)
check "the incident has ended" prints " ended " incidents
check "another report of it is submitted" submit "$dir/price"
check "and taken" worker --drain
check "it is counted, and makes no second case" [ "$(cases)" = 1 ]
check "a person can have one" prints "shop-price-2: observed" heal --incident "$first"
refuses "an incident that is not there is named" 1 "no incident 'shop-0'" heal --incident shop-0
refuses "heal takes one or the other" 2 "heal wants one INCIDENT file" heal --incident "$first" "$dir/price"
exec 9>"$state/spool/worker.lock"
flock -n 9
refuses "there is one worker for a state directory" 1 "another worker works on '$state'" worker --drain
exec 9>&-

# a case that a kill left half done is gone on with
mkdir -m 700 "$state/cases/shop-price-3"
sed 's/"case": "shop-price-1"/"case": "shop-price-3"/' "$state/cases/shop-price-1/1-incident.json" >"$state/cases/shop-price-3/1-incident.json"
printf %s "$dir/services/shop.json" >"$state/cases/shop-price-3/service"
sed -i 's/"shop-price-2"/"shop-price-2", "shop-price-3"/' "$state/incidents/$first/group.json"
check "an interrupted case shows" prints " interrupted " incidents
refuses "no other begins beside it" 3 "'sickbay case resume shop-price-3' goes on with it" heal --incident "$first"
check "the worker goes on with it" prints "going on with case shop-price-3" worker --drain
check "to its end" [ -e "$state/cases/shop-price-3/7-outcome.json" ]
mkdir -m 700 "$state/cases/shop-price-4"
: >"$state/spool/new/.tmp-x"
check "the worker clears what a kill left" worker --drain
check "a case that never began is gone" [ ! -e "$state/cases/shop-price-4" ]
check "so is half a report" [ ! -e "$state/spool/new/.tmp-x" ]
exec 9>"$state/spool/claimed/$first.json"
flock -n 9
refuses "an incident at work is left alone" 3 "incident '$first' is being repaired already" heal --incident "$first"
check "it shows" prints " repairing " incidents
printf '{"schema":"sickbay.claim/1","incident":"%s","paths":[{"repository":"%s","path":"a.js"}]}' "$first" "$dir/repos/shop" \
	>"$state/spool/claimed/$first.json"
incident shop other >"$dir/other"
refuses "no other repair begins on its paths" 3 "'a.js' is being changed by the repair of incident '$first': wait for it to end" \
	heal "$dir/other" --service "$dir/services/shop.json"
exec 9>&-
rm "$state/spool/claimed/$first.json"

# paused
"$sickbay" pause --service shop --reason "a person works there" --state "$state" >/dev/null 2>&1
incident shop paused >"$dir/paused"
submit "$dir/paused" >/dev/null
before=$(cases)
check "a worker takes reports of a service that is paused" worker --drain
check "and begins nothing" [ "$(cases)" = "$before" ]
check "status says why" prints "paused: shop: a person works there (sickbay unpause)" status
"$sickbay" unpause --service shop --state "$state" >/dev/null 2>&1
check "afterwards it is repaired" worker --once
check "one of those that waited" [ "$(cases)" = $((before + 1)) ]

# bounds: pull requests that nobody has decided on
proposed() { # proposed ID: a case of till that proposes something
	mkdir -m 700 "$state/cases/$1"
	sed "s/\"case\": \"shop-price-1\"/\"case\": \"$1\"/; s/\"shop\"/\"till\"/; s/\"observe\"/\"propose\"/" \
		"$state/cases/shop-price-1/1-incident.json" >"$state/cases/$1/1-incident.json"
	[ -z "${2:-}" ] || sed -i "s/$3/$2/" "$state/cases/$1/1-incident.json"
	printf '{ "schema": "sickbay.case.outcome/1", "case": "%s", "prev": "sha256:%s", "outcome": "proposed", "reason": "r" }' \
		"$1" "$(sha256sum <"$state/cases/$1/1-incident.json" | cut -d' ' -f1)" >"$state/cases/$1/7-outcome.json"
}
submit "$dir/tprice" >/dev/null
proposed till-a-1
refuses "one pull request of an incident is its bound" 3 "1 open pull requests of this incident are its bound: decide on case 'till-a-1' first" \
	heal "$dir/tprice" --service "$dir/services/till.json"
before=$(cases)
check "the worker begins none either" worker --drain
check "the incident waits" [ ! -e "$state/cases/till-price-1" ]
check "a person decides" "$sickbay" case decide till-a-1 duplicate --state "$state"
print=$(sed -n 's/.*"fingerprint": "\(sha256:[0-9a-f]*\)".*/\1/p' "$state/cases/shop-price-1/1-incident.json")
other=sha256:$(printf %064d 7)
proposed till-b-1 "$other" "$print"
proposed till-b-2 "$other" "$print"
refuses "two of a file are its bound" 3 "2 open pull requests that touch 'a.js' are its bound: decide on case 'till-b-1' first" \
	heal "$dir/tprice" --service "$dir/services/till.json"
sed -i 's/"proof"/"limits": { "open": 1, "open_file": 9 }, "proof"/' "$dir/services/till.json"
refuses "the service has a bound of its own" 3 "2 open pull requests of service 'till' are its bound" \
	heal "$dir/tprice" --service "$dir/services/till.json"
for c in till-b-1 till-b-2; do "$sickbay" case decide "$c" closed-wrong --state "$state" >/dev/null 2>&1; done

# suppressed
"$sickbay" case decide shop-price-3 expected-behaviour --note "by design" --state "$state" >/dev/null 2>&1
refuses "what is expected is not repaired" 3 "not begun: suppressed: " heal --incident "$first"

# a storm of one deploy: the same commit across services
state=$dir/deploy
toy a
for s in a b c; do # three services of one repository, so that their repairs wait for each other, too
	[ "$s" = a ] || sed "s/\"name\": \"a\"/\"name\": \"$s\"/" "$dir/services/a.json" >"$dir/services/$s.json"
	"$sickbay" service check "$dir/services/$s.json" --state "$state" >/dev/null 2>&1
	incident "$s" price 2026-01-01T10:0${#s}:00Z "$(commit_of a)" >"$dir/$s"
done
incident a late 2026-01-01T11:00:00Z "$(commit_of a)" >"$dir/late"
printf '{ "version": 1, "storm": { "fingerprints": 3, "window": "10m" } }' >"$dir/config.json"
check "three services report one commit" submit "$dir/a" "$dir/b" "$dir/c"
check "the worker drains the queue" worker --drain
check "they are one storm" prints "storm     deploy-" status
check "no repair began" [ "$(cases)" = 0 ]
storm=$("$sickbay" storm list --state "$state" | cut -d' ' -f1)
refuses "a storm is resumed with a reason" 2 "storm resume wants --reason TEXT" "$sickbay" storm resume "$storm" --state "$state"
refuses "a storm that is not there is named" 1 "no storm 'x'" "$sickbay" storm resume x --reason y --state "$state"
check "a person resumes it" "$sickbay" storm resume "$storm" --reason "rolled back" --state "$state"
check "the repairs begin" worker --drain
check "one each" [ "$(cases)" = 3 ]
check "an incident of an hour later" submit "$dir/late"
check "is none" worker --drain
check "it is repaired" [ "$(cases)" = 4 ]

# told to end: with a repair in the middle
sed -i 's/^echo/sleep 30; echo/' "$dir/repos/a/test/one.sh"
git -C "$dir/repos/a" -c user.name=t -c user.email=t@example.com commit -qam slow
incident a slow >"$dir/slow"
submit "$dir/slow" >/dev/null
printf '{ "version": 1, "prometheus": "%s" }' "$dir/sickbay.prom" >"$dir/config.json"
"$sickbay" worker --state "$state" --config "$dir/config.json" >"$dir/log" 2>&1 &
pid=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	grep -q 'replica.start' "$state/cases/a-slow-1/log" 2>/dev/null || [ -n "$("$sickbay" audit show --case a-slow-1 --json --state "$state" | grep replica.start)" ] && break
	sleep 0.3
done
check "a repair is at work" prints "repairing" status
check "its figures are there" grep -q 'sickbay_worker_running 1' "$dir/sickbay.prom"
kill -TERM "$pid"
wait "$pid"; got=$?; pid=
check "a worker that is told to end ends with 0" [ "$got" = 0 ]
check "it says so" grep -q 'worker: ended' "$dir/log"
check "no process of it is left" empty running
check "the case can be gone on with" prints "interrupted" status
check "no run of it counts as failed" grep -q '"failures": 0' "$state/incidents/$(id_of slow)/group.json"
check "the log is whole" "$sickbay" audit verify --state "$state"
status --json >"$dir/status.json"
check "status as JSON says what is live" grep -q '"case": "a-slow-1"' "$dir/status.json"
check "the figures can be written at once" status --prometheus "$dir/now.prom"
check "each has its type" sh -c "[ \$(grep -c '^# TYPE sickbay_' '$dir/now.prom') = \$(grep -c '^# HELP sickbay_' '$dir/now.prom') ]"
check "the worker that is not there is 0" grep -qx 'sickbay_worker_running 0' "$dir/now.prom"
done_testing
