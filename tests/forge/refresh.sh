#!/bin/sh
# A pull request that lives on: brought up to date where its case is begun again, closed with a reason where it holds no
# longer or a person says no; what a person did to it stays; a kill or a lost answer opens no second one.  Needs root.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
. "$top/tests/sh/lib.sh"
sickbay=${SICKBAY:-$top/build/sickbay}
case $sickbay in /*) ;; *) sickbay=$PWD/$sickbay ;; esac
. "$top/tests/forge/host.lib.sh"

shop() { git -C "$work/repo" -c user.name=t -c user.email=t@example.invalid "$@"; }
deployed=$(shop rev-parse HEAD)
moves() { echo "$1" >"$work/repo/note"; shop add -A; shop commit -q -m "$1"; } # the target's head
back() { shop reset -q --hard "$deployed"; }
kase() { verb=$1; shift; "$sickbay" case "$verb" "$@" --state "$work/state" --config "$work/config.json" >"$work/out" 2>"$work/err"; }
loud() { kase "$@" || { got=$?; cat "$work/out" "$work/err"; return "$got"; }; }
ended() { want=$1; shift; kase "$@"; [ $? = "$want" ] || { cat "$work/out" "$work/err"; return 1; }; }
pulls() { state | grep -o '"number":' | wc -l; }
at_fork() { git -C "$work/git/bot/shop.git" rev-parse "refs/heads/$1"; }
decided() { grep -qF "$2" "$work/state/cases/$1/decisions.ndjson"; }
logged() { "$sickbay" audit show --state "$work/state" --case "$1" | grep -qF "$2"; }
somebody_pushes() { # somebody_pushes CASE: a commit more, to its branch
	rm -rf "$work/clone"
	git clone -q "$work/git/bot/shop.git" "$work/clone" -b "sickbay/$1"
	echo mine >"$work/clone/mine"
	git -C "$work/clone" add -A
	git -C "$work/clone" -c user.name=p -c user.email=p@example.invalid commit -q -m mine
	git -C "$work/clone" push -q origin HEAD
}
held() { # until the forge holds an answer back
	for _ in $(seq 1200); do
		grep -q '"held"' "$work/double.log" && return 0
		sleep 0.1
	done
	return 1
}
killed() { # killed COMMAND ...: by SIGKILL, while the forge holds its answer
	setsid "$@" >"$work/out" 2>&1 &
	victim=$!
	held; got=$?
	kill -9 "$victim"
	wait "$victim" 2>/dev/null
	return "$got"
}
healing() { killed "$sickbay" heal "$work/incident.json" --service "$work/services/shop.json" --config "$work/config.json"; }
resumes() { loud resume "$1" --service "$work/services/shop.json"; }

# ---- the head moves on: the same pull request, brought up to date ----
begin github --openapi "$openapi" --git "$work/git"; double_pid
check "the service is ready" "$sickbay" service check "$work/services/shop.json" --state "$work/state"
check "a case is proposed" heal
first=$(case_of)
person '{"number":1,"act":"write","title":"What I call it"}'
moves one
check "it is begun again at a newer head" loud refresh "$first"
second=$(case_of)
check "there is one pull request" [ "$(pulls)" = 1 ]
check "its branch is the first case's" [ "$(branch)" = "sickbay/$first" ]
check "brought to the new head" [ "$(at_fork "sickbay/$first^")" = "$(shop rev-parse HEAD)" ]
check "its text is the new one" shows "It takes the place of the proposal of case $first"
check "the title that a person gave it stays" shows '"title": "What I call it"'
check "the record names its branch" grep -qF "\"branch\": \"sickbay/$first\"" "$work/state/cases/$second/6-pullreq.json"
check "and says that the title stayed" grep -qF "its title was edited: it stays" "$work/state/cases/$second/6-pullreq.json"
check "the first case is decided as a duplicate" decided "$first" "replaced by case $second"
check "a person decides on that one, too" loud decide "$first" duplicate --note "of its own"
check "which leaves the pull request to the case that has it now" shows '"state": "open"'
check "also for the next poll" poll
check "it is still open" shows '"state": "open"'
check "labels and reviewers are left as they are" [ "$(asked '/issues/1/labels')" = 1 ]
check "every call is one that the description knows" sh -c "! grep wrong '$work/double.log'"
check "what is exported of it holds" "$sickbay" case export "$second" --state "$work/state" -o "$work/case.tar"
check "and is verified" "$sickbay" case verify "$work/case.tar"
rm "$work/state/cases/$second/6-pullreq.json" "$work/state/cases/$second/7-outcome.json"
check "killed after that, it is gone on with" resumes "$second"
check "and opens none" [ "$(pulls)" = 1 ]

# ---- it holds no longer: closed, with the reason ----
sed -i 's/item.length/(item || "").length/' "$work/repo/price.js"
moves mended
check "a head that mended it by itself ends the next one" ended 3 refresh "$second"
third=$(case_of)
check "as already fixed" said "already-fixed"
check "its pull request is closed" shows '"state": "closed"'
check "with the reason" shows "Closed: case $third looked at it again at a newer head of main: already-fixed: the new test passes"
check "the case is decided" decided "$second" '"decision":"duplicate"'
check "the log says it first" logged "$second" forge.close
check "nobody is demoted for it" [ ! -e "$work/state/services/shop/mode.json" ]
check "what is asked of the forge later finds nothing to do" poll
check "the calls are known, too" sh -c "! grep wrong '$work/double.log'"
back

# ---- a person's work ----
begin github --git "$work/git"; double_pid
check "a case is proposed" heal
first=$(case_of)
somebody_pushes "$first"
mine=$(at_fork "sickbay/$first")
moves two
refuses "what a person pushed to is theirs" 3 "somebody pushed to pull request 1 of case '$first' (it is at $(echo "$mine" | cut -c1-12)): it is theirs to bring up to date" \
	"$sickbay" case refresh "$first" --state "$work/state" --config "$work/config.json"
check "and stays" [ "$(at_fork "sickbay/$first")" = "$mine" ]
check "no case was made of it" [ "$(case_of)" = "$first" ]

# ---- between owing a closing and deciding ----
mkdir "$work/state/closing"
printf '{"schema":"sickbay.closing/1","case":"%s","reason":"x"}' "$first" >"$work/state/closing/$first.json"
held_back() { timeout 5 flock "$work/state/closing" timeout 3 "$sickbay" forge poll --config "$work/config.json"; [ $? = 124 ]; }
check "who decides just now is waited for" held_back
check "and what is owed is not forgotten meanwhile" [ -e "$work/state/closing/$first.json" ]
check "where nobody does any more" poll
check "it is" [ ! -e "$work/state/closing/$first.json" ]

# ---- a person says no ----
next '{"status":503,"times":5}'
check "a person decides while the forge is away" loud decide "$first" expected-behaviour --note "null is no item"
check "and is told that it is not closed yet" said "its pull request is not closed yet, 'sickbay forge poll' tries again"
check "it is open there" shows '"state": "open"'
check "the next poll closes it" poll
check "with what was decided" shows "Closed by who decides on case $first: expected-behaviour: null is no item"
check "once" sh -c "'$sickbay' forge poll --config '$work/config.json'; [ \$(curl -s '$api/_state' | grep -o 'Closed by who' | wc -l) = 1 ]"
check "and it is closed" shows '"state": "closed"'
check "the decision is the person's" sh -c "! grep -q closed-wrong '$work/state/cases/$first/decisions.ndjson'"
check "nothing is owed" [ -z "$(ls "$work/state/closing")" ]
refuses "what is closed is not brought up to date" 3 "pull request 1 of case '$first' is closed at forge 'hub': nothing takes its place" \
	"$sickbay" case refresh "$first" --state "$work/state" --config "$work/config.json"
"$sickbay" case decide "$first" lifted --state "$work/state" >/dev/null 2>&1
back

# ---- killed, and answers that were lost ----
begin github --git "$work/git"; double_pid
next '{"hold":"before","method":"POST"}'
incident
check "a host is killed between the push and the opening" healing
id=$(case_of)
check "the branch is there" [ "$(branch)" = "sickbay/$id" ]
check "and no pull request" [ "$(pulls)" = 0 ]
check "the case is gone on with" resumes "$id"
check "and opens it" [ "$(pulls)" = 1 ]
begin github --git "$work/git"; double_pid
next '{"hold":"before","method":"POST"}'
check "a host is killed there again" healing
id=$(case_of)
somebody_pushes "$id"
mine=$(at_fork "sickbay/$id")
check "and somebody pushes to the branch" ended 3 resume "$id" --service "$work/services/shop.json"
check "which ends the case" said "needs-person: branch 'sickbay/$id' of 'bot/shop' is at $(echo "$mine" | cut -c1-12), which somebody pushed there"
check "nothing is overwritten" [ "$(at_fork "sickbay/$id")" = "$mine" ]
begin github --git "$work/git"; double_pid
next '{"hold":"after","method":"POST"}'
check "a host is killed between the opening and its record" healing
id=$(case_of)
check "the pull request is there" [ "$(pulls)" = 1 ]
check "and no record" [ ! -e "$work/state/cases/$id/6-pullreq.json" ]
check "the case is gone on with" resumes "$id"
check "and takes it over" grep -q '"number": 1' "$work/state/cases/$id/6-pullreq.json"
check "with its labels" shows '"labels": ["sickbay"]'
check "there is no other" [ "$(pulls)" = 1 ]
for kind in github gitlab gitea; do
	begin "$kind" --git "$work/git"; double_pid
	next '{"drop":"after","method":"POST"}'
	check "$kind: a proposal whose answer is lost is made" heal
	check "$kind: once" [ "$(pulls)" = 1 ]
	id=$(case_of)
	if [ "$kind" != github ]; then
		moves "$kind"
		check "$kind: it is begun again" loud refresh "$id"
		check "$kind: and brought up to date" shows "It takes the place of the proposal of case $id"
		check "$kind: there is one" [ "$(pulls)" = 1 ]
		back
		id=$(case_of)
	fi
	check "$kind: a person closes it by a decision" loud decide "$id" closed-wrong
	check "$kind: with the reason" shows "Closed by who decides on case $id: closed-wrong"
	check "$kind: it is closed" shows '"state": "closed"'
done
stop_double
check "the key stands in no record" sh -c "! grep -rq forge-token '$work/state'"
check "the log verifies" "$sickbay" audit verify --state "$work/state"
done_testing
