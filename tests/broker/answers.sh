#!/bin/sh
# What servers answer, good and bad, and what the orchestrator is told of it.  Needs root and node.
. "$(dirname "$0")/../sh/lib.sh"
. "$(dirname "$0")/lib.sh"
serve server "$here/server.js" "$dir/log" || exit 1

check "a stream is passed on event by event" ends ok '"output":7' ask fine
check "with all of its events" events 6
check "what was used is the provider's own figure" last_has '"usage":{"cache_write":0,"cached":0,"input":11,"known":true'
check "digests and sizes of both are there" last_has '"bytes_out":90'
check "the key was sent in the provider's header" grep -q "fine POST /v1/messages HTTP/1.1 key $(printf %s "$secret" | sha256sum | cut -c1-16)" "$dir/log"
stream=false
check "an answer in one piece comes with the end" ends ok '"body":{"content":[{"text":"hello","type":"text"}]' ask fine
stream=true protocol=turn wire=$message
message='{"system": "", "tools": [], "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]}'
check "a turn is gathered from a stream" ends ok '"body":{"content":[{"text":"hello","type":"text"}],"stop":"end"}' ask fine
check "and no event of it is passed on" events 0
protocol=openai-chat message=$wire
check "a body of another protocol is refused" ends refused "speaks anthropic-messages, not openai-chat" ask fine
protocol=anthropic-messages
check "a stream in small pieces is the same stream" ends ok '"known":true' ask trickle
check "with the same events" events 6
check "a server that does not close after its last event is not waited for" ends ok '"known":true' ask lingers
check "a refusal has the provider's own words" ends refused '"message":"endpoint '"'here'"': HTTP 400: not now"' ask refused
check "and was not charged" last_has '"billed":false'
check "a redirect is not followed" ends refused 'a redirect is not followed: configure where it leads' ask redirect
check "the place that it names was not asked" sh -c "! grep -q elsewhere '$dir/log'"
check "an answer that breaks off is told from one that ended" ends disconnected '"billed":true' ask cut
check "its usage is what was said so far, and not known" last_has '"input":11,"known":false'
check "so is one that ends too early" ends disconnected 'the answer ended before it was whole' ask short
check "a wrong event is garbage, with its place" ends garbage '/message: must be an object' ask garbage
check "bytes that are no text are garbage" ends garbage 'a line of its stream is not UTF-8' ask binary
check "a web page is garbage" ends garbage "a stream was asked for and 'text/html' came" ask html
check "what is not HTTP is garbage" ends garbage 'HTTP/0.9' ask raw
check "a stream of ten MiB is cut" ends too-large 'its answer is larger than 4194304 bytes' ask huge-stream
check "and charged" last_has '"billed":true'
stream=false
check "an answer of ten MiB is cut" ends too-large 'its answer is larger than 4194304 bytes' ask huge-body
stream=true
check "an event of two MiB is refused" ends too-large 'a line of its stream is larger than 1048576 bytes' ask huge-event
stall=300
check "a server that falls silent is given up" ends stalled 'not a byte came for 300 ms' ask stall
check "and may charge" last_has '"billed":true'
check "so is one that never answers" ends stalled '"billed":true' ask silent
stall=20000 total=400
check "a call has a whole time" ends timeout 'the call took longer than 400 ms' ask stall
total=30000 within=350
check "and no more than whoever asks for it has" ends timeout 'the call took longer than 350 ms' ask stall
within=0
check "a call is cancelled at once" ends cancelled '"billed":true' ask stall "" ', "cancel_after": 2'
check "nothing was asked twice" asked stall 4
done_testing
