#!/bin/sh
# The incident command, as an operator meets it: raw reports in, one checked record out.
. "$(dirname "$0")/../sh/lib.sh"
here=$(dirname "$0")
sickbay=${SICKBAY:-build/sickbay}
corpus=$here/../fuzz/corpus
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT

convert() { "$sickbay" incident convert "$@"; }
prints() { text=$1; shift; "$@" 2>&1 | grep -qF -e "$text"; } # TEXT COMMAND ...
says() { # FILE ATTRIBUTE.PATH VALUE
	/usr/bin/python3 - "$@" <<-'PY'
	import json, sys
	v = json.load(open(sys.argv[1]))
	for part in sys.argv[2].split("."):
	    v = v[int(part)] if isinstance(v, list) else v[part]
	if str(v) != sys.argv[3]:
	    sys.exit("%s is %r" % (sys.argv[2], v))
	PY
}
to() { file=$1; shift; "$@" >"$file"; } # FILE COMMAND ...

commit=0123456789012345678901234567890123456789
cat >"$dir/deploy.json" <<END
{"commit": "$commit", "release": "2.0.0", "image": "sha256:0000", "time": "2026-11-22T06:00:00Z"}
END
echo '{"call": {"export": "price", "args": [{"$undefined": true}]}}' >"$dir/input.json"
echo '{"heap_used": 123456}' >"$dir/metrics.json"

check "a Node.js log line becomes an incident" to "$dir/a.json" \
	convert --from node --map /srv/shop= --deploy "$dir/deploy.json" --metrics "$dir/metrics.json" "$corpus/node/line.txt"
check "its coordinate is a repository path" says "$dir/a.json" coordinate.file a.js
check "its line is that of the trace" says "$dir/a.json" coordinate.line 2
check "the rule that chose it is named" says "$dir/a.json" coordinate.rule "innermost in-app frame of the root cause"
check "the call that was logged is its input" says "$dir/a.json" input.call.export encode
check "the deployment is part of it" says "$dir/a.json" deploy.commit "$commit"
check "so are the metrics" says "$dir/a.json" metrics.0.heap_used 123456
check "the record passes its own check" prints "TypeError at a.js:2 in price" "$sickbay" incident check "$dir/a.json"

check "standard input is read" to "$dir/b.json" sh -c '"$1" incident convert --from python --name shop <"$2"' - "$sickbay" "$corpus/python/cause.txt"
check "the root cause comes first" says "$dir/b.json" chain.0.type TypeError
check "an input file is taken over" to "$dir/c.json" convert --from sanitizer --input "$dir/input.json" --map /srv/shop/=src "$corpus/sanitizer/segv.txt"
check "a crash is one" says "$dir/c.json" kind crash
check "a prefix may lead into a folder" says "$dir/c.json" coordinate.file src/s.c
check "two reports of one failure have one fingerprint" sh -c '
	"$1" incident convert --from node --map /srv/shop= "$2/node/uncaught.txt" | grep fingerprint >"$3/f1"
	sed "s/a.js:2:/a.js:20:/" "$2/node/uncaught.txt" | "$1" incident convert --from node --map /srv/shop= | grep fingerprint >"$3/f2"
	cmp "$3/f1" "$3/f2"' - "$sickbay" "$corpus" "$dir"

refuses "a format is needed" 2 "needs --from node|python|sanitizer" "$sickbay" incident convert x
refuses "an unknown format is listed against" 2 "'ruby' is not a report format; want node, python, sanitizer or core" convert --from ruby x
refuses "a report without a trace is refused" 1 "deploy.json:2:1: found no Node.js error with a stack" convert --from node "$dir/deploy.json"
refuses "a report that is not there is named" 1 "open '$dir/none': No such file" convert --from node "$dir/none"
refuses "a mapping needs two sides" 1 "want PRODUCTION=REPOSITORY" convert --from node --map /srv "$corpus/node/line.txt"
echo '{"commit": "main"}' >"$dir/branch.json"
refuses "a branch is not a commit" 1 "'main' is not a commit in full" convert --from node --deploy "$dir/branch.json" "$corpus/node/line.txt"
echo '{"call": {}, "http": {}}' >"$dir/two.json"
refuses "one way in is enough" 1 "want exactly one of call, command, http, datagram, script" \
	convert --from node --input "$dir/two.json" "$corpus/node/line.txt"
sed 's/"line": 2,/"line": "two",/' "$dir/a.json" >"$dir/bad.json"
refuses "a wrong member is named with its place" 1 "bad.json:" "$sickbay" incident check "$dir/bad.json"
sed 's/"coordinate"/"cordinate"/' "$dir/a.json" >"$dir/typo.json"
refuses "a misspelled member is named with the nearest" 1 "coordinate" "$sickbay" incident check "$dir/typo.json"
done_testing
