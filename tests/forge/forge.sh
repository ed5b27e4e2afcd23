#!/bin/sh
# A proposal at a forge: the branch by git's own http-backend, the draft by each kind of forge; GitHub's calls are checked
# against its published description.  What a token could do beyond is refused; nothing is opened twice.  Needs root.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
. "$top/tests/sh/lib.sh"
sickbay=${SICKBAY:-$top/build/sickbay}
case $sickbay in /*) ;; *) sickbay=$PWD/$sickbay ;; esac
. "$top/tests/forge/host.lib.sh"

# GitHub
begin github --openapi "$openapi"; double_pid
check "the service is ready" "$sickbay" service check "$work/services/shop.json" --state "$work/state"
check "doctor shows what the token may do" sh -c "'$sickbay' doctor --forge shop --config '$work/config.json' | grep -qx 'it can propose, and no more'"
check "a case is proposed" heal
check "and says where" said "http://forge.invalid/1 awaits a person"
check "as a draft" shows '"draft": true'
check "from the fork" shows '"fork": "bot/shop"'
check "with its label" shows '"labels": ["sickbay"]'
check "and reviewers" shows '"reviewers": ["ada"]'
check "and the text of the case" shows "## "
check "the branch is at the fork" [ "$(branch)" = "sickbay/$(case_of)" ]
check "and is whole" git -C "$work/git/bot/shop.git" fsck --no-dangling
check "the repository of the service has none" [ -z "$(git -C "$work/repo" branch --list 'sickbay/*')" ]
check "every call is one that the description knows" sh -c "! grep wrong '$work/double.log'"
check "the log has the push before the draft" sh -c "'$sickbay' audit show --state '$work/state' | grep -o ' push \| forge.propose ' | tr -d '\n' | grep -q 'push  forge.propose'"
check "the record names the pull request" grep -q '"number": 1' "$work/state/cases/$(case_of)/6-pullreq.json"
check "nothing merges" sh -c "! grep -E '/merge|auto' '$work/double.log'"

# what became of it
check "what is open stays so" sh -c "'$sickbay' forge poll --config '$work/config.json' | grep -q open"
person '{"number":1,"act":"edit"}'
person '{"number":1,"act":"merge"}'
check "what a person changed and merged is asked for" poll
check "and stands in the case" grep -q '"decision":"merged-edited"' "$work/state/cases/$(case_of)/decisions.ndjson"
check "with its commit" grep -q cccccccccc "$work/state/cases/$(case_of)/decisions.ndjson"
check "once" sh -c "'$sickbay' forge poll --config '$work/config.json'; [ \$(wc -l <'$work/state/cases/$(case_of)/decisions.ndjson') = 1 ]"

# a kill between opening and recording
begin github --openapi "$openapi"; double_pid
check "a second host proposes" heal
id=$(case_of)
rm "$work/state/cases/$id/6-pullreq.json" "$work/state/cases/$id/7-outcome.json"
check "a case that was killed after its proposal is gone on with" "$sickbay" case resume "$id" --state "$work/state" --service "$work/services/shop.json" --config "$work/config.json"
check "and opens no second one" [ "$(state | grep -o '"number":' | wc -l)" = 1 ]

# answers that are none
next '{"status":200,"body":{}}'
refuses "an answer without a state decides nothing" 1 "not the pull request that was asked for" poll
next '{"status":200,"body":{"number":2,"state":"closed"}}'
refuses "nor does another one's" 1 "not the pull request that was asked for" poll
check "the case waits" [ ! -e "$work/state/cases/$id/decisions.ndjson" ]
next '{"status":200,"body":{}}'
refuses "a forge that does not say what the token may do is not trusted with it" 3 "does not say what the token may do" \
	"$sickbay" doctor --forge shop --config "$work/config.json"
sed -i 's|"acme/shop"|"acme/moved"|' "$work/services/shop.json"
refuses "a service that moved on does not ask for another's number" 1 "in 'acme/shop' of forge 'hub', which service 'shop' names no longer" poll
sed -i 's|"forge": {[^}]*}, ||' "$work/services/shop.json"
refuses "nor does one that names no forge any more" 1 "which service 'shop' names no longer" poll

# failures
begin github; double_pid
next '{"status":503,"times":2}'
next '{"drop":true}'
check "a forge that stumbles is asked again" heal
begin github; double_pid
next '{"status":429,"headers":{"Retry-After":"1"}}'
check "a limit of rate is waited for" heal
begin github --token other; double_pid
heal
check "a token that is not known ends the case, with what to do" said "it does not know the token (401)"
check "and no branch is pushed" [ -z "$(branch)" ]
begin github --rights pull,push; double_pid
heal
check "a token that could merge is refused" said "the token of forge 'hub' could merge into it"
check "before anything is pushed" [ -z "$(branch)" ]
refuses "doctor says so, too" 3 "use one of a user who may only read it" "$sickbay" doctor --forge shop --config "$work/config.json"
begin github --scopes 'public_repo, workflow'; double_pid
heal
check "so is one that could change workflows" said "has the scope 'workflow'"
begin github; double_pid
git -C "$work/git/bot/shop.git" config http.receivepack false
heal
check "a fork that takes no pushes is named" said "git is not let in"
begin github; double_pid
sed -i 's|"hub", "kind"|"other", "kind"|' "$work/config.json"
heal
check "a forge that is not configured is named" said "the forge 'hub' is not in this host's configuration"
stop_double

# the others
for kind in gitlab gitea; do
	begin "$kind"; double_pid
	check "$kind: a case is proposed" heal
	check "$kind: as a draft" sh -c "curl -s '$api/_state' | grep -qE '\"title\": \"(Draft|WIP): '"
	check "$kind: the branch is at the fork" [ "$(branch)" = "sickbay/$(case_of)" ]
	next '{"status":200,"body":{"iid":1,"number":1,"state":"locked"}}'
	[ "$kind" = gitea ] || check "$kind: what is being merged is not closed" sh -c "'$sickbay' forge poll --config '$work/config.json' | grep -q open"
	[ "$kind" = gitlab ] || refuses "$kind: a state that is not known decides nothing" 1 "not the pull request that was asked for" poll
	person '{"number":1,"act":"close"}'
	check "$kind: what a person closed is asked for" poll
	check "$kind: and stands in the case" grep -q '"decision":"closed-wrong"' "$work/state/cases/$(case_of)/decisions.ndjson"
	begin "$kind" --rights pull,push,maintain; double_pid
	heal
	check "$kind: a token that could merge is refused" said "could merge into it"
done
stop_double
check "the key stands in no record" sh -c "! grep -rq forge-token '$work/state'"
check "the log verifies" "$sickbay" audit verify --state "$work/state"
done_testing
