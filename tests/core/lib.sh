# shellcheck shell=sh
# shellcheck disable=SC2016,SC2034 # programs of other shells; what the tests use
# Sourced by the tests, beside tests/sh/lib.sh: a C daemon that production runs at /srv/depot, in a mount namespace of its
# own, the service that it is, and the core that the kernel wrote of it.
top=$PWD
sickbay=${SICKBAY:-$top/build/sickbay}
case $sickbay in /*) ;; *) sickbay=$top/$sickbay ;; esac
python=/usr/bin/python3
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1

if ! grep -q '^core[^/]*$' /proc/sys/kernel/core_pattern; then
	echo "1..0 # skip this kernel writes no file core beside the program that crashed (core_pattern)"
	exit 0
fi

work=$(mktemp -d "${CORE_DIR:-$top/build}/core.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
repo=$work/repo state=$work/state
json() { # json FILE EXPRESSION: the expression over the parsed file `j`, in Python
	"$python" -c 'import json, sys
j = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$1" "$2"
}
is() { # is WANT COMMAND...
	want=$1; shift
	got=$("$@") || { echo "$got"; return 1; }
	[ "$got" = "$want" ] || { echo "want $want"; echo "got  $got"; return 1; }
}
git() { command git -C "$repo" -c user.name=t -c user.email=t@example.invalid "$@"; }
commit() { git add -A && git commit -q -m "$1"; }

cp -r tests/core/depot "$repo"
command git -c init.defaultBranch=main init -q "$repo"
commit "a depot"

# production INPUT [sbin]: builds the daemon at /srv/depot and gives it INPUT, or the stripped copy of it at /srv/sbin; what
# the kernel writes when it ends becomes the file core
production() {
	mkdir -p "$work/dump"
	rm -f "$work"/dump/*
	unshare -m --propagation private sh -c 'mount -t tmpfs none /srv && mkdir /srv/depot /srv/sbin && cp -r "$1"/* /srv/depot &&
		cd /srv/depot && make -s && strip -o /srv/sbin/depotd depotd && cd "$2" && ulimit -c unlimited &&
		exec "/srv/$3/depotd"' sh "$repo" "$work/dump" "${2:-depot}" <"$1" >"$work/out" 2>&1
	for dumped in "$work"/dump/core*; do [ -e "$dumped" ] && mv "$dumped" "$work/core"; done
}

suite='"sh", "/opt/sickbay/reporters/c-tests.sh", "-b",
	"make -s \"build/$(basename \"${TEST%.c}\")\" && ln -s \"$PWD/build/$(basename \"${TEST%.c}\")\" \"$OUT/test\""'
mkdir "$work/services"
service() { # service FILE: the service of the daemon
	cat >"$work/services/$1" <<-J
		{ "version": 1, "name": "depot", "language": "c", "mode": "propose",
		  "repository": { "url": "$repo", "target": "main" }, "image": { "production": "host" },
		  "paths": [{ "production": "/srv/depot/", "repository": "" }], "in_app": ["*.c"],
		  "run": { "cwd": "/srv/depot", "env": { "ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1" } },
		  "build": { "production": ["make", "-s"], "sanitizer": ["make", "-s", "sanitized"] },
		  "tests": [{ "name": "tests", "format": "reporter", "command": [$suite, "tests/*.c"], "one": [$suite, "@test"],
		    "harness": ["sh", "-c", "make -s \"build/\$(basename \"\${0%.c}\")\" && exec \"build/\$(basename \"\${0%.c}\")\"", "@test"],
		    "new_test": { "dir": "tests", "framework": "c", "module": "depot.h" } }],
		  "proof": { "baseline": 1, "repeat": 2 },
		  "policy": { "reproduce": "preset:reproduce", "patch": "preset:patch", "verify": "preset:verify" } }
	J
}
service depot.json
printf '{ "services": "%s", "version": 1 }\n' "$work/services" >"$work/config.json"
