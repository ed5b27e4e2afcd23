#!/bin/sh
# A core that the kernel wrote becomes an incident with the place in the source, read in a replica by build id.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/sh/lib.sh
. tests/core/lib.sh

convert() { # convert CORE [OPTION...]
	file=$1; shift
	"$sickbay" incident convert --from core --service "$work/services/depot.json" --state "$state" "$@" "$file"
}
place() { json "$1" '"%s %s:%s %s" % tuple(j["coordinate"].get(k) for k in ("type", "file", "line", "function"))'; }
line() { grep -n -F "$1" "$repo/$2" | head -n 1 | cut -d: -f1; } # line TEXT FILE

value=Kq7zXwVb # what people put in: no word of the repository
printf '%s 3\n- 3\n' "$value" >"$work/segv"
printf 'bolt 3\nnut -1\n' >"$work/abrt"
production "$work/abrt"
mv "$work/core" "$work/core.abrt"
printf 'bolt 99\n' >"$work/call"
production "$work/call"
mv "$work/core" "$work/core.call"
production "$work/segv" sbin
mv "$work/core" "$work/core.stripped"
production "$work/segv"

check "a core of the kernel is converted" sh -c '"$@" >"$0/incident.json"' "$work" "$sickbay" incident convert --from core \
	--service "$work/services/depot.json" --state "$state" "$work/core"
check "its coordinate is the line that read through the null pointer" is \
	"SIGSEGV depot.c:$(line 'i->name[n]' depot.c) depot_width" place "$work/incident.json"
check "it is a crash, and says by which signal" is "crash SIGSEGV" json "$work/incident.json" 'j["kind"] + " " + j["signal"]["name"]'
check "the build id says which commit production ran" is "$(git rev-parse HEAD)" json "$work/incident.json" 'j["deploy"]["commit"]'
check "and the incident says how that is known" is "the program built from it has production's build id" \
	json "$work/incident.json" 'j["deploy"]["known"]'
"$sickbay" incident convert --from core --service "$work/services/depot.json" --state "$state" - \
	<"$work/core.abrt" >"$work/abort.json" 2>"$work/err"
check "of an abort the place is the service's own, not the C library's" is "SIGABRT depotd.c:$(line 'abort();' depotd.c) refuse" \
	place "$work/abort.json"
check "what the compiler inlined is a frame of its own, and so is what it is part of" is "[('refuse', True), ('main', False)]" \
	json "$work/abort.json" '[(f["function"], f["inlined"]) for f in j["chain"][0]["frames"] if f["in_app"]]'
check "whose functions are there by name and without a file" is "True" json "$work/abort.json" \
	'any(f.get("function") == "abort" and "file" not in f for f in j["chain"][0]["frames"])'
"$sickbay" incident convert --from core --service "$work/services/depot.json" --state "$state" "$work/core.call" \
	>"$work/call.json" 2>"$work/err"
check "of a call through a null pointer the place is the call" is "SIGSEGV depot.c:$(line 'depot_full();' depot.c) depot_item" \
	place "$work/call.json"
"$sickbay" incident convert --from core --service "$work/services/depot.json" --state "$state" "$work/core.stripped" \
	>"$work/stripped.json" 2>"$work/err"
check "a stripped program at another place is found by its build id, in what the commit builds" is \
	"SIGSEGV depot.c:$(line 'i->name[n]' depot.c) depot_width" place "$work/stripped.json"

# ---- what comes in by a handler of the host ----
submit() { "$sickbay" incident submit --from core --config "$work/config.json" --state "$state"; }
check "a core on standard input is queued, its service found by the program's path" sh -c 'test -n "$1"' sh "$(submit <"$work/core")"
check "as a report of that service" sh -c 'queued=$(cat "$1"/spool/new/*); case $queued in *depot*SIGSEGV*) ;; *) echo "$queued"; exit 1 ;; esac' \
	sh "$state"
# the kernel starts its handler so: no environment, and no descriptor but 0
check "so it is with no output, no error and no environment" env -i sh -c 'exec "$1" incident submit --from core --config "$2" \
	--state "$3" <"$4" >&- 2>&-' sh "$sickbay" "$work/config.json" "$state" "$work/core"
check "the log has the replica, and what it was for" sh -c '"$1" audit show --state "$2" | grep -q "replica.start.*symbols"' sh \
	"$sickbay" "$state"

# ---- a crash within a replica is not production's ----
limits() { "$sickbay" run --state "$state" --image host -- sed -n 's/^Max core file size  *//p' /proc/self/limits | tr -s ' '; }
check "a program in a replica leaves no core to anybody" is "1 1 bytes " limits
"$sickbay" run --state "$state" --image host -- sleep 60 >/dev/null 2>&1 &
run=$!
for _ in $(seq 10); do
	inside=$(for one in $(cat "/proc/$run/task/$run/children"); do grep -ls '/sickbay/' "/proc/$one/cgroup"; done | head -n 1 | cut -d/ -f3)
	[ -z "$inside" ] || break
	sleep 1
done
of() { "$sickbay" incident submit --from core --pid "$1" --config "$work/config.json" --state "$state" <"$work/core"; }
refuses "one that does is not taken" 3 "process $inside runs in a replica, which is not production" of "$inside"
kill "$run"
wait "$run" 2>/dev/null
refuses "nor one of a process that is gone" 3 "a core is not taken" of 4194303
check "one of any other process is" of $$
refuses "a process says nothing of a trace" 2 "takes --pid with --from core only" "$sickbay" incident submit --from node \
	--pid 1 --service "$work/services/depot.json" --state "$state"

# ---- a full disk ----
printf '{ "services": "%s", "version": 1, "quota": { "bytes": "1MiB" } }\n' "$work/services" >"$work/quota.json"
head -c 2000000 /dev/zero >"$state/filler"
refuses "where the disk is as full as cases may make it none is taken" 3 "a core is not taken: '$state' is 100 % full" sh -c \
	'"$1" incident submit --from core --config "$2" --state "$3" <"$4"' sh "$sickbay" "$work/quota.json" "$state" "$work/core"
rm "$state/filler"
small() { # a state directory with 24 MiB of room
	unshare -m --propagation private sh -c 'mkdir -p "$5" && mount -t tmpfs -o size=24m none "$5" &&
		"$1" incident submit --from core --config "$2" --state "$5" <"$4"' sh "$sickbay" "$work/config.json" "$state" "$work/core" "$work/small"
}
refuses "one leaves room for the log" 1 "it is not read: fewer than 32 MiB are free on the disk of the state directory" small

# ---- memory of production ----
check "the core holds what was put in" grep -qaF "$value" "$work/core"
check "and nothing of the state directory does" sh -c '! grep -rlaF "$1" "$2"' sh "$value" "$state"
check "and no core" sh -c '! find "$1" -name "core-*" | grep .' sh "$state"

# ---- refusals ----
refuses "a file that is no core" 1 "standard input: byte 0: not an ELF file" sh -c 'echo hello | "$@"' sh \
	"$sickbay" incident submit --from core --config "$work/config.json" --state "$state"
refuses "a program is no core" 1 "a program or library, not a core" "$sickbay" incident convert --from core \
	--service "$work/services/depot.json" --state "$state" "$sickbay"
head -c 3000 "$work/core" >"$work/cut"
refuses "a core that ends within its notes" 1 "ends within its" convert "$work/cut"
refuses "a core without a service" 2 "incident convert --from core needs --service NAME|FILE" "$sickbay" incident convert \
	--from core "$work/core"

mkdir "$work/none"
printf '{ "services": "%s", "version": 1 }\n' "$work/none" >"$work/none.json"
refuses "a core of a program that is no service's" 3 "'/srv/depot/depotd' is no program of a service here" sh -c \
	'"$1" incident submit --from core --config "$2" --state "$3" <"$4"' sh "$sickbay" "$work/none.json" "$state" "$work/core"

# ---- another build than the deployed one ----
sed -i 's/int n = 0;/long n = 0;/; s/return n + (/return (int)n + (/' "$repo/depot.c"
commit "another build"
refuses "nothing in the replica has the build id" 3 "nothing in the replica has the build id" convert "$work/core"
refuses "and says where production had it" 3 "which production's '/srv/depot/depotd' has" convert "$work/core"
printf '{ "commit": "%s" }\n' "$(git rev-parse HEAD~1)" >"$work/deploy.json"
check "with the deployed commit named it is there" convert "$work/core" --deploy "$work/deploy.json"

check "one core of a service at a time: others are left out" sh -c 'exec 9>"$1/services/depot/core.lock" && flock -n 9 &&
	out=$("$2" incident submit --from core --config "$3" --state "$1" <"$4" 2>&1); [ $? = 3 ] && case $out in
	*"another core of service '\''depot'\'' is being read: this one is left out"*) ;; *) echo "$out"; exit 1 ;; esac' sh \
	"$state" "$sickbay" "$work/config.json" "$work/core"
check "paused, nothing is started" sh -c '"$1" pause --all --reason test --state "$3" && out=$("$1" incident submit --from core \
	--config "$2" --state "$3" <"$4" 2>&1); [ $? = 3 ] && case $out in *"paused (all: test)"*) ;; *) echo "$out"; exit 1 ;; esac' sh \
	"$sickbay" "$work/config.json" "$state" "$work/core"
done_testing
