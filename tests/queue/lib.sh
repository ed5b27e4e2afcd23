# shellcheck shell=sh disable=SC2154 # dir and state are those of who sources it
# Sourced by the tests of the queue: toy services whose suite is one shell line, and incidents of them.
sickbay=${SICKBAY:-build/sickbay}
case $sickbay in /*) ;; *) sickbay=$PWD/$sickbay ;; esac
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1

toy() { # toy NAME [MODE]: a service NAME in $dir/services, with a repository and a commit of its own in $commit
	mkdir -p "$dir/repos/$1/test" "$dir/services"
	echo "exports.price = (item) => item.price; // $1" >"$dir/repos/$1/a.js"
	echo 'echo "ok 1 - a price"; echo 1..1' >"$dir/repos/$1/test/one.sh"
	git -C "$dir/repos/$1" init -q && git -C "$dir/repos/$1" checkout -q -b main && git -C "$dir/repos/$1" add -A &&
		git -C "$dir/repos/$1" -c user.name=t -c user.email=t@example.com commit -qm x
	cat >"$dir/services/$1.json" <<-END
		{ "version": 1, "name": "$1", "language": "javascript", "mode": "${2:-observe}",
		  "repository": { "url": "$dir/repos/$1", "target": "main" },
		  "in_app": ["*.js"], "image": { "production": "host" }, "run": { "cwd": "/srv/$1" },
		  "tests": [{ "name": "sh", "command": ["sh", "test/one.sh"], "one": ["sh", "@test"], "format": "tap",
		              "timeout": "1m", "new_test": { "dir": "test", "framework": "tape", "module": "../" } }],
		  "proof": { "baseline": 1 } }
	END
}
commit_of() { git -C "$dir/repos/$1" rev-parse HEAD; }
incident() { # incident SERVICE FUNCTION [TIME [COMMIT]]: on standard output; the function makes the fingerprint
	seen=${3:+"\"first_seen\": \"$3\", \"last_seen\": \"$3\","}
	cat <<-END
		{ "schema": "sickbay.incident/1", "id": "$1-$2", "service": "$1", "kind": "exception", "count": 1,
		  $seen
		  "deploy": { "commit": "${4:-$(commit_of "$1")}" }, "runtime": { "language": "javascript" },
		  "chain": [{ "type": "TypeError", "message": "m", "frames": [{ "file": "a.js", "function": "$2", "line": 1, "in_app": true }] }],
		  "coordinate": { "type": "TypeError", "file": "a.js", "function": "$2", "line": 1, "rule": "innermost in-app frame" },
		  "input": { "call": { "export": "price", "args": [null] } } }
	END
}
running() { # the processes of sickbay that work on $state
	for p in /proc/[0-9]*; do
		case $(readlink "$p/exe") in */sickbay | */sickbay-*) ;; *) continue ;; esac
		{ tr '\0' ' ' <"$p/cmdline"; } 2>/dev/null | grep -F -e "--state $state" | sed "s|^|process ${p#/proc/}: |"
	done
}
empty() { # empty COMMAND ...: it prints nothing
	out=$("$@")
	echo "$out"
	[ -z "$out" ]
}
prints() { text=$1; shift; "$@" 2>&1 | grep -qF -e "$text"; } # TEXT COMMAND ...
logged() { "$sickbay" audit show --json --state "$state" | grep -qF -e "$1"; }
