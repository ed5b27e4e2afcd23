#!/bin/sh
# The policy command, as an author of policies meets it.
. "$(dirname "$0")/../sh/lib.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)
sickbay=${SICKBAY:-build/sickbay}
corpus=$root/tests/fuzz/corpus/policy
example=$root/policy/patch-agent.json
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT

policy() { "$sickbay" policy "$@"; }
says() { # says TEXT COMMAND [ARG ...]: exits 0 and prints the text
	text=$1; shift; out=$("$@") || { echo "$out"; return 1; }
	case "$out" in *"$text"*) ;; *) echo "$out"; return 1 ;; esac
}
is_json() { "$@" | /usr/bin/python3 -c 'import json, sys; json.load(sys.stdin)'; }

# ---- check ----
check "the example is a good policy" says "ok: policy 'checkout-patch'" policy check "$example"
check "what has no effect is said, with both places" says \
	"patch-agent.json:38:43: note: /code/tests/modify has no effect: preset:code:" policy check "$example"
for preset in reproduce patch verify; do
	check "preset:$preset passes its own tests" says "preset:$preset: ok" policy check "preset:$preset"
done

printf '{\n  "version": 1,\n  "name": "x",\n  "filesystem": {\n    "wirte": []\n  }\n}\n' >"$dir/typo.json"
refuses "an unknown key is named with its place and the nearest name" 1 \
	"typo.json:5:5: error: unknown key \"wirte\" in filesystem; did you mean \"write\"?" policy check "$dir/typo.json"
printf '{"version":1,"name":"x","tests":[\n{"name":"t","when":{"write":"/a"},"expect":"allow"}]}' >"$dir/test.json"
refuses "a failing test of its own refuses the policy" 1 \
	"test.json:2:1: error: test \"t\": want allow, got deny" policy check "$dir/test.json"
refuses "a rule that no mechanism can enforce is refused" 1 \
	"beyond-glob:1:47: error: \"@repo/**/*.c\": neither mounts nor Landlock can enforce this" \
	policy check "$corpus/beyond-glob"
refuses "a missing file is an error" 1 "No such file" policy check "$dir/none.json"
refuses "a file is wanted" 2 "name a file, or preset:NAME" policy check
both() { # a good file after a bad one is still reported
	out=$(policy check "$corpus/bad-key" "$example" "$corpus/bad-role" 2>&1); status=$?
	case "$status:$out" in *1:*"checkout-patch"*) ;; *) echo "$status: $out"; return 1 ;; esac
	case "$out" in *wirte*merge*|*merge*wirte*) ;; *) echo "$out"; return 1 ;; esac
}
check "every file is checked, whatever the first one says" both

# ---- extends ----
mkdir "$dir/sub"
printf '{"version":1,"name":"base","code":{"allow":["src/**"],"max_files":3}}' >"$dir/sub/base.json"
printf '{"version":1,"name":"x","extends":["./base.json"],"code":{"allow":["**"],"max_files":9}}' >"$dir/sub/x.json"
printf '{"version":1,"name":"y","extends":["./z.json"]}' >"$dir/sub/y.json"
printf '{"version":1,"name":"z","extends":["./y.json"]}' >"$dir/sub/z.json"
check "what it extends is found beside the file" says "ok" policy check "$dir/sub/x.json"
check "a number that would widen has no effect" says "note: /code/max_files has no effect" policy check "$dir/sub/x.json"
check "within both lists is allowed" says "allow:" policy explain "$dir/sub/x.json" patch src/a.c
refuses "outside one of them is not" 4 "base.json:1:36" policy explain "$dir/sub/x.json" patch doc/a.md
refuses "documents that extend each other are refused" 1 "more than 8 documents extend each other" policy check "$dir/sub/y.json"
printf '{"version":1,"name":"w","extends":["./none.json"]}' >"$dir/sub/w.json"
refuses "a missing base has the place that names it" 1 "w.json:1:36: error:" policy check "$dir/sub/w.json"

# ---- explain ----
check "every rule is shown with its place and mechanism" says "[landlock]" policy explain "$example"
check "a question is answered by rule, place, reason and mechanism" says "rule       /filesystem/write/0" \
	policy explain "$example" write @repo/src/x.c
refuses "a denial says so in its status" 4 "CI definitions decide what gets verified" \
	policy explain "$example" patch .github/workflows/ci.yml
refuses "needs-scope, too" 4 "needs-scope: exec apt-get install x" policy explain "$example" exec apt-get install x
check "a recorded call is allowed" says "notify: syscall connect" policy explain "$example" syscall connect
refuses "what is no question is a usage error" 2 "'smell' is not a question" policy explain "$example" smell x
refuses "nor is a question without its argument" 2 "'read' takes one argument, not 0" policy explain "$example" read
refuses "a policy that does not load is a failure" 1 "wirte" policy explain "$dir/typo.json" read /a
check "all rules as JSON" is_json policy explain --json "$example"
check "an answer as JSON" says '"rule": "/code/allow/0"' policy explain --json "$example" patch src/a.c

# ---- presets and schema ----
check "presets are listed" says "preset:patch" policy presets
printed() { policy presets patch | cmp - "$root/policy/presets/patch.json"; }
check "and printed as they are" printed
refuses "an unknown preset is a usage error" 2 "no preset 'pach'" policy presets pach
same_schema() { policy schema | cmp - "$root/policy/scope-policy.schema.json"; }
check "the schema is the published one" same_schema
refuses "a mistyped command is named" 2 "did you mean 'explain'?" policy explian

# ---- the published schema and the checker agree on a corpus ----
for file in "$corpus"/*; do
	case ${file##*/} in
	good-*) check "accepted: ${file##*/}" says ": ok" policy check "$file" ;;
	*) refuses "refused with its place: ${file##*/}" 1 "$file:1:" policy check "$file" ;;
	esac
done
if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
	check "a schema validator says the same of them" /usr/bin/python3 "$root/tests/cli/policy-schema.py" \
		"$root/policy/scope-policy.schema.json" "$corpus"
else
	n=$((n + 1)); echo "ok $n - a schema validator says the same of them # SKIP no jsonschema for Python"
fi

# ---- diff ----
printf '{"version":1,"name":"a","code":{"allow":["src/**"],"deny":["src/payment/**"]}}' >"$dir/a.json"
printf '{"version":1,"name":"b","code":{"allow":["src/**"],"deny":["src/payment/*"]}}' >"$dir/b.json"
printf '{"version":1,"name":"n","extends":["preset:patch"],"code":{"allow":["src/**"],"max_files":2}}' >"$dir/n.json"
check "a policy is no wider than itself" says "allows nothing that" policy diff "$example" "$example"
check "what narrows is no wider" says "allows nothing that" policy diff preset:patch "$dir/n.json"
wider() { # wider TEXT ARG ...: exits 3 and prints the text
	text=$1; shift; out=$(policy diff "$@" 2>&1); status=$?
	case "$status:$out" in 3:*"$text"*) ;; *) echo "$status: $out"; return 1 ;; esac
}
check "a wider one is told with a path that it allows" wider "patch: src/payment" "$dir/a.json" "$dir/b.json"
check "and with the rule that refused it" wider "a.json: deny by /code/deny/0 at $dir/a.json:1:" "$dir/a.json" "$dir/b.json"
check "JSON says the same" wider '"wider": true' --json "$dir/a.json" "$dir/b.json"
refuses "two policies are wanted" 2 "name two policies, A and B" policy diff "$dir/a.json"
refuses "one that cannot be read is an error" 1 "No such file" policy diff "$dir/a.json" "$dir/none.json"

# ---- fmt ----
printf '{"name":"f", // who\n"version":1}' >"$dir/f.json"; chmod 640 "$dir/f.json"
check "the canonical form is printed, comments and all" says '"name": "f", // who' policy fmt "$dir/f.json"
refuses "what is not canonical is named" 3 "f.json: not in the canonical form" policy fmt --check "$dir/f.json"
check "checking changes nothing" grep -q '^{"name":"f", // who' "$dir/f.json"
check "it is rewritten when asked" says "f.json: rewritten" policy fmt --write "$dir/f.json"
check "and is canonical then" policy fmt --check "$dir/f.json"
check "its mode stays" test "$(stat -c %a "$dir/f.json")" = 640
cp "$dir/typo.json" "$dir/keep.json"
refuses "what is no policy is left alone" 1 "unknown key" policy fmt --write "$dir/keep.json"
check "byte for byte" cmp "$dir/typo.json" "$dir/keep.json"
ln -s f.json "$dir/link.json"; printf '{"name":"f","version":1}' >"$dir/f.json"
refuses "a link is not replaced by a file" 1 "not a regular file; name the file itself" policy fmt --write "$dir/link.json"

done_testing
