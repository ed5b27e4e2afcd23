#!/bin/sh
# The whole loop, with no hand on it: three services break, their unmodified SDKs report to the intake, the worker repairs, and
# the one in `propose` becomes a draft pull request at a forge; the others do what `observe` and `reproduce` say.  A person
# merges there, and the case knows it.  GitHub's calls are checked against its published description.  Needs root, and npm's
# registry and Debian's archive once.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
. "$top/tests/sh/lib.sh"
work=$(mktemp -d "$top/build/producers-loop.XXXXXX")
dir=$work state=$work/state
. "$top/tests/intake/lib.sh"
. "$top/tests/producers/lib.sh"
. "$top/tests/forge/lib.sh"
worker=
stop_worker() { [ -z "$worker" ] || { kill "$worker" 2>/dev/null; wait "$worker"; ended=$?; worker=; }; }
trap 'stop_services; stop_worker; stop_intake; stop_forge; rm -rf "$work"' EXIT
. "$top/tests/forge/openapi.lib.sh"
. "$top/tests/audit/toy.lib.sh"
until_true() { for _ in $(seq 400); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; tail -n 30 "$work/worker.log"; return 1; }

# three services of one repository, a fork, a forge and who may report of what
printf '* @ada\n/test/ @tests\n' >"$work/repo/CODEOWNERS"
git -C "$work/repo" add CODEOWNERS
git -C "$work/repo" -c user.name=t -c user.email=t@example.invalid commit -q -m owners
git clone -q "$work/repo" "$work/deploy"
release=shop@$(git -C "$work/repo" rev-parse HEAD)
mkdir -p "$work/services" "$work/git/bot"
git clone -q --bare "$work/repo" "$work/git/bot/shop.git"
git -C "$work/git/bot/shop.git" config http.receivepack true
(umask 077; echo forge-token >"$work/token")
git_server "$work/git"
double github --openapi "$openapi"
(umask 077; echo webhook-secret >"$work/secret")
/usr/bin/python3 "$top/tests/forge/webhook.py" webhook-secret "$work/notes" >"$work/webhook.out" 2>>"$work/double.err" &
pids="$pids $!"
started "$work/webhook.out"
hook=http://127.0.0.1:$at/
forge='"forge": { "name": "hub", "repository": "acme/shop", "fork": "bot/shop", "labels": ["sickbay"] }'
sources=
for name in shop-propose shop-reproduce shop-observe; do
	sed -e "s|\"name\": \"shop\"|\"name\": \"$name\"|" -e "s|\"url\": \"repo\"|\"url\": \"$work/repo\"|" \
		-e "s|\"mode\": \"propose\"|\"mode\": \"${name#shop-}\", \"release\": { \"pattern\": \"^shop@([0-9a-f]{40})\$\", \"ref\": \"\$1\" }|" \
		-e "s|\"production\": \"/srv/shop/\"|\"production\": \"$work/deploy/\"|" -e "s|\"proof\"|$forge, \"proof\"|" \
		"$work/service.json" >"$work/services/$name.json"
	new_token "$name"
	echo "$token" >"$work/$name.token"
	sources="$sources${sources:+, }{ \"name\": \"$name\", \"service\": \"$name\", \"token_sha256\": \"$digest\" }"
	check "$name is ready" "$sickbay" service check "$work/services/$name.json" --state "$state"
done
cat >"$work/config.json" <<-J
	{ "version": 1, "state": "$state", "services": "$work/services",
	  "worker": { "poll": "1s" }, "storm": { "fingerprints": 50 },
	  "intake": { "listen": ["127.0.0.1:0"], "sources": [$sources] },
	  "forges": [{ "name": "hub", "kind": "github", "api": "$api", "git": "$git", "credential": "$work/token" }],
	  "notify": { "url": "$hook", "secret": "$work/secret" } }
J
start_intake
"$sickbay" worker --config "$work/config.json" --state "$state" >"$work/worker.log" 2>&1 &
worker=$!

# what they say, once each breaks
for name in shop-propose shop-reproduce shop-observe; do
	token=$(cat "$work/$name.token")
	start_service sentry
	check "$name breaks" [ "$(breaks)" = 500 ]
	stop_services
done
case_of() { grep -l "\"service\": \"$1\"" "$state"/cases/*/1-incident.json 2>/dev/null | head -n 1 | xargs -r dirname; }
outcome() { c=$(case_of "$1"); [ -n "$c" ] && sed -n 's/.*"outcome": "\([a-z-]*\)".*/\1/p' "$c/7-outcome.json" | head -n 1; }
is() { [ "$(outcome "$1")" = "$2" ]; }
shows() { curl -s "$api/_state" >"$work/shown"; grep -qF -e "$1" "$work/shown"; }
check "in propose, it is proposed" until_true is shop-propose proposed
check "in reproduce, it is reproduced" until_true is shop-reproduce reproduced
check "in observe, it is observed" until_true is shop-observe observed
proposed=$(basename "$(case_of shop-propose)")
check "the webhook is told, signed" until_true grep -q "^proposed shop-propose good http" "$work/notes"
check "there is a draft pull request" shows '"draft": true'
check "from the fork's branch of the case" shows "\"branch\": \"sickbay/$proposed\", \"fork\": \"bot/shop\""
check "which the owner of what it changes is asked to look at" shows '"reviewers": ["ada"]'
check "whose text says how it was found" shows "## Reproduced: exact"
check "there is one, and no more" [ "$(grep -o '"number":' "$work/shown" | wc -l)" = 1 ]
check "the branch is at the fork, with a test and a fix" sh -c "git -C '$work/git/bot/shop.git' diff --stat main 'sickbay/$proposed' | grep -q '2 files changed'"
check "no other branch is" [ "$(git -C "$work/git/bot/shop.git" for-each-ref 'refs/heads/sickbay/*' | wc -l)" = 1 ]
check "nor one in the service's own repository" empty git -C "$work/repo" branch --list 'sickbay/*'
check "reproduce leaves its test in the case" sh -c "grep -q '\"exact\"' '$(case_of shop-reproduce)/3-match.json'"
check "and opens nothing" [ ! -e "$(case_of shop-reproduce)/6-pullreq.json" ]
check "observe runs nothing" [ ! -e "$(case_of shop-observe)/3-match.json" ]
check "every call is one that GitHub describes" sh -c "grep -q pulls '$work/double.log' && ! grep wrong '$work/double.log'"

# the forge fails once; then a person merges there, and nobody tells the host
curl -s -o /dev/null -d '{"status":401}' "$api/_next"
check "a forge that fails is a warning of the worker" until_true grep -q 'forge poll: not every proposal could be asked for' "$work/worker.log"
curl -s -o /dev/null -d '{"number":1,"act":"edit"}' "$api/_person"
curl -s -o /dev/null -d '{"number":1,"act":"merge"}' "$api/_person"
check "what a person did there stands in the case" until_true grep -q '"decision":"merged-edited"' "$state/cases/$proposed/decisions.ndjson"
stop_worker
check "the worker ends as it is told" [ "$ended" = 0 ]
check "it is there once" [ "$(wc -l <"$state/cases/$proposed/decisions.ndjson")" = 1 ]
stop_intake
check "the log verifies" "$sickbay" audit verify --state "$state"
check "the key stands in no record" sh -c "! grep -rq forge-token '$state'"
check "no process is left" empty running
check "nor a mount" sh -c "! grep -q '$work' /proc/mounts"
done_testing
