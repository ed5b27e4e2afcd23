# shellcheck shell=sh
# shellcheck disable=SC2034 # used by the tests
# Sourced beside tests/sh/lib.sh: a repository for a service that answers HTTP, in $work, its incident, and what looks at its cases.
: "${work:?a directory}" "${sickbay:?the program}"
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
repo=$work/repo state=$work/state

git() { command git -C "$repo" -c user.name=t -c user.email=t@example.invalid "$@"; }
commit() { # commit NAME: what lies there, as the first commit
	command git -c init.defaultBranch=main init -q "$repo"
	git add -A
	git commit -q -m "$1"
	git tag "$1"
}
prints() { text=$1; shift; "$@" 2>&1 | grep -qF -e "$text"; } # TEXT COMMAND ...
json() { node -e 'const j = JSON.parse(require("fs").readFileSync(process.argv[1])); console.log(String(eval(process.argv[2])))' "$@"; }
is() { [ "$2" = "$1" ] || { echo "# $2"; return 1; }; } # WANT GOT
newest() { for one in "$state"/cases/*; do echo "${one##*/}"; done | sort -V | tail -n 1; }
record() { echo "$state/cases/$(newest)/$1"; }
forget() { rm -rf "$state/cases" "$state/incidents" "$state/spool"; git for-each-ref --format 'delete %(refname)' refs/heads/sickbay | git update-ref --stdin; }

incident() { # incident TYPE MESSAGE FILE FUNCTION LINE REQUEST: incident.json
	cat >"$work/incident.json" <<-J
		{ "schema": "sickbay.incident/1", "id": "new", "service": "orders", "kind": "exception",
		  "deploy": { "commit": "$(git rev-parse deployed)" },
		  "chain": [{ "type": "$1", "message": "$2",
		    "frames": [{ "file": "/srv/orders/$3", "function": "$4", "line": $5 }] }],
		  "input": { "http": $6 } }
	J
}

r='"node", "--require", "/opt/sickbay/reporters/node-test.js", "--test", "--test-reporter",
	"/opt/sickbay/reporters/node-test.js", "--test-reporter-destination", "stdout"'
node_service() { # node_service HTTP: service.json
	cat >"$work/service.json" <<-J
		{ "version": 1, "name": "orders", "language": "javascript", "mode": "propose",
		  "repository": { "url": "repo", "target": "main" }, "image": { "production": "host" },
		  "paths": [{ "production": "/srv/orders/", "repository": "" }],
		  "tests": [{ "name": "tests", "format": "reporter", "command": [$r, "test/"], "one": [$r, "@test"],
		    "new_test": { "dir": "test", "framework": "node:test", "module": "../lib/orders"${1:+, \"http\": { $1 \}} } }],
		  "proof": { "baseline": 1, "repeat": 2 }, "run": { "cwd": "/srv/orders" } }
	J
}
heal() { "$sickbay" heal "$work/incident.json" --service "$work/service.json" --state "$state"; }
heal_ends() { # heal_ends OUTCOME
	heal
	is "$1" "$(json "$(record 7-outcome.json)" j.outcome)"
}
