#!/bin/sh
# record.sh OUT PACKAGES: the reports of shop.js, shop.py and shop.c, as a machine with these runtimes prints them, into
# the folder OUT.  PACKAGES holds node_modules (qs@6.15.1 zod@3 http-errors body-parser axios) and dist-packages
# (requests redis psycopg2 pydantic werkzeug django sqlparse).  Needs root, openssl and a compiler with sanitizers; run
# only to renew the records, which the tests read.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "$1") packages=$(realpath "$2")
[ "${3:-}" = inside ] || exec unshare -m -n --propagation private sh "$0" "$out" "$packages" inside

# production's places, in a mount and a network namespace of our own
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
mount -t tmpfs none /srv
mkdir -p /srv/shop/node_modules
cp "$here"/shop.* /srv/shop
mount --bind "$packages/node_modules" /srv/shop/node_modules
mount --bind "$packages/dist-packages" /usr/lib/python3/dist-packages
ip link set lo up
ip link add hole type veth peer name other
ip link set other up
ip link set hole up arp off
ip addr add 192.0.2.1/24 dev hole
sysctl -qw net.ipv4.tcp_syn_retries=1
BLACKHOLE=192.0.2.2 PEER=http://127.0.0.1:8080 TLS_PEER=https://127.0.0.1:8443 PYTHONDONTWRITEBYTECODE=1
export BLACKHOLE PEER TLS_PEER PYTHONDONTWRITEBYTECODE
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=peer -days 2 -keyout "$work/key" -out "$work/cert" 2>/dev/null
node -e 'const http = require("http"), https = require("https"), fs = require("fs"), at = process.argv[1];
	const answer = (q, s) => { s.statusCode = Number(q.url.slice(1)); s.end(); };
	http.createServer(answer).listen(8080);
	https.createServer({ key: fs.readFileSync(at + "/key"), cert: fs.readFileSync(at + "/cert") }, answer).listen(8443);
' "$work" &
peer=$!
cd /srv/shop
cc -g -fsanitize=address,undefined -o shop shop.c
sleep 1
sed -n 's/^\t\(async \)\{0,1\}\([a-zA-Z0-9]*\)() {.*/\2/p' shop.js | while read -r name; do
	prlimit --nofile=64 node shop.js "$name" >"$out/$name.node" 2>&1 </dev/null || :
done
sed -n 's/^def \([a-z0-9_]*\)():$/\1/p' shop.py | while read -r name; do
	/usr/bin/python3 shop.py "$name" >"$out/$name.python" 2>&1 </dev/null || :
done
for name in memory overflow; do ./shop "$name" >"$out/$name.sanitizer" 2>&1 || :; done
kill "$peer"
