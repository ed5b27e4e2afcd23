#!/bin/sh
# Webhooks of forges: what a person did there comes back at once, by a signed delivery that makes the host look; what is not
# signed, not ours or not whole is refused or left out by name.  GitHub's payloads are ones that it sent.  Needs root, and npm's
# registry and Debian's archive once.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
. "$top/tests/sh/lib.sh"
work=$(mktemp -d "$top/build/hooks.XXXXXX")
dir=$work state=$work/state worker=
. "$top/tests/intake/lib.sh"
. "$top/tests/forge/lib.sh"
. "$top/tests/forge/webhooks.lib.sh"
stop_worker() { [ -z "$worker" ] || { kill "$worker" 2>/dev/null; wait "$worker" 2>/dev/null; worker=; }; }
trap 'stop_worker; stop_intake; stop_forge; rm -rf "$work"' EXIT
. "$top/tests/audit/toy.lib.sh"
mkdir -p "$work/git/bot" "$work/services"
(umask 077; echo forge-token >"$work/token")
git_server "$work/git"
until_true() { for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; cat "$work/worker.log" "$work/intake.err"; return 1; }

secret() { rm -f "$work/secret"; (umask 077; echo "$1" >"$work/secret"); secret=$1; }
config() { # config KIND [MORE]
	cat >"$work/config.json" <<-J
		{ "version": 1, "state": "$state", "services": "$work/services", "worker": { "poll": "2h" },
		  "intake": { "listen": ["127.0.0.1:0"], "max_report": "64KiB"${2:-} },
		  "forges": [{ "name": "hub", "kind": "$1", "api": "${api:-http://127.0.0.1:1}", "git": "$git", "credential": "$work/token",
		               "webhook_secret": "$work/secret" },
		             { "name": "mute", "kind": "github", "api": "http://127.0.0.1:1" }] }
	J
}
begin() { # begin KIND SECRET: a proposal at a forge that has our address, an intake, and a worker that asks every two hours
	stop_worker; stop_intake
	[ -z "${last:-}" ] || { kill "$last" 2>/dev/null; wait "$last" 2>/dev/null; }
	double "$1"; last=${pids##* }
	kind=$1
	secret "$2"
	rm -rf "$state/cases" "$state/incidents" "$state/intake" "$state/forge" "$state/drift.ndjson" "$state/services/shop/mode.json" "$work/git/bot/shop.git"
	: >"$work/intake.err"
	git clone -q --bare "$work/repo" "$work/git/bot/shop.git"
	git -C "$work/git/bot/shop.git" config http.receivepack true
	sed 's|"proof"|"forge": { "name": "hub", "repository": "acme/shop", "fork": "bot/shop" }, "proof"|; s|"url": "repo"|"url": "'"$work/repo"'"|' \
		"$work/service.json" >"$work/services/shop.json"
	config "$1" "${3:-}"
	[ -e "$state/services" ] || "$sickbay" service check "$work/services/shop.json" --state "$state" >"$work/checked" 2>&1 || cat "$work/checked"
	"$sickbay" incident convert --from node --service "$work/services/shop.json" --deploy "$work/deploy.json" --input "$work/input.json" \
		"$work/report" >"$work/incident.json"
	check "$kind: a case is proposed" "$sickbay" heal "$work/incident.json" --service "$work/services/shop.json" --config "$work/config.json"
	id=$(basename "$work"/state/cases/*)
	decisions=$state/cases/$id/decisions.ndjson
	start_intake
	curl -s -o /dev/null -d "{\"url\":\"http://127.0.0.1:$port/forge/hub\",\"secret\":\"$secret\",\"examples\":\"$examples\"}" "$api/_hook"
	: >"$work/double.log"
}
start_worker() {
	: >"$work/double.log"
	"$sickbay" worker --config "$work/config.json" >"$work/worker.log" 2>&1 &
	worker=$!
	until_true grep -q '/pulls/1\|merge_requests/1' "$work/double.log" # its first question, of all of them
}
person() { curl -s -d "$1" "$api/_person"; }
as_pushed() { person "{\"number\":1,\"act\":\"same\",\"sha\":\"$(git -C "$work/git/bot/shop.git" rev-parse "sickbay/$id")\"}" >/dev/null; }
told() { person "$1" >"$work/told"; cat "$work/told"; grep -q '"told": \[\[200, "{}"\]\]' "$work/told"; }
hook() { /usr/bin/python3 -B "$top/tests/forge/hook.py" "$kind" "http://127.0.0.1:$port/forge/hub" "$secret" --examples "$examples" --branch "sickbay/$id" "$@"; }
answers() { # answers STATUS TEXT [OPTION ...]
	want=$1 text=$2; shift 2
	hook "$@" >"$work/answer"; cat "$work/answer"
	grep -q "^$want .*" "$work/answer" && grep -qF -e "$text" "$work/answer"
}
left_out() { until_true digested; until_true grep -qF -e "$1" "$work/intake.err"; }
asked() { grep -c 'pulls/1\|merge_requests/1' "$work/double.log"; }

# what the configuration says
api=
secret "It's a Secret to Everybody"
config github
chmod 644 "$work/secret"
refuses "a secret that others can read is refused" 1 "has mode 0644: others could read it; chmod 600" "$sickbay" intake serve --config "$work/config.json"
secret short
refuses "so is one that can be guessed" 1 "fewer than 16 bytes could be guessed: make a secret with 'openssl rand -hex 32'" "$sickbay" intake serve --config "$work/config.json"
secret ''
refuses "and an empty one" 1 "key file '$work/secret' is empty" "$sickbay" intake serve --config "$work/config.json"
rm "$work/secret"
refuses "one that is not there is named with its place" 1 "/forges/0/webhook_secret: key file '$work/secret'" "$sickbay" intake serve --config "$work/config.json"
secret 'whsec_notbase64notbase64!'
config gitlab
refuses "a signing key that is damaged is refused" 1 "what follows whsec_ is not base 64" "$sickbay" intake serve --config "$work/config.json"

# GitHub: who may say something, and of what
begin github "It's a Secret to Everybody"
check "an intake of webhooks alone needs no source" [ -n "$port" ]
check "what is not signed is refused" answers 401 "it is not signed" --scheme none
check "what another secret signed, too" answers 401 "its signature does not belong to this body and secret" --scheme wrong
check "and what was changed on its way" answers 401 "its signature does not belong to this body and secret" --scheme tamper
check "a forge that is not known is named" sh -c "curl -s -d x 'http://127.0.0.1:$port/forge/other' | grep -qF 'no forge of this name sends webhooks here'"
check "so is one without a secret" [ "$(curl -s -o /dev/null -w '%{http_code}' -d x "http://127.0.0.1:$port/forge/mute")" = 404 ]
check "a webhook of another content type is told which to choose" sh -c "curl -s -d payload=x 'http://127.0.0.1:$port/forge/hub' | grep -qF 'choose application/json'"
head -c 70000 /dev/zero | tr '\0' ' ' >"$work/large"
check "one that is too large is refused" answers 413 "larger than is allowed" --body "$work/large"
: >"$work/nothing"
check "an empty one, too" answers 400 "it has no body" --body "$work/nothing"
check "the journal has none of them" [ "$(cat "$state"/intake/*.seg | wc -c)" = 0 ]
check "a ping is answered by its name" answers 200 '{"ignored":"ping"}' --act ping --event ping
check "so is an event of another kind" answers 200 '{"ignored":"workflow_run"}' --event workflow_run
check "an event that lies about itself is taken" answers 200 '{}' --act ping
check "and left out by what its payload is" left_out "a webhook (github) is left out: ping"
answers 200 '{}' --act open >/dev/null
check "so is what opens a pull request, by its action" left_out "left out: pull request opened"
answers 200 '{}' --branch feature >/dev/null
check "and another's pull request" left_out "left out: pull request of another branch"
answers 200 '{}' --branch sickbay/of-another-host-1 >/dev/null
check "and a case of another host" left_out "left out: its branch names no case of this host"
answers 200 '{}' --number 7 >/dev/null
check "and a number that is not this case's" left_out "left out: it is not the pull request of the case that its branch names"
answers 200 '{}' --repository acme/other >/dev/null
hook --every >"$work/every"
check "every payload that GitHub published is answered" [ "$(grep -c '^200 ' "$work/every")" = "$(wc -l <"$work/every")" ]
check "and those are some" [ "$(wc -l <"$work/every")" -gt 600 ]
until_true digested
check "and understood" sh -c "! grep -q 'a report (github)' '$work/intake.err'"
echo '{"action":"closed","number":' >"$work/cut"
answers 200 '{}' --body "$work/cut" >/dev/null
check "what is no JSON is left out, with its place" left_out "a report (github) is left out: report:1:29:"
check "none of it wakes anybody" [ ! -e "$state/forge/wake/$id.json" ]

# GitHub: a delivery that lies makes the host look, and the forge says how it is
check "a delivery of what did not happen is taken" answers 200 '{}' --act merge
check "and waits for somebody to look" until_true [ -e "$state/forge/wake/$id.json" ]
curl -s -o /dev/null -d '{"status":401}' "$api/_next"
refuses "a forge that does not answer is said" 1 "it does not know the token (401)" "$sickbay" forge poll --woken --config "$work/config.json"
check "who looks alone at what was told of" sh -c "'$sickbay' forge poll --woken --config '$work/config.json' | grep -q 'open\$'"
check "asks the forge, which says otherwise" [ ! -e "$decisions" ]
check "and is not woken again" [ -z "$("$sickbay" forge poll --woken --config "$work/config.json")" ]

# GitHub: a person changes and merges, while the worker is not to ask for two hours
start_worker
curl -s -o /dev/null -d '{"number":1,"act":"edit"}' "$api/_person"
check "a merge is told" told '{"number":1,"act":"merge"}'
check "and stands in the case, without a poll" until_true grep -q '"decision":"merged-edited".*"source":"webhook"' "$decisions"
check "with its commit" grep -q cccccccccc "$decisions"
before=$(asked)
check "the same delivery again is taken" answers 200 '{}' --act merge
check "and changes nothing" left_out "left out: its case is decided"
check "nor is the forge asked again" [ "$(asked)" = "$before" ]
check "it is there once" [ "$(wc -l <"$decisions")" = 1 ]
check "the log has what was told, before the decision" sh -c "'$sickbay' audit show --state '$state' | grep -o 'forge.webhook \| case.decide ' | tr -d '\n' | grep -q 'forge.webhook .*case.decide'"
stop_worker

# GitLab's token: closed; the worker is away for a while, and the intake is killed
begin gitlab "a-token-of-some-length"
check "gitlab: another token is refused" answers 401 "its signature does not belong" --scheme wrong
check "gitlab: none, too" answers 401 "it is not signed" --scheme none
check "gitlab: a close is told" told '{"number":1,"act":"close"}'
kill -9 "$intake"; wait "$intake" 2>/dev/null
start_intake
check "gitlab: what was answered is not lost with the intake" until_true [ -e "$state/forge/wake/$id.json" ]
mv "$state/forge/wake/$id.json" "$state/forge/wake/$id+taken.json" # as who was killed while looking leaves it
start_worker
check "gitlab: and stands in the case once a worker is there" until_true grep -q '"decision":"closed-wrong".*"source":"webhook"' "$decisions"
check "gitlab: nothing waits any more" until_true rmdir "$state/forge/wake"

# GitLab's signature
begin gitlab "whsec_$(printf 'thirty-two bytes of a known key.' | base64)"
check "gitlab: the token alone is not enough where there is a signing key" answers 401 "it is not signed" --scheme none
check "gitlab: nor is a signature of another body" answers 401 "its signature does not belong" --scheme tamper
start_worker
as_pushed
check "gitlab: a signed merge is told" told '{"number":1,"act":"merge"}'
check "gitlab: and stands in the case" until_true grep -q '"decision":"merged".*"source":"webhook"' "$decisions"

# Gitea, whose branch is gone by then; a source that sends more than it may is told to wait
begin gitea "0123456789abcdef0123456789abcdef" ', "rate": 1, "burst": 2'
check "gitea: what another secret signed is refused" answers 401 "its signature does not belong" --scheme wrong
check "gitea: what is not signed, too" answers 401 "it is not signed" --scheme none
start_worker
as_pushed
check "gitea: a merge is told" told '{"number":1,"act":"merge"}'
check "gitea: and stands in the case" until_true grep -q '"decision":"merged".*"source":"webhook"' "$decisions"
answers 200 '' --act label >/dev/null; answers 200 '' --act label >/dev/null; answers 200 '' --act label >/dev/null
check "gitea: who sends more than is allowed is told to wait" answers 429 "this source sends more than it is allowed to" --act label
check "gitea: those who cannot sign do not use it up" answers 401 "its signature" --scheme wrong
stop_worker
stop_intake
check "the secret stands in no record" sh -c "! grep -rqF '$secret' '$state'"
check "the log verifies" "$sickbay" audit verify --state "$state"
check "no process is left" empty running
done_testing
