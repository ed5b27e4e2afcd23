#!/bin/sh
# Many streams at once, an orchestrator that is slow or gone, and where a key is not.  Needs root and node.
. "$(dirname "$0")/../sh/lib.sh"
. "$(dirname "$0")/lib.sh"
serve server "$here/server.js" "$dir/log" || exit 1

ended() { [ "$(grep -c '"kind":"ok"' "$dir/out")" -eq "$1" ] || { grep '"end"' "$dir/out" | head -3; return 1; }; }
peak_below() { # MiB
	kib=$(sed -n 's/^{"peak_kib":\([0-9]*\)}$/\1/p' "$dir/out")
	[ "$kib" -gt 0 ] && [ "$kib" -lt $(($1 * 1024)) ] || { echo "$kib KiB"; return 1; }
}
sockets_of() { grep "^$1 " "$dir/log" | cut -d' ' -f8 | sort -u | wc -l; }

ask trickle ', "parallel": 100' ', "copies": 100, "peak": true' >/dev/null
check "a hundred streams at once all end well" ended 100
check "with all of their events" events 600
check "each on a connection of its own" test "$(sockets_of trickle)" -eq 100
unless_asan check "in less than 64 MiB" peak_below 64
ask fine ', "parallel": 2' ', "copies": 40' >/dev/null
check "forty calls through two places all end well" ended 40
check "on two connections" test "$(sockets_of fine)" -eq 2
total=300
ask silent ', "parallel": 256' ', "copies": 600' >/dev/null
total=30000
check "what cannot wait is refused at once" grep -qF "endpoint 'here': too many calls wait" "$dir/out"
ask long ', "parallel": 20' ', "copies": 20, "sleep_ms": 1500, "peak": true' >/dev/null
check "an orchestrator that does not read makes servers wait" ended 20
unless_asan check "and memory does not grow with what they send" peak_below 32
ask stall "" ', "kill_after": 2' >/dev/null
check "a broker that is killed is seen at once" grep -qx '{"died":true}' "$dir/out"
check "and was waited for" test ! -e "/proc/$(sed -n 's/^{"broker":\([0-9]*\)}$/\1/p' "$dir/out")"

broker() { sed -n 's/^{"broker":\([0-9]*\)}$/\1/p' "$dir/out"; }
stands_once() { test "$(/usr/bin/python3 "$here/memory.py" "$(broker)" "$secret")" = 1; }
said() { for _ in $(seq 100); do grep -q "$1" "$dir/out" && return 0; sleep 0.1; done; return 1; }
gone() { for _ in $(seq 50); do [ -e "/proc/$1" ] || return 0; sleep 0.1; done; return 1; }
: >"$dir/out" # so that what is waited for is this one's
ask stall >/dev/null &
asking=$!
said '"event"'
orchestrator=$(sed -n 's/^PPid:\t//p' "/proc/$(broker)/status")
kill -9 "$orchestrator"
check "a broker whose orchestrator was killed ends" gone "$(broker)"
wait "$asking"

: >"$dir/out"
ask fine ', "parallel": 1' ', "copies": 5, "idle_ms": 1000' >/dev/null &
asking=$!
said '"id":5,"kind":"ok"'
unless_asan check "after its requests a key stands in the broker's memory once" stands_once
check "and nowhere else of it" no_key_in "/proc/$(broker)/environ" "/proc/$(broker)/cmdline" "/proc/$(broker)/status"
wait "$asking"

for model in says-key writes-key refused cut redirect binary; do ask "$model" >>"$dir/all"; done
check "a key that a server says again is not passed on" sh -c "grep -q '\[key\], is it not' '$dir/all' && grep -qF 'invalid x-api-key: [key]' '$dir/all'"
check "and stands in no event, answer or message" no_key_in "$dir/all" "$dir/out"
done_testing
