#!/bin/sh
# Both agents ask a model that speaks another protocol each time: the same turns, the same fix.  Part of
# `make check-agents`; needs root.
# shellcheck disable=SC2034 # read by config
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/sh/lib.sh
. "$top/tests/sh/lib.sh"
# shellcheck source=tests/inside/lib.sh
. "$top/tests/inside/lib.sh"
check "what was reported is an incident" incident
agents model model
for protocol in openai-chat openai-responses google-generate; do
	state=$work/state-$protocol
	serve both
	config "$url"
	check "$protocol: the service is ready" ready
	check "$protocol: a model reproduces and heals the service" heal
	git -C "$work/repo" branch -q -D "sickbay/$(of "$work/out" j.case)" # for the next, which proposes under the same name
	same "$protocol: the case ends as proposed" proposed "$(of "$(record 7-outcome.json)" 'j.outcome')"
done
played both "all heard what the scenarios wait for"
echo "1..$n"
exit "$bad"
