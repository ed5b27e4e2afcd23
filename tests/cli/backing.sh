#!/bin/sh
# Backing services as members of the replica: a small server in Python, seeded and forked, and a stub.  Needs root.
. "$(dirname "$0")/../sh/lib.sh"
sickbay=${SICKBAY:-build/sickbay}
case $sickbay in /*) ;; *) sickbay=$PWD/$sickbay ;; esac
dir=$(mktemp -d "${TMPDIR:-/tmp}/sickbay-backing.XXXXXX")
trap 'rm -rf "$dir"' EXIT
state=$dir/state
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1

mkdir -p "$dir/repo/test"
# A server whose whole state is a number in a file; what it is asked comes as one line.
cat >"$dir/count.py" <<'END'
import os, signal, socket, sys
def stop(*_):
    open("stopped", "w").write("cleanly")
    sys.exit(0)
signal.signal(signal.SIGUSR1, stop)
signal.signal(signal.SIGUSR2, signal.SIG_IGN)
def answer(word):
    n = int(open("count").read())
    if word == "die":
        print("count: told to die", flush=True)
        os._exit(3)
    if word == "inc": # whole, also when it is told to stop meanwhile
        n += 1
        open("new", "w").write(str(n))
        os.rename("new", "count")
    ipc = os.readlink("/proc/self/ns/ipc")
    known = {"host": socket.gethostname(), "ipc": ipc, "pids": sum(p.isdigit() for p in os.listdir("/proc")),
        "source": os.path.exists("/srv/shop"), "stopped": os.path.exists("stopped"), "uid": os.getuid(),
        "hosts": open("/etc/hosts").read().split()}
    return str(known.get(word, n))
address, local = sys.argv[1], sys.argv[2]
s = socket.create_server((address, 7000))
u = socket.socket(socket.AF_UNIX); u.bind(local); u.listen()
print("count: ready", flush=True)
while True:
    c, _ = s.accept()
    c.settimeout(5)
    with c, c.makefile("rw") as f:
        f.write(answer(f.readline().strip()) + "\n")
END
cat >"$dir/repo/test/all.py" <<'END'
import os, socket, urllib.request, urllib.error
def ask(word, host="count"):
    with socket.create_connection((host, 7000), 5) as c, c.makefile("rw") as f:
        f.write(word + "\n"); f.flush()
        return f.readline().strip()
def get(path):
    try:
        with urllib.request.urlopen("http://tax:8080" + path, timeout=5) as r:
            return r.status, r.read().decode(), r.headers["X-Kept"]
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode(), None
def unreachable(host, port):
    try:
        socket.create_connection((host, port), 3).close()
    except OSError:
        return True
    return False
tests = {
    "it is reached by its name": lambda: ask("host") == "count",
    "its seeds are there": lambda: ask("get") == "41",
    "each run starts from them": lambda: ask("inc") == "42",
    "it was stopped by its signal before it was frozen": lambda: ask("stopped") == "True",
    "it sees its own processes only": lambda: int(ask("pids")) <= 4,
    "it has its own ipc": lambda: ask("ipc") != os.readlink("/proc/self/ns/ipc"),
    "it has its own root": lambda: ask("source") == "False" and not os.path.exists("/opt/count.py"),
    "it runs as the user that was said": lambda: ask("uid") == "1234",
    "it knows the others by name": lambda: "tax" in ask("hosts"),
    "a second of the same port has its own address": lambda: ask("get", "other") == "7",
    "a recorded answer is given": lambda: get("/v1/rates?country=AT") == (200, '{"rate":20}', "yes"),
    "what was not recorded is not made up": lambda: get("/v1/rates?country=DE")[0] == 501,
    "there is no way outside": lambda: unreachable("192.0.2.1", 80) and len(open("/proc/net/route").readlines()) == 1,
    "nor to the host": lambda: unreachable("127.0.0.1", int(os.environ["HOST_PORT"])),
}
print("1..%d" % len(tests))
for n, (name, test) in enumerate(tests.items(), 1):
    try:
        print("ok" if test() else "not ok", n, "-", name)
    except Exception as e:
        print("not ok", n, "-", name, "#", e)
END
echo 'import all; print("1..1"); all.ask("die"); print("ok 1 - after that")' >"$dir/repo/test/die.py"
sed -i 's/import all/import sys; sys.path.insert(0, "test"); import all/; s/^import sys/&, io, contextlib/' "$dir/repo/test/die.py"
echo 40 >"$dir/repo/start.txt"
git -C "$dir/repo" init -q && git -C "$dir/repo" checkout -q -b main && git -C "$dir/repo" add -A &&
	git -C "$dir/repo" -c user.name=t -c user.email=t@example.com commit -qm x
echo '{ "name": "count", "files": [{ "from": "count.py", "to": "/opt/count.py" }] }' >"$dir/count.json"
cat >"$dir/tax.json" <<'END'
{ "version": 1, "answers": [ // as recorded
  { "path": "/v1/rates?country=AT", "headers": { "X-Kept": "yes" }, "json": { "rate": 20 } } ] }
END
python=/usr/bin/python3
# a port of the host's that answers
$python -c 'import socket, time
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
time.sleep(600)' >"$dir/port" &
listener=$!
trap 'kill $listener; rm -rf "$dir"' EXIT
while [ ! -s "$dir/port" ]; do sleep 0.05; done

server() { # server [MORE] [FIRST] [READY]
	cat <<-END
	{ "recipe": "count.json", "user": 1234, "memory": "64MiB", "disk": "8MiB", "stop": "USR1", ${1-}
	  "init": [{ "run": ["sh", "-c", "cat >count"], "input": "${2-repository:start.txt}" }],
	  "start": ["/usr/bin/python3", "/opt/count.py", "@address", "/tmp/local"], "ready": ${3-{ \"unix\": \"/tmp/local\", \"timeout\": \"10s\" \}} }
	END
}
asks='"seed": [{ "run": ["/usr/bin/python3", "-c", "import socket; c = socket.create_connection((\"count\", 7000)); c.sendall(b\"inc\\n\"); c.recv(9)"]'
service() { # service SUITE COUNT [REST]
	cat >"$dir/shop.json" <<-END
	{ "version": 1, "name": "shop", "language": "python", "mode": "reproduce",
	  "repository": { "url": "repo", "target": "main" }, "image": { "production": "host" },
	  "run": { "cwd": "/srv/shop", "env": { "HOST_PORT": "$(cat "$dir/port")" } },
	  "backing": { "count": $2 ${3-} },
	  "tests": [{ "name": "py", "command": ["$python", "test/$1.py"], "one": ["$python", "@test"], "format": "tap",
	    "timeout": "1m", "new_test": { "dir": "test", "framework": "unittest", "module": "shop" } }], "proof": { "baseline": 2 } }
	END
}
ask() { "$sickbay" service check "$dir/shop.json" --state "$state" "$@"; }
prints() { text=$1; shift; "$@" 2>&1 | grep -qF -e "$text"; } # TEXT COMMAND ...
events() { "$sickbay" audit show --json --state "$state" | grep -cF "\"type\":\"$1\""; }
echo 7 >"$dir/seven"
rest=", \"other\": $(server '' seven '{ "tcp": 7000 }'), \"tax\": { \"stub\": \"tax.json\" }"

# the seed is run by the application, which reaches it by name as the tests do
service all "$(server "$asks, \"in\": \"application\" }],")" "$rest"
check "the suite of a service sees what runs beside it" ask --json
ask --json >"$dir/check.json"
fails() { $python -c 'import json, sys; j = json.load(open(sys.argv[1])); sys.exit("\n".join(j["failing"]) or j["passing"] != 14)' "$dir/check.json"; }
check "as it should be" fails
check "what was seeded was kept once for each" test "$(events member.publish)" = 2
check "each start is in the log" test "$(events member.start)" -ge 6
check "and each end" test "$(events member.start)" = "$(events member.exit)"
check "the layer is listed" prints shop.count "$sickbay" image list --state "$state"

service all "$(server "$asks }, { \"run\": [\"sh\", \"-c\", \"echo no such table; exit 4\"] }],")" "$rest"
refuses "a seed that fails is shown" 3 "backing service 'count' could not be filled: 'sh' ended with status 4; its last output: count: ready no such table" ask
service all "$(server '' none.txt)" "$rest"
refuses "so is a file that is not there" 3 "backing service 'count': open" ask
service all "$(server '' repository:start.txt '{ "tcp": 7001, "timeout": "500ms" }')" "$rest"
refuses "one that is never ready is named, and why" 3 "backing service 'count' is not ready after 500 ms: connect to port 7001: Connection refused; its last output: count: ready" ask
service all "$(server '"env": { "PYTHONPATH": "/none" },' repository:start.txt '{ "command": ["false"], "timeout": "300ms" }')" "$rest"
refuses "by a command, too" 3 "is not ready after 300 ms: 'false' ended with status 1" ask
service all '{ "start": ["/usr/bin/python3", "-c", "import sys; sys.exit(\"count: no configuration\")"], "ready": { "tcp": 7000 } }' "$rest"
refuses "one that ends before it is ready is named, and how" 3 "backing service 'count' ended (exited 1); its last output: count: no configuration" ask
service all '{ "start": ["nothing-like-it"], "ready": { "tcp": 7000 } }' "$rest"
refuses "a program that is not there is named" 3 "nothing-like-it: No such file or directory" ask
service all "$(server '"stop_timeout": "300ms",' | sed 's/USR1/USR2/')" "$rest"
refuses "one that does not stop is not frozen" 3 "backing service 'count' did not stop: it still runs after its stop signal" ask
service all "{ \"init\": [{ \"run\": [\"sleep\", \"300\"] }], \"start\": [\"x\"], \"ready\": { \"tcp\": 7000 } }" "$rest"
"$sickbay" service check "$dir/shop.json" --state "$state" >/dev/null 2>&1 &
killed=$! before=$(events member.start)
while [ "$(events member.start)" = "$before" ]; do sleep 0.1; done
kill -9 "$killed"
wait "$killed" 2>/dev/null
service die "$(server "$asks }],")" "$rest"
refuses "a run in which one dies counts for nothing" 3 "twice: backing service 'count' ended (exited 3); its last output: count: ready count: told to die" ask
check "of a preparation that was killed nothing is left" sh -c 'test -z "$(ls -A "$1"/tmp "$1"/images/layers | grep draft)"' - "$state"
check "that is no result of the suite" sh -c '! grep -q "after that" "$1"/services/shop/*' - "$state"
echo '{ "version": 1, "answers": [{ "path": "v1" }] }' >"$dir/tax.json"
service all "$(server)" "$rest"
refuses "a recorded answer that cannot be given is an error with its place" 3 "tax.json:1:31: 'v1' is not a path" ask
done_testing
