#!/bin/sh
# The demo, in four acts; `make demo` runs it.  Everything it prints is what just happened here, and every line that
# begins with ok or FAILED was checked: the exit status is 1 when an act did not do what it claims.  Needs root, and a
# network for the released package and its test dependencies, once.  Writes to build/demo only.
# shellcheck disable=SC2016 # what is quoted so is for another program
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
sickbay=${SICKBAY:-$top/build/sickbay}
probe=$top/build/tests/escape/probe
demo=$top/build/demo
state=$demo/state
# shellcheck source=tests/cheats/lib.sh
. "$top/tests/cheats/lib.sh"
began=$(date +%s)
bad=0

act() { printf '\n%s\n%s\n' "== $1" "   $2"; }
text() { fold -s -w 94 | sed 's/^/   | /; s/ *$//'; }
claim() { # claim TEXT COMMAND...: says so, and fails the demo where it is not so
	what=$1
	shift
	if "$@" >/dev/null 2>&1; then echo "   ok      $what"; else
		bad=1
		echo "   FAILED  $what"
	fi
}
stop() {
	echo "demo: $*" >&2
	exit 1
}
in_replica() { # in_replica TREE COMMAND...: in a fresh replica with TREE as /tmp/shop; what it writes is passed on
	tree=$1
	shift
	tar -C "$tree" -cf - . | "$sickbay" run --image host --state "$state" -- \
		/bin/sh -c 'mkdir /tmp/shop && tar -C /tmp/shop -xf - && cd /tmp/shop && exec "$@"' sh "$@"
}
shop_at() { # shop_at DIR COMMIT: the service, with the package as it is at COMMIT and what its tests need
	mkdir -p "$1/node_modules/qs"
	cp "$demo/qs/server.js" "$1/"
	git -C "$demo/qs/repo" archive "$2" | tar -C "$1/node_modules/qs" -xf -
	cp -R "$state/images/layers/$toolchain/srv/shop/node_modules/qs/node_modules" "$1/node_modules/qs/"
}
field() { # field FILE EXPRESSION: of a JSON document v
	node -e 'const v = JSON.parse(require("fs").readFileSync(process.argv[1])); console.log(eval(process.argv[2]));' "$1" "$2"
}

[ "$(id -u)" = 0 ] || stop "building replicas needs root"
# what was fetched stays: a second run needs no network
[ ! -d "$state" ] || find "$state" -mindepth 1 -maxdepth 1 ! -name cache -exec rm -rf {} +
rm -rf "$demo/production" "$demo/patched" "$demo/copy" "$demo/leaks"
mkdir -p "$demo"
sh "$top/tests/sh/leaks.sh" "$demo/leaks" ours

# ---------------------------------------------------------------------------------------------------------------------
act "1. It heals" "a released package, a service that uses it, one request that crashes it"

sh "$top/tests/cases/qs/fetch.sh" "$demo/qs" >/dev/null || stop "the package cannot be fetched"
# production lies elsewhere than the case's own report says
sed -i 's|"production": "/srv/shop/|"production": "/tmp/shop/|' "$demo/qs/service.json"
toolchain=$("$sickbay" image prepare "$demo/qs/recipe.json" --state "$state") || stop "what the tests need cannot be prepared"
main=$(git -C "$demo/qs/repo" rev-parse main)
echo "   qs 6.15.1 as a git repository: build/demo/qs/repo, main at $(git -C "$demo/qs/repo" log -1 --format='%h %s' main)"

shop_at "$demo/production" v6.15.1
echo "   \$ node server.js --once          # production: in a replica, the request goes over its own loopback"
in_replica "$demo/production" node server.js --once >"$demo/answer" 2>"$demo/report.ndjson"
text <"$demo/answer"
cut -c1-182 "$demo/report.ndjson" | sed 's/$/.../' | text
claim "the service answered with an error and logged one line: the report" \
	sh -c "grep -q '^HTTP 500' '$demo/answer' && [ \$(wc -l <'$demo/report.ndjson') = 1 ]"

echo "   \$ sickbay incident convert --from node --service service.json --deploy deploy.json report.ndjson"
"$sickbay" incident convert --from node --service "$demo/qs/service.json" --deploy "$demo/qs/deploy.json" \
	"$demo/report.ndjson" >"$demo/incident.json" || stop "the report was not converted"
field "$demo/incident.json" '`${v.id}: ${v.coordinate.type} at ${v.coordinate.file}:${v.coordinate.line} in ${v.coordinate.function}, ` +
	`rule ${v.coordinate.rule}; deployed ${v.deploy.commit.slice(0, 12)}`' | text
claim "the coordinate is lib/utils.js:195 in encode" \
	grep -q 'TypeError 195 encode' <<-END
	$(field "$demo/incident.json" '`${v.coordinate.type} ${v.coordinate.line} ${v.coordinate.function}`')
	END

echo "   \$ sickbay service check service.json"
"$sickbay" service check "$demo/qs/service.json" --state "$state" >"$demo/check" || stop "the service is not ready: $(cat "$demo/check")"
text <"$demo/check"
claim "its suite runs in a replica: $(field "$demo/qs/expect.json" v.tests) tests" grep -q "^tests *$(field "$demo/qs/expect.json" v.tests) found" "$demo/check"

echo "   \$ sickbay heal --service service.json incident.json"
"$sickbay" heal --service "$demo/qs/service.json" --state "$state" "$demo/incident.json" >"$demo/heal.out"
healed=$?
case=$(find "$state/cases" -mindepth 1 -maxdepth 1 -name 'shop-*' | head -n 1)
case=${case##*/}
text <"$demo/heal.out"
claim "a pull request was proposed (exit status $healed)" [ "$healed" = 0 ]
[ "$healed" = 0 ] || stop "without it there is nothing more to show"
branch=sickbay/$case
claim "it is a branch beside main, which nobody moved" sh -c \
	"[ \"\$(git -C '$demo/qs/repo' rev-parse main)\" = $main ] && git -C '$demo/qs/repo' rev-parse -q --verify '$branch'"

echo "   Now without sickbay's word for it: qs's own tests, and two calls, on both commits (in replicas)"
shop_at "$demo/patched" "$branch"
calls='const qs = require("qs"), o = { arrayFormat: "comma", encodeValuesOnly: true };
for (const a of [[null, "b"], [undefined, "b"]])
	try { console.log("stringify(" + require("util").inspect({ a }) + ") = " + JSON.stringify(qs.stringify({ a }, o))); }
	catch (e) { console.log("stringify(" + require("util").inspect({ a }) + ") throws " + e.name); }'
in_replica "$demo/production" node -e "$calls" >"$demo/before" 2>&1
in_replica "$demo/patched" node -e "$calls" >"$demo/after" 2>&1
sed 's/^/main:   /' "$demo/before" | text
sed 's/^/branch: /' "$demo/after" | text
claim "both calls throw on main, none on the branch" \
	sh -c "[ \$(grep -c throws '$demo/before') = 2 ] && [ \$(grep -c ' = ' '$demo/after') = 2 ]"
own=$(git -C "$demo/qs/repo" ls-tree -r --name-only main test | grep '\.js$' | tr '\n' ' ')
# shellcheck disable=SC2086,SC2016
in_replica "$demo/patched" /bin/sh -c 'cd node_modules/qs && exec node node_modules/.bin/tape "$@"' sh $own >"$demo/tape" 2>&1
grep -E '^# (tests|pass|fail) ' "$demo/tape" | tr '\n' ' ' | text
echo
claim "all $(field "$demo/qs/expect.json" v.tests) tests that qs brings pass on the branch" \
	grep -qx "# pass  $(field "$demo/qs/expect.json" v.tests)" "$demo/tape"

# ---------------------------------------------------------------------------------------------------------------------
act "2. It refuses" "four agents that make the new test and the suite pass, through the same proof"

refused() { # refused AGENT STEP
	out=$(cheat "$demo/qs/service.json" "$state" "$case" "$1")
	echo "   $1: $(sed -n 's/^# //p' "$cheats/agents/$1.sh")"
	printf '%s' "$out" | sed -n 's/^ *"reason": "\(.*\)",*$/\1/p' | text
	claim "green for a check that believes exit statuses; refused by step $2" \
		sh -c "grep -q 'proof step $2 ' && exit $(cheat_passes "$state" "$1"; echo $?)" <<-END
		$out
		END
}
refused delete-old-test 4
refused exit-early 2
refused forge-reporter 3
refused special-case 6

# ---------------------------------------------------------------------------------------------------------------------
act "3. It contains" "a program that looks for ways out, on this host and in a replica"

echo token >"$demo/token"
tried=0 out=0
printf '   | %-42s %-22s %s\n' "way" "outside" "in a replica"
way() { # way TITLE host|bare NAME [ARGUMENT]: bare is a clone with namespaces and nothing else
	title=$1 where=$2
	shift 2
	case $where in
	host) "$probe" "$@" >/dev/null 2>&1 9<"$demo/token" </dev/null ;;
	bare) "$probe" bare "$@" >/dev/null 2>&1 </dev/null ;;
	esac
	case $?:$where in
	0:host) outside="open on the host" ;;
	0:bare) outside="open in a bare clone" ;;
	*) outside="not on this host" ;;
	esac
	# shellcheck disable=SC2016
	inside=$("$sickbay" run --json --image host --state "$state" -- /bin/sh -c \
		'cat >/tmp/probe && chmod 755 /tmp/probe && exec /tmp/probe "$@"' sh "$@" <"$probe" 2>&1 9<"$demo/token")
	status=$?
	case $status:$inside in
	*killed-syscall*) how="killed by the filter" ;;
	1:refused:*) how=$(printf '%s' "$inside" | sed -n 's/^refused: .*: \(.*\)$/\1/p' | head -n 1) ;;
	*) how="exit status $status" out=$((out + 1)) ;;
	esac
	[ "$outside" = "not on this host" ] || tried=$((tried + 1))
	printf '   | %-42s %-22s %s\n' "$title" "$outside" "$how"
}
way "a file of the host" host read "$demo/token"
way "the same, through the root of pid 1" bare read "/proc/1/root$demo/token"
way "an open descriptor of the host" host fds
way "a program of the host, for writing" host write /usr/bin/env
way "a process of the host" host signal $$
way "a route to anywhere" host route
way "the memory of pid 1, for writing" bare write /proc/1/mem
way "the namespaces of pid 1" bare setns /proc/1/ns/uts
way "a mount" bare mount tmpfs
way "a user namespace" bare unshare
way "to be user 0" host setuid
way "a kernel setting, for writing" host write /proc/sys/kernel/core_pattern
way "a file by its handle" host handle "$demo/token"
way "io_uring" host io-uring
way "the kernel's keys" host keyctl
way "eBPF" host bpf
claim "$tried ways that are open outside were tried, none leads out" [ "$tried" -ge 10 -a "$out" = 0 ]

agent() { # agent NAME AGENT POLICY: a case like the healed one, with this agent and this policy
	NAME=$1 node -e '
		const fs = require("fs"), text = fs.readFileSync(process.argv[1], "utf8").replace(/^\s*\/\/.*$/mg, "");
		const s = JSON.parse(text);
		s.agents = { patch: JSON.parse(process.argv[3]) };
		s.policy.patch = process.argv[4];
		fs.writeFileSync(process.argv[2], JSON.stringify(s));' "$demo/qs/service.json" "$demo/qs/$1.json" "$2" "$3"
	case_like "$state" "$case" "$1-1"
	"$sickbay" case resume "$1-1" --service "$demo/qs/$1.json" --state "$state" --json >"$demo/$1.out" 2>&1
}
# 101 ptrace, 425 io_uring_setup
agent escape '{ "kind": "command", "command": ["perl", "-e", "syscall(101, 16, 1, 0, 0); syscall(425, 1, 0);"] }' \
	"$top/tests/demo/watched.json"
agent overreach '{ "kind": "built-in" }' "$top/tests/demo/frozen.json"
echo "   What the audit log says of an agent that traces pid 1 and then asks for io_uring, and of one whose"
echo "   policy leaves it nothing to change:"
for id in escape-1 overreach-1; do
	"$sickbay" audit show --case "$id" --state "$state"
done | sed -n -E '/ (replica\.notify|gate\.deny) |exit="killed-syscall"/s/^ *([0-9]+)  [^ ]+  /\1 /p' | awk '!seen[$3]++' >"$demo/seen"
text <"$demo/seen"
claim "the notification saw the trace" grep -q 'replica.notify .*ptrace' "$demo/seen"
claim "the exit record saw the end by the filter" grep -q 'replica.exit .*killed-syscall' "$demo/seen"
claim "the gate refused the change, with rule and place" grep -q 'gate.deny .*rule=' "$demo/seen"
claim "neither case was proposed" sh -c "! grep -q proposed '$demo/escape.out' '$demo/overreach.out'"

# ---------------------------------------------------------------------------------------------------------------------
act "4. It proves" "a copy of the audit log, one bit of one byte flipped"

mkdir "$demo/copy"
cp -a "$state/audit" "$demo/copy/audit"
echo "   \$ sickbay audit verify"
"$sickbay" audit verify --state "$demo/copy" >"$demo/verify" 2>&1
whole=$?
text <"$demo/verify"
claim "the log is whole" [ "$whole" = 0 ]
flipped=$(perl -e '
	my ($path) = @ARGV; open(my $f, "+<:raw", $path) or die; local $/; my $all = <$f>;
	my $at = index($all, "\"gate.deny\"") + 1; die if $at == 0;
	seek($f, $at, 0); print $f chr(ord(substr($all, $at, 1)) ^ 1); close($f) or die;
	print "$at ", (substr($all, 0, $at) =~ tr/\n//);' "$demo/copy/audit/events/00000000000000000000.ndjson")
echo "   byte ${flipped% *} of the first segment is flipped: it lies in record ${flipped#* }"
"$sickbay" audit verify --state "$demo/copy" >"$demo/verify" 2>&1
whole=$?
text <"$demo/verify"
claim "the record is named, exit status $whole" sh -c "[ $whole = 1 ] && grep -qw '${flipped#* }' '$demo/verify'"

# ---------------------------------------------------------------------------------------------------------------------
printf '\n== Afterwards\n'
sh "$top/tests/sh/leaks.sh" "$demo/leaks" ours >"$demo/left" 2>&1
left=$?
[ "$left" = 0 ] || text <"$demo/left"
claim "no process, mount, control group, namespace, loop device or file was left behind" [ "$left" = 0 ]
echo "   $(($(date +%s) - began)) seconds, all of it in build/demo"
cat <<END

   Now one of your own (docs/first-hour.md):

   build/sickbay doctor
   build/sickbay service init YOUR/REPOSITORY          # writes /etc/sickbay/services/NAME.json, runs nothing of it
   build/sickbay service check NAME
   build/sickbay heal --from node --service NAME --deploy deploy.json <report.ndjson
END
exit "$bad"
