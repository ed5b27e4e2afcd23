#!/bin/sh
# Each provider's protocol through the whole broker, against the scripted model.  Needs root and node.
. "$(dirname "$0")/../sh/lib.sh"
. "$(dirname "$0")/lib.sh"
cat >"$dir/plain.json" <<'END'
{"any": true, "loop": true, "turns": [{"say": ["hello"], "usage": {"input": 100, "output": 20, "cached": 40, "reasoning": 0}}]}
END
cat >"$dir/odd.json" <<'END'
{"any": true, "loop": true, "turns": [{"say": ["hello"], "usage": {"input": 100, "output": 20}, "trickle": 1, "crlf": true, "comments": true, "extra": {"unheard": {"of": [1, 2]}}}]}
END
serve plain "$here/../models/server.js" --scenario "$dir/plain.json" --log "$dir/log" --key "$secret" || exit 1
plain=$port
serve odd "$here/../models/server.js" --scenario "$dir/odd.json" --key "$secret" || exit 1
odd=$port
turn='{"system": "", "tools": [], "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]}'
keeps_nothing_unheard() { ! grep -q unheard "$dir/out"; }

each() { # each PROTOCOL BODY
	endpoint=$1 protocol=turn message=$turn port=$plain stream=true
	check "$1: a turn" ends ok '"body":{"content":[{"text":"hello","type":"text"}],"stop":"end"}' ask scripted-1
	check "$1: what it used" last_has '"cached":40,"input":100,"known":true,"output":20'
	port=$odd
	check "$1: a turn in pieces, oddly written" ends ok '"body":{"content":[{"text":"hello","type":"text"}],"stop":"end"}' ask scripted-1
	protocol=$1 message=$2
	check "$1: a stream of events" ends ok '"input":100,"known":true,"output":20' ask scripted-1
	check "$1: with its text" grep -q '^{"event".*hello' "$dir/out"
	check "$1: without what no table names" keeps_nothing_unheard
	stream=false port=$plain
	check "$1: an answer in one piece" ends ok '"input":100,"known":true,"output":20' ask scripted-1
	check "$1: with its text" grep -q '^{"end".*"body":.*hello' "$dir/out"
	port=1
}
each anthropic-messages '{"model": "x", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}'
each openai-chat '{"model": "x", "messages": [{"role": "user", "content": "hi"}]}'
each openai-responses '{"model": "x", "input": "hi"}'
each google-generate '{"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}'
check "no request was other than the scenario wants" sh -c "! grep '\"wrong\"' '$dir/log'"
check "every request had the key in its provider's header" test "$(grep -c "sha256:$(printf %s "$secret" | sha256sum | cut -d' ' -f1)" "$dir/log")" -eq "$(grep -c '"method"' "$dir/log")"
done_testing
