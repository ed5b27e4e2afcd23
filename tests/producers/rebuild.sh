#!/bin/sh
# A service whose reports hold no call, only what Sentry's unmodified SDK sends with includeLocalVariables: the call is rebuilt
# from the variables of the frame, tried in the replica like any other, and the pull request says so.  Without variables, or
# with ones that are not whole, the case says what is missing.  Needs root, and npm's registry once.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
. "$top/tests/sh/lib.sh"
work=$(mktemp -d "$top/build/producers-rebuild.XXXXXX")
dir=$work state=$work/state
. "$top/tests/intake/lib.sh"
. "$top/tests/producers/lib.sh"
trap 'stop_services; stop_intake; rm -rf "$work"' EXIT
. "$top/tests/audit/toy.lib.sh"
git clone -q "$work/repo" "$work/deploy"
release=shop@$(git -C "$work/repo" rev-parse HEAD)
mkdir "$work/services"
sed -e "s|\"mode\": \"propose\"|&, \"release\": { \"pattern\": \"^shop@([0-9a-f]{40})\$\", \"ref\": \"\$1\" }|" \
	-e "s|\"production\": \"/srv/shop/\"|\"production\": \"$work/deploy/\"|" -e "s|\"url\": \"repo\"|\"url\": \"$work/repo\"|" \
	"$work/service.json" >"$work/services/shop.json"
new_token shop
cat >"$work/config.json" <<-J
	{ "version": 1, "state": "$state", "services": "$work/services",
	  "intake": { "listen": ["127.0.0.1:0"], "sources": [{ "name": "shop", "token_sha256": "$digest", "service": "shop" }] } }
J
check "the service is ready" "$sickbay" service check "$work/services/shop.json" --state "$state"
start_intake
drain() { digested && "$sickbay" worker --config "$work/config.json" --state "$state" --drain 2>"$work/worker.err"; }
forget() { rm -rf "$state/cases" "$state/incidents" "$state/spool" "$state/raw" "$state"/drift.ndjson; git -C "$work/repo" branch --list 'sickbay/*' --format '%(refname:short)' | xargs -r git -C "$work/repo" branch -qD; }
outcome() { sed -n 's/.*"outcome": "\([a-z-]*\)".*/\1/p' "$state"/cases/*/7-outcome.json | head -n 1; }
says() { grep -qF -e "$2" "$state"/cases/*/"$1"; } # FILE TEXT

prints() { text=$1; shift; "$@" 2>&1 | grep -qF -e "$text"; } # TEXT COMMAND ...
start_service sentry --no-call
check "a service breaks, and its SDK sends the variables, and no call" [ "$(breaks)" = 500 ]
stop_services
check "the worker takes it up" drain
check "and proposes a branch" [ "$(outcome)" = proposed ]
check "its test is the call with the value that the variable had" sh -c "git -C '$work/repo' show \$(git -C '$work/repo' branch --list 'sickbay/*' --format '%(refname:short)'):test/price-null-argument.test.js | grep -qF 'shop.price(null)'"
check "the record says where it is from" says 3-match.json '"input_from": "rebuilt from the variables of the frame price() at price.js:3"'
check "and so does the pull request" says pr.md "The report has no call to replay: the input is rebuilt from the variables of the frame price"
forget

start_service sentry --no-call --no-variables
check "a service breaks whose SDK sends no variables" [ "$(breaks)" = 500 ]
stop_services
check "it is not repaired" drain
check "but known not to be reproduced" [ "$(outcome)" = not-reproduced ]
check "and the case says in a line what to add" prints 'the report has no call to replay and no variables of its own frames: have the service add the call to its reports ("sickbay.call", docs/intake.md), or its SDK send local variables' \
	"$sickbay" case show "$(ls "$state/cases")" --state "$state"
forget

release=
mode() { sed -i "s|\"mode\": \"[a-z]*\"|\"mode\": \"$1\"|" "$work/services/shop.json"; }
start_service sentry --no-call --no-variables
check "a service breaks that was given no release either" [ "$(breaks)" = 500 ]
stop_services
check "it is not repaired" drain
check "but needs a person" [ "$(outcome)" = needs-person ]
check "and the case says in a line what to add" says 7-outcome.json "which commit production ran is not known: the report states none, it names no release, and the image 'host' has no label org.opencontainers.image.revision; have the reporter name its release (Sentry: release, OpenTelemetry: service.version)"
check "as does the worker" grep -q "which commit production ran is not known" "$work/worker.err"
forget

release=shop@$(git -C "$work/repo" rev-parse HEAD)
mode observe
for with in --no-variables --no-call; do
	start_service sentry --no-call "$with"
	check "in observe, a service breaks ($with)" [ "$(breaks)" = 500 ]
	stop_services
	check "the worker takes it up" drain
	check "and it is observed" [ "$(outcome)" = observed ]
	case $with in
	--no-variables) check "with what a repair would miss" says report.md 'the report has neither it nor variables of its frames (have the service add "sickbay.call", or its SDK send local variables' ;;
	*) check "with what a repair would do" says report.md "it would be rebuilt from the variables of the frames, where those are whole" ;;
	esac
	forget
done
check "the log verifies" "$sickbay" audit verify --state "$state"
done_testing
