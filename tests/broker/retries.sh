#!/bin/sh
# When a call is tried again, and when not.  Needs root and node.
. "$(dirname "$0")/../sh/lib.sh"
. "$(dirname "$0")/lib.sh"
serve server "$here/server.js" "$dir/log" || exit 1

check "a rate limit is waited for as long as it says" ends ok '"attempts":2' ask limited
check "at least that long" sh -c 'test "$(sed -n "s/.*\"total_us\":\([0-9]*\).*/\1/p" "$1")" -lt 1000000' sh "$dir/out"
check "the second attempt is charged, the first is not" last_has '"input":11,"known":true'
check "or until the date that it says" ends ok '"attempts":2' ask limited-date
check "one that asks for an hour is not waited for" ends rate-limited '"attempts":1' ask limited-long
check "but what it asks for is said" last_has 'HTTP 429: not now (try again after 3600 s)'
check "a server that is busy is tried again" ends ok '"attempts":3' ask busy
check "on the connection that is open" sh -c 'test "$(grep "^busy " "$1" | cut -d" " -f8 | sort -u | wc -l)" -eq 1' sh "$dir/log"
retries=1
check "one that stays down is given up" ends overloaded '"attempts":2' ask down
check "and was not charged" last_has '"billed":false'
retries=0
check "without retries it is asked once" ends overloaded '"attempts":1' ask down
retries=3
check "so often was it asked" asked down 3
check "a connection that breaks before the answer is made anew" ends ok '"attempts":2' ask cut-first
stream=false
check "an answer in one piece that does not come may have been charged: it is not asked for twice" \
	ends disconnected '"attempts":1,"billed":true' ask cut-always
stream=true
check "a refusal is final" ends refused '"attempts":1' ask refused
check "an answer that began is never asked for again" ends disconnected '"attempts":1' ask cut
serve other "$here/server.js" "$dir/log" || exit 1
other=${servers##* }
servers=${servers% *}
kill "$other"; wait "$other" 2>/dev/null
retries=1
check "a server that is not there is tried again, then named" ends unreachable '"attempts":2,"billed":false' ask fine
check "with what failed" last_has "endpoint 'here': Failed to connect to 127.0.0.1"
url=https://nowhere.invalid
check "so is a name without an address" ends unreachable "the name 'nowhere.invalid' has no address" ask fine
done_testing
