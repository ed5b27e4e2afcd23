# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # used by the tests; those of who sources it
# Sourced after tests/sh/lib.sh: a host with the toy service, a fork behind git's http-backend, and a forge that is none.
work=$(mktemp -d "$top/build/forge.XXXXXX")
trap 'stop_forge; rm -rf "$work"' EXIT
. "$top/tests/forge/lib.sh"
. "$top/tests/audit/toy.lib.sh"
mkdir -p "$work/git/bot" "$work/services"
. "$top/tests/forge/openapi.lib.sh"
(umask 077; echo forge-token >"$work/token")
git_server "$work/git"

begin() { # begin KIND [OPTION ...]: a forge, a fork without branches, a host without cases
	stop_double
	double "$@"
	rm -rf "$work/state/cases" "$work/state/incidents" "$work/state/drift.ndjson" "$work/state/services/shop/mode.json" "$work/state/closing" \
		"$work/git/bot/shop.git"
	git clone -q --bare "$work/repo" "$work/git/bot/shop.git"
	git -C "$work/git/bot/shop.git" config http.receivepack true
	sed 's|"proof"|"forge": { "name": "hub", "repository": "acme/shop", "fork": "bot/shop", "labels": ["sickbay"], "reviewers": ["@ada", "@acme/payments"] }, "proof"|; s|"url": "repo"|"url": "'"$work/repo"'"|' \
		"$work/service.json" >"$work/services/shop.json"
	cat >"$work/config.json" <<-J
		{ "version": 1, "state": "$work/state", "services": "$work/services",
		  "forges": [{ "name": "hub", "kind": "$1", "api": "$api", "git": "$git", "credential": "$work/token" }] }
	J
	: >"$work/double.log"
}
stop_double() { [ -z "${last:-}" ] || { kill "$last" 2>/dev/null; wait "$last" 2>/dev/null; }; }
double_pid() { last=${pids##* }; }
incident() {
	"$sickbay" incident convert --from node --service "$work/services/shop.json" --deploy "$work/deploy.json" --input "$work/input.json" \
		"$work/report" >"$work/incident.json"
}
heal() { incident; "$sickbay" heal "$work/incident.json" --service "$work/services/shop.json" --config "$work/config.json" >"$work/out" 2>"$work/err"; }
said() { cat "$work/out" "$work/err"; grep -qF -e "$1" "$work/out" "$work/err"; }
state() { curl -s "$api/_state"; }
shows() { state >"$work/shown"; cat "$work/shown"; grep -qF -e "$1" "$work/shown"; }
asked() { grep -c "$1" "$work/double.log"; }
next() { curl -s -o /dev/null -d "$1" "$api/_next"; }
person() { curl -s -o /dev/null -d "$1" "$api/_person"; }
branch() { git -C "$work/git/bot/shop.git" for-each-ref --format '%(refname:short)' 'refs/heads/sickbay/*'; }
case_of() { basename "$(ls -d "$work"/state/cases/* | tail -n 1)"; }
poll() { "$sickbay" forge poll --config "$work/config.json"; }
