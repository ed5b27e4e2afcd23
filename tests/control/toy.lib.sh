# shellcheck shell=sh
# Sourced by the tests of this directory, beside tests/sh/lib.sh: a service with a suite of one shell script, and what
# they ask of its cases.  $work is removed at the end.
# shellcheck disable=SC2034 # used by the tests
sickbay=${SICKBAY:-build/sickbay}
case $sickbay in /*) ;; *) sickbay=$PWD/$sickbay ;; esac
work=$(mktemp -d "${TMPDIR:-/tmp}/sickbay-control.XXXXXX") || exit 1
state=$work/state
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1

commit_all() { git -C "$work/repo" add -A && git -C "$work/repo" -c user.name=t -c user.email=t@example.com commit -qm x; }
toy() { # toy SUITE [KEYS]: the script is the suite; KEYS are more members of the service file
	mkdir -p "$work/repo/test"
	git -C "$work/repo" init -q && git -C "$work/repo" checkout -q -b main
	echo 'exports.price = (item) => item.price;' >"$work/repo/a.js"
	echo 'echo "ok 1 - a price"; echo 1..1' >"$work/repo/test/one.sh"
	commit_all
	cat >"$work/service.json" <<-END
	{ "version": 1, "name": "shop", "language": "javascript", "mode": "observe",
	  "repository": { "url": "repo", "target": "main" },
	  "in_app": ["*.js"], "image": { "production": "host" }, "run": { "cwd": "/srv/shop" },
	  "tests": [{ "name": "sh", "command": ["sh", "test/one.sh"], "one": ["sh", "@test"], "format": "tap",
	              "timeout": "${timeout:-1m}", "new_test": { "dir": "test", "framework": "tape", "module": "../" } }],
	  "proof": { "baseline": 2 }${2:-} }
	END
	"$sickbay" service check "$work/service.json" --state "$state" >"$work/check" 2>&1 || sed 's/^/# /' "$work/check"
	printf '%s\n' "$1" >"$work/repo/test/one.sh" # it was ready with a quicker suite
	commit_all
	deployed
}
deployed() { # what the repository has now is what production ran: its suite is not known yet
	commit=$(git -C "$work/repo" rev-parse HEAD)
	cat >"$work/incident.json" <<-END
	{ "schema": "sickbay.incident/1", "id": "shop-1", "service": "shop", "kind": "exception", "count": 1,
	  "fingerprint": "sha256:b46fe6f1016049f833da2c3ee8420adad5d034f0cb81fb81a0a38c486876b4c6",
	  "deploy": { "commit": "$commit" }, "runtime": { "language": "javascript" },
	  "chain": [{ "type": "TypeError", "message": "m", "frames": [{ "file": "a.js", "function": "price", "line": 1, "in_app": true }] }],
	  "coordinate": { "type": "TypeError", "file": "a.js", "function": "price", "line": 1, "rule": "innermost in-app frame" },
	  "input": { "call": { "export": "price", "args": [null] } } }
	END
}
healing() { # in the background, as $pid
	"$sickbay" heal "$work/incident.json" --service "$work/service.json" --state "$state" >"$work/out" 2>&1 &
	pid=$!
	until_it running
}
heal() { "$sickbay" heal "$work/incident.json" --service "$work/service.json" --state "$state" "$@"; }
kase() { verb=$1; shift; "$sickbay" case "$verb" "$@" --state "$state"; }
pause() { "$sickbay" pause --state "$state" "$@"; }
unpause() { "$sickbay" unpause --state "$state" "$@"; }
prints() { text=$1; shift; "$@" 2>&1 | grep -qF -e "$text"; } # TEXT COMMAND ...
logged() { "$sickbay" audit show --json --state "$state" | grep -qF -e "$1"; }
until_it() { # until_it COMMAND ...: within a generous bound
	i=0
	until "$@" >/dev/null 2>&1; do
		i=$((i + 1))
		[ "$i" -lt 300 ] || return 1
		sleep 0.1
	done
}
replicas() { "$sickbay" audit show --json --state "$state" | sed -n "s/.*\"type\":\"replica.$1\".*\"replica\":\"\([^\"]*\)\".*/\1/p" | sort; }
live() { replicas start >"$work/started"; replicas exit | comm -23 "$work/started" -; } # started and not ended
running() { [ -n "$(live)" ]; }
frozen() { # frozen NAME: by its control group, of whichever kind
	for g in /sys/fs/cgroup/sickbay/"$1".* /sys/fs/cgroup/*/sickbay/"$1".*; do
		grep -qsx 'frozen 1' "$g/cgroup.events" && return 0
		grep -qsx FROZEN "$g/freezer.state" && return 0
	done
	return 1
}
all_frozen() {
	live >"$work/live"
	[ -s "$work/live" ] || return 1
	while read -r one; do frozen "$one" || return 1; done <"$work/live"
}
