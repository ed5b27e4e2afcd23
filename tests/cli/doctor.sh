#!/bin/sh
# What `sickbay doctor` says of a host, and of one that lacks something.  Needs root.
# shellcheck disable=SC2016
# shellcheck source=tests/sh/lib.sh
. "$(dirname "$0")/../sh/lib.sh"
sickbay=$(realpath "${SICKBAY:-build/sickbay}")
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"

doctor() { "$sickbay" doctor "$@"; }
says() { text=$1; shift; "$@" 2>&1 | grep -qF -e "$text"; } # TEXT COMMAND ...

check "this host can build replicas" doctor --state "$dir/state"
check "it says so" says "replicas can be built on this host" doctor --state "$dir/state"
check "asking leaves the state directory unmade" test ! -e "$dir/state"
check "the variant of replica roots is named" says "replica roots " doctor --state "$dir/state"
check "control groups are named" says "control groups " doctor --state "$dir/state"
check "each helper program is named" says "sickbay-audit " doctor --state "$dir/state"
complete() {
	doctor --json --state "$dir/state" | /usr/bin/python3 -c '
import json, sys
v = json.load(sys.stdin)
assert v["replicas"] is True and v["summary"]
for f in v["findings"]:
    assert f["name"] and f["value"] and f["verdict"] in ("ok", "note", "problem"), f
    assert len(f["follows"].split()) >= 4, f
names = {f["name"] for f in v["findings"]}
assert {"kernel", "replica roots", "control groups", "call filter", "Landlock", "state", "git"} <= names, names'
}
check "as JSON, each finding has a value, a verdict and what follows" complete

: >"$dir/file"
refuses "a state directory that is a file is a problem" 1 "it is not a directory" doctor --state "$dir/file"
refuses "so is one beneath it" 1 "it is not a directory" doctor --state "$dir/file/state"
mkdir -m 777 "$dir/open"
refuses "a state directory that others may write proves nothing" 1 "somebody else" doctor --state "$dir/open"

mkdir "$dir/alone"
cp "$sickbay" "$dir/alone/sickbay"
refuses "without root no replica can be built" 1 "replicas cannot be built" \
	setpriv --reuid 65534 --clear-groups --regid 65534 "$dir/alone/sickbay" doctor --state "$dir/state"
check "and the reason is given" says "problem  replicas " \
	setpriv --reuid 65534 --clear-groups --regid 65534 "$dir/alone/sickbay" doctor --state "$dir/state"
if "$dir/alone/sickbay" doctor --state "$dir/state" | grep -q '^ok .*sickbay-init'; then
	n=$((n + 1)); echo "ok $n - a missing helper is a problem # skip helpers are installed on this host"
else
	refuses "a missing helper is a problem" 1 "no replica starts without its pid 1" \
		"$dir/alone/sickbay" doctor --state "$dir/state"
fi
nothing() { PATH=$dir "$sickbay" doctor --state "$dir/state"; }
check "a missing git is no reason against replicas" nothing
check "but a note, with what follows" says '`sickbay heal` cannot read a repository' nothing

# ---- models ----
mkdir "$dir/services"
config() { # config MODELS
	printf '{ "version": 1, "state": "%s/state", "services": "%s/services", "models": [%s] }\n' "$dir" "$dir" "$1" >"$dir/config.json"
}
endpoint() { # endpoint CREDENTIAL
	printf '{ "name": "here", "protocol": "openai-chat", "url": "http://127.0.0.1:9/v1", "credential": "%s", "models": [{ "name": "m", "input": "1.00", "output": "2.00" }] }' "$1"
}
cat >"$dir/services/shop.json" <<-J
	{ "version": 1, "name": "shop", "language": "javascript", "repository": { "url": "$dir", "target": "main" },
	  "image": { "production": "host" }, "run": { "cwd": "/srv/shop" },
	  "tests": [{ "name": "t", "command": ["true"], "one": ["true", "@test"], "new_test": { "dir": "test", "framework": "tape" } }],
	  "agents": { "patch": { "kind": "model", "models": ["here/m"] } } }
J
asks() { doctor --state "$dir/state" --config "$dir/config.json"; }
config ''
refuses "a service whose model is not configured is named, with its place" 1 \
	"/agents/patch/models/0: the model 'here/m' is not in this host's configuration" asks
check "and replicas can be built all the same" says "replicas can be built on this host, but" asks
refuses "and it is refused, not only noted" 1 "/agents/patch/models/0: the model 'here/m' is not in this host's configuration" \
	"$sickbay" service check shop --config "$dir/config.json"
config "$(endpoint "$dir/none")"
refuses "a model that the policy of its role does not allow is refused" 4 "does not allow the model 'here/m'" \
	"$sickbay" service check shop --config "$dir/config.json"
check "and named, with what to do" says "does not allow the model 'here/m': name it under /model/allow there" asks
cat >"$dir/wide.json" <<-J
	{ "version": 1, "name": "wide", "description": "d", "extends": ["preset:patch"], "roles": ["patch"], "model": { "allow": ["here/m"] } }
J
sed -i "s|\"agents\"|\"policy\": { \"patch\": \"$dir/wide.json\" }, &|" "$dir/services/shop.json"
check "with it allowed, nothing is in the way" asks
check "a key that is not there is noted" says "no model of it can be asked" asks
echo secret >"$dir/key"; chmod 0644 "$dir/key"; config "$(endpoint "$dir/key")"
check "one that others could read is noted, with what to do" says "has mode 0644: others could read it; chmod 600" asks
chmod 0600 "$dir/key"
config "$(endpoint "$dir/key")"
check "one that is there and root's alone is not opened" says "its key file is one that sickbay-broker takes" asks
kept() { ! says secret asks; }
check "and not shown" kept

refuses "operands are refused" 2 "doctor takes no operands" doctor now
refuses "a misspelt option is named" 2 "--stat" doctor --stat x
done_testing
