# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # used by the tests; those of who sources it
# Sourced beside tests/sh/lib.sh: the producers of package.json from npm, by their pinned hashes, and a service that breaks.
: "${top:?the directory of the sources}"
producers=$top/build/producers
# shellcheck source=tests/sh/fetch.sh
. "$top/tests/sh/fetch.sh"
fetch_packages "$top/tests/producers" "$producers" && find_node20 || exit 1
services=
start_service() { # start_service REPORTER [OPTION ...]: it breaks at $shop, and reports to $port with $token
	reporter=$1; shift
	: >"$work/service.out"
	NODE_PATH=$producers/node_modules "$node20" "$top/tests/producers/service.js" --reporter "$reporter" --url "http://127.0.0.1:$port" \
		--token "$token" --root "$work/deploy" --release "$release" "$@" >"$work/service.out" 2>>"$work/service.err" &
	services="$services $!"
	for _ in $(seq 200); do
		shop=$(sed -n 's/^listening //p' "$work/service.out")
		[ -z "$shop" ] || return 0
		sleep 0.1
	done
	cat "$work/service.err" >&2
	return 1
}
stop_services() {
	for p in $services; do kill "$p" 2>/dev/null; wait "$p" 2>/dev/null; done
	services=
}
breaks() { curl -s -o /dev/null -w '%{http_code}\n' -X POST -d '{"item":null}' "http://127.0.0.1:$shop/"; } # 500
