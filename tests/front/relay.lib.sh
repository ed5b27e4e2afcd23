# shellcheck shell=sh
# shellcheck disable=SC2034 # used by the tests
# Sourced by the tests here: sickbay-front with the broker behind it and, between the two, a gate that says yes.
: "${top:?the directory of the sources}" "${work:?a directory of the test}"
programs=$(dirname "${SICKBAY:-$top/build/sickbay}")

relay() { # relay PROTOCOL URL: a fresh one; its port is in $relay_port, its key in $work/key
	stop_relay
	chmod 0600 "$work/key"
	[ -p "$work/life" ] || mkfifo "$work/life"
	: >"$work/relay"
	"$programs/front-relay" "$1" "$2" "$work/key" <>"$work/life" >"$work/relay" &
	relay_pid=$!
	tries=0
	until grep -q listening "$work/relay" || [ "$tries" -ge 100 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
	relay_port=$(sed -n 's/^listening //p' "$work/relay")
}
stop_relay() {
	[ -z "${relay_pid-}" ] || { kill "$relay_pid"; wait "$relay_pid"; } 2>/dev/null
	relay_pid=
}
