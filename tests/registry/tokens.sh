#!/bin/sh
# Registries that want to know who asks: a real one with a token server, one with a user and password, and what they can do wrong.
# shellcheck source=tests/sh/lib.sh
. "$(dirname "$0")/../sh/lib.sh"
if ! command -v docker-registry >/dev/null || ! command -v zstd >/dev/null; then
	echo "1..0 # skip docker-registry or zstd is not installed"
	exit 0
fi
# shellcheck source=tests/registry/registry.lib.sh
. "$(dirname "$0")/registry.lib.sh"
config() { # HOST [MORE]: the host configuration with this registry
	cat >"$work/sickbay.json" <<END
{ "version": 1, "state": "$state", "registries": [{ "host": "$1" ${2:-} }] }
END
}
pull_with() { "$sickbay" image pull "$@" --state "$state" --config "$work/sickbay.json"; }
secret='secret-of-the-robot'
printf 'robot:%s\n' "$secret" >"$work/credential"; chmod 600 "$work/credential"
printf 'robot:wrong\n' >"$work/wrong"; chmod 600 "$work/wrong"
printf 'no-password\n' >"$work/odd"; chmod 600 "$work/odd"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key.pem" -out "$work/cert.pem" -days 2 -subj /CN=tests 2>/dev/null ||
	{ echo "Bail out! no certificate"; exit 1; }

start_registry open; open=$port
push_image "$open" team/base
serve tokens tokens "$work/cert.pem" "$work/key.pem" "$work/tokens.log" "robot:$secret"; tokens=$port
cp -r "$work/open" "$work/closed" # the same images, behind a door
start_registry closed "auth: { token: { realm: \"http://127.0.0.1:$tokens/token\", service: tests, issuer: tests, rootcertbundle: \"$work/cert.pem\" } }"
closed=127.0.0.1:$port

config "$closed"
refuses "without a credential the token server refuses" 1 "its token server refused a request without credential (401): look at \"credential\" under \"registries\"" pull_with "$closed/team/base:one"
config "$closed" ", \"credential\": \"$work/credential\""
check "with one the image is pulled" pull_with "$closed/team/base:one" --name signed
check "the token server heard the user's name" grep -q 'user=robot' "$work/tokens.log"
check "and was asked for no more than to pull from this repository" sh -c "! grep -v 'scope=repository:team/base:pull ' '$work/tokens.log'"
check "one token served the whole image" [ "$(grep -c 'user=robot' "$work/tokens.log")" = 1 ]
config "$closed" ", \"credential\": \"$work/wrong\""
refuses "a wrong password is said so" 1 "its token server refused the credential (401)" pull_with "$closed/team/base:one"
config "$closed" ", \"credential\": \"$work/odd\""
refuses "a file that holds none is refused" 1 "for a registry it holds USER:PASSWORD" pull_with "$closed/team/base:one"
chmod 644 "$work/credential"; config "$closed" ", \"credential\": \"$work/credential\""
refuses "one that others can read is refused" 1 "$work/credential" pull_with "$closed/team/base:one"
chmod 600 "$work/credential"
refuses "a host that stands there twice is refused" 1 "'a.example' stands there twice" sh -c "
	echo '{ \"version\": 1, \"registries\": [{ \"host\": \"a.example\" }, { \"host\": \"a.example\" }] }' >'$work/twice.json'
	'$sickbay' image pull '$closed/team/base:one' --config '$work/twice.json'"

serve anyone tokens "$work/cert.pem" "$work/key.pem" "$work/anyone.log"; anyone=$port
cp -r "$work/open" "$work/public"
start_registry public "auth: { token: { realm: \"http://127.0.0.1:$anyone/token\", service: tests, issuer: tests, rootcertbundle: \"$work/cert.pem\" } }"
public=127.0.0.1:$port
check "an anonymous token is asked for where there is no credential" pull_with "$public/team/base:one" --name anonymous

serve basic between "127.0.0.1:$open" basic "$work/basic.log"; basic=127.0.0.1:$port
config "$basic"
refuses "a user and password are asked for by name" 1 "name a file with them as \"credential\" of the host '$basic' under \"registries\"" pull_with "$basic/team/base:one"
config "$basic" ", \"credential\": \"$work/credential\""
check "and given to who asks for them" pull_with "$basic/team/base:one" --name known
config "$basic" ", \"credential\": \"$work/wrong\""
refuses "once" 1 "the registry refuses the credential for 'team/base' (401)" pull_with "$basic/team/base:one"

serve elsewhere between "127.0.0.1:$open" elsewhere "$work/elsewhere.log"; RIG_TO=http://127.0.0.1:$port; export RIG_TO
serve redirect between "$closed" redirect "$work/redirect.log"; redirect=127.0.0.1:$port
config "$redirect" ", \"credential\": \"$work/credential\""
"$sickbay" image remove known --state "$state"; "$sickbay" image remove anonymous --state "$state"; "$sickbay" image remove signed --state "$state"
check "a blob that is elsewhere is fetched" pull_with "$redirect/team/base:one" --name moved
check "with a token at the registry" grep -q '/blobs/.*auth=Bearer' "$work/redirect.log"
check "and nothing of it elsewhere" sh -c "! grep -v auth=None '$work/elsewhere.log'"
serve realm between "127.0.0.1:$open" realm; config "127.0.0.1:$port" ", \"credential\": \"$work/credential\""
refuses "a token server elsewhere gets nothing in plain" 1 "its token server: 'http://192.0.2.1/token?service=x&scope=repository:team/base:pull' is not https" pull_with "127.0.0.1:$port/team/base:one"
serve garbage between "127.0.0.1:$open" garbage; config "127.0.0.1:$port"
refuses "a challenge that is malformed is refused" 1 "its challenge is malformed" pull_with "127.0.0.1:$port/team/base:one"

"$sickbay" audit show --json --state "$state" >"$work/log"
check "no-password is in the log" sh -c "! grep -q '$secret' '$work/log'"
check "nor anywhere in the state" sh -c "! grep -rqF '$secret' '$state'"
done_testing
