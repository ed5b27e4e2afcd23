#!/bin/sh
# A service breaks, and nobody touches anything: its unmodified SDK reports to the intake, the worker repairs, and a branch is
# proposed; in observe and reproduce it does what those say.  Needs root, and npm's registry once.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
. "$top/tests/sh/lib.sh"
work=$(mktemp -d "$top/build/producers-heal.XXXXXX")
dir=$work state=$work/state
. "$top/tests/intake/lib.sh"
. "$top/tests/producers/lib.sh"
trap 'stop_services; stop_intake; rm -rf "$work"' EXIT
. "$top/tests/audit/toy.lib.sh"
git clone -q "$work/repo" "$work/deploy"
release=shop@$(git -C "$work/repo" rev-parse HEAD)
mkdir "$work/services"
mode() { # mode MODE: the service's file
	sed -e "s|\"mode\": \"propose\"|\"mode\": \"$1\", \"release\": { \"pattern\": \"^shop@([0-9a-f]{40})\$\", \"ref\": \"\$1\" }|" \
		-e "s|\"production\": \"/srv/shop/\"|\"production\": \"$work/deploy/\"|" -e "s|\"url\": \"repo\"|\"url\": \"$work/repo\"|" \
		"$work/service.json" >"$work/services/shop.json"
}
mode propose
new_token shop
cat >"$work/config.json" <<-J
	{ "version": 1, "state": "$state", "services": "$work/services",
	  "intake": { "listen": ["127.0.0.1:0"], "sources": [{ "name": "shop", "token_sha256": "$digest" }] } }
J
check "the service is ready" "$sickbay" service check "$work/services/shop.json" --state "$state"
start_intake
sed -i "s|\"token_sha256\": \"$digest\"|&, \"service\": \"shop\"|" "$work/config.json" # Sentry names no service
stop_intake
start_intake
drain() { digested && "$sickbay" worker --config "$work/config.json" --state "$state" --drain; }
forget() { rm -rf "$state/cases" "$state/incidents" "$state/spool"; git -C "$work/repo" branch --list 'sickbay/*' --format '%(refname:short)' | xargs -r git -C "$work/repo" branch -qD; rm -f "$state"/drift.ndjson; }
outcome() { sed -n 's/.*"outcome": "\([a-z-]*\)".*/\1/p' "$state"/cases/*/7-outcome.json | head -n 1; }

for reporter in ${REPORTERS:-sentry otel-proto otel-json otel-logs}; do
	start_service "$reporter"
	check "$reporter: the service breaks" [ "$(breaks)" = 500 ]
	stop_services
	check "$reporter: the worker takes it up" drain
	check "$reporter: and proposes a branch" [ "$(outcome)" = proposed ]
	check "$reporter: which is there" sh -c "git -C '$work/repo' branch --list 'sickbay/*' | grep -q ."
	check "$reporter: its incident knows the commit by the release" grep -q "$(git -C "$work/repo" rev-parse main)" "$state"/cases/*/2-replica.json
	forget
done

# what the other two modes say
for want in observed reproduced; do
	case $want in observed) mode observe ;; *) mode reproduce ;; esac
	start_service sentry
	check "a service that is only to be $want breaks" [ "$(breaks)" = 500 ]
	stop_services
	check "the worker takes it up" drain
	check "the case is $want" [ "$(outcome)" = "$want" ]
	check "and no branch is there" empty git -C "$work/repo" branch --list 'sickbay/*'
	forget
done
check "the log has all of it, and verifies" "$sickbay" audit verify --state "$state"
done_testing
