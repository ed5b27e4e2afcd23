#!/bin/sh
# Whom the broker believes: certificates, names, proxies.  Needs root and node.
. "$(dirname "$0")/../sh/lib.sh"
. "$(dirname "$0")/lib.sh"
keys=$dir
# shellcheck source=tests/sh/certificates.sh
. "$here/../sh/certificates.sh"

authority ours && authority theirs &&
	certificate good ours DNS:localhost,IP:127.0.0.1 2 && certificate named ours DNS:models.example 2 &&
	certificate old ours DNS:localhost,IP:127.0.0.1 -1 || exit 1
serve good "$here/server.js" "$dir/log" "$dir/good.pem" "$dir/good.key" || exit 1
good=$port
serve named "$here/server.js" "$dir/log" "$dir/named.pem" "$dir/named.key" || exit 1
named=$port
serve old "$here/server.js" "$dir/log" "$dir/old.pem" "$dir/old.key" || exit 1
old=$port
serve proxy "$here/proxy.js" "$dir/proxied" || exit 1
ours=", \"ca\": \"$dir/ours.pem\""

url=https://127.0.0.1:$good
check "a server is believed by an authority of the operator's" ends ok '"known":true' ask fine "$ours"
check "over HTTP/2" grep -q '^fine POST /v1/messages HTTP/2.0 ' "$dir/log"
url=https://localhost:$good
check "a name is looked up" ends ok '"known":true' ask fine "$ours"
: >"$dir/log"
check "the system's authorities do not vouch for it" ends tls "endpoint 'here': SSL certificate problem" ask fine
check "nor does another authority" ends tls "SSL certificate problem" ask fine ", \"ca\": \"$dir/theirs.pem\""
url=https://127.0.0.1:$named
check "a certificate for another name is refused" ends tls "SSL: no alternative certificate subject name matches target host name" ask fine "$ours"
url=https://127.0.0.1:$old
check "an expired one is refused" ends tls "certificate has expired" ask fine "$ours"
check "none of these is tried again" last_has '"attempts":1,"billed":false'
check "and none of these servers was sent a request" test ! -s "$dir/log"
url=https://127.0.0.1:$good
check "through a proxy the server is verified all the same" ends tls "SSL certificate problem" ask fine ", \"proxy\": \"http://127.0.0.1:$port\""
check "and answers" ends ok '"known":true' ask fine "$ours, \"proxy\": \"http://127.0.0.1:$port\""
check "the proxy was asked for the server's place only" grep -qx "CONNECT 127.0.0.1:$good" "$dir/proxied"
: >"$dir/proxied"
ask fine "$ours" >/dev/null; cp "$dir/ask.json" "$dir/plain.json"
ask fine ", \"ca\": \"$dir/key\"" >/dev/null; cp "$dir/ask.json" "$dir/nothing.json"
check "a proxy of the environment is not used" ends ok '"known":true' env https_proxy="http://127.0.0.1:$port" HTTPS_PROXY="http://127.0.0.1:$port" \
	sh -c "timeout 60 '$programs/broker-drive' '$dir/plain.json' >'$dir/out' 2>&1"
check "and was not asked" test ! -s "$dir/proxied"
serve refusing "$here/proxy.js" "$dir/refused" 407 || exit 1
retries=0
check "a proxy that refuses is named" ends unreachable "the proxy does not connect: HTTP 407" ask fine "$ours, \"proxy\": \"http://127.0.0.1:$port\""
check "a file without certificates is refused at the start" \
	sh -c "! '$programs/broker-drive' '$dir/nothing.json' >'$dir/out' 2>&1 && grep -qF \"endpoint 'here': '$dir/key' has no certificates that can be read\" '$dir/out'"
done_testing
