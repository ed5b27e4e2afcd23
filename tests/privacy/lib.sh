# shellcheck shell=sh
# shellcheck disable=SC2034 # used by the tests
# Sourced beside tests/sh/lib.sh: small services whose reports hold canaries, and where those come out.
: "${top:?the directory of the sources}"
sickbay=${SICKBAY:-$top/build/sickbay}
case $sickbay in /*) ;; *) sickbay=$PWD/$sickbay ;; esac
work=$(mktemp -d "$top/build/privacy.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 PYTHONDONTWRITEBYTECODE=1
node_run='"node", "--require", "/opt/sickbay/reporters/node-test.js", "--test", "--test-reporter",
	"/opt/sickbay/reporters/node-test.js", "--test-reporter-destination", "stdout"'
node_tests="\"command\": [$node_run, \"test/\"], \"one\": [$node_run, \"@test\"],
	\"new_test\": { \"dir\": \"test\", \"framework\": \"node:test\", \"module\": \"../price.js\" }"

commit() { # commit NAME: the files of $work/NAME/repo as a repository; its deployment
	git -c init.defaultBranch=main init -q "$work/$1/repo"
	git -C "$work/$1/repo" add -A
	git -C "$work/$1/repo" -c user.name=t -c user.email=t@example.invalid commit -q -m one
	base=$(git -C "$work/$1/repo" rev-parse HEAD)
}

service() { # service NAME LANGUAGE TESTS [MORE]: a service file
	cat >"$work/$1/service.json" <<-J
		{ "version": 1, "name": "shop", "language": "$2", "mode": "propose",
		  "repository": { "url": "repo", "target": "main" }, "image": { "production": "host" },
		  "paths": [{ "production": "/srv/shop/", "repository": "" }],
		  "tests": [{ "name": "tests", "format": "reporter", $3 }], "proof": { "baseline": 1, "repeat": 2 },
		  ${4-} "run": { "cwd": "/srv/shop", "env": { "PYTHONPATH": "/opt/sickbay/reporters",
		    "PYTHONDONTWRITEBYTECODE": "1" } } }
	J
}

ready() { # ready NAME
	check "$1: the service is ready" "$sickbay" service check "$work/$1/service.json" --state "$work/$1/state"
}

of() { # of FILE EXPRESSION: the expression over the parsed file `j`, in JavaScript
	node -e 'const j = JSON.parse(require("fs").readFileSync(process.argv[1])); console.log(eval(process.argv[2]))' "$1" "$2"
}

says() { # says NAME WANT GOT
	n=$((n + 1))
	case $3 in *"$2"*) echo "ok $n - $1" ;; *) bad=1; echo "not ok $n - $1"; echo "# want $2"; echo "# got  $3" ;; esac
}

# Everything that a case leaves and that can be seen without being of the group that may read what production said.
quiet() { # quiet NAME: no canary of $work/canaries in any form
	git -C "$work/$1/repo" log --all -p >"$work/$1/git.txt" 2>/dev/null
	git -C "$work/$1/repo" for-each-ref >>"$work/$1/git.txt"
	"$sickbay" audit show --json --state "$work/$1/state" >"$work/$1/log.txt"
	check "$1: no canary in the records, attempts, texts, log, branch or output of the case" \
		/usr/bin/python3 "$top/tests/privacy/forms.py" "$work/canaries" "$work/$1/state/cases" "$work/$1/state/audit" \
		"$work/$1/state/services" "$work/$1/git.txt" "$work/$1/log.txt" "$work/$1/out.txt"
}
