#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# c-tests.sh [-b BUILD] [-d DIR] TEST...
#
# Runs test programs; each is one test, and its exit status the result: 0 pass, 77 skip, else fail.  A program that
# made a sanitizer report something has failed too, whatever its exit status; the report is a fault.  TEST is a path or
# a pattern: X.c is built by BUILD, X.sh is run by sh, anything else is executed.  BUILD is shell text of the service
# file that makes "$OUT/test" of "$TEST"; $OUT is a directory of this run.  Built programs run in DIR.
# Results go to the descriptor that SICKBAY_RESULTS_FD names; no program that is run here has it.
set -u
results=${SICKBAY_RESULTS_FD-}
case $results in
'') exec 9>/dev/null ;;
*[!0-9]*) echo "c-tests.sh: SICKBAY_RESULTS_FD is not a number" >&2; exit 2 ;;
[3-9]) eval "exec 9>&$results"; [ "$results" = 9 ] || eval "exec $results>&-" ;;
*)
	# Some shells know descriptors of one digit only.
	if [ -z "${BASH_VERSION-}" ] && command -v bash >/dev/null; then exec bash "$0" "$@"; fi
	if ! (eval "exec 9>&$results") 2>/dev/null; then
		echo "c-tests.sh: this shell cannot write to descriptor $results; the image needs bash" >&2
		exit 2
	fi
	eval "exec 9>&$results"
	[ -z "${BASH_VERSION-}" ] || eval "exec $results>&-"
	;;
esac
unset SICKBAY_RESULTS_FD
: "${ASAN_OPTIONS:=detect_leaks=0}" "${UBSAN_OPTIONS:=print_stacktrace=1}"
export ASAN_OPTIONS UBSAN_OPTIONS

tab=$(printf '\t')
json() { # standard input as the inside of a JSON string; what is not ASCII becomes "?"
	LC_ALL=C tr -d '\000-\010\013-\037\177' | LC_ALL=C tr '\200-\377' '?' |
		sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e "s/$tab/\\\\t/g" -e 's/$/\\n/' | tr -d '\n'
}
name() { # an argument as the inside of a JSON string
	printf '%s\n' "$1" | json | sed 's/\\n$//'
}

build='false' where=.
while getopts b:d: option; do
	case $option in
	b) build=$OPTARG ;;
	d) where=$OPTARG ;;
	*) echo "usage: c-tests.sh [-b BUILD] [-d DIR] TEST..." >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))

OUT=$(mktemp -d) || exit 2
export OUT
trap 'rm -rf "$OUT"' EXIT

run_test() { # run_test TEST: its exit status
	case $1 in
	*.c)
		rm -f "$OUT/test"
		(TEST=$1; export TEST; eval "$build") || { echo "$1: cannot be built" >&2; return 126; }
		(cd "$where" && exec "$OUT/test") ;;
	*.sh) sh "$1" ;;
	*) "./${1#./}" ;;
	esac
}

one() { # one TEST: runs it and writes its result
	run_test "$1" </dev/null >"$OUT/stdout" 2>"$OUT/stderr" 9>&-
	status=$? what=fail fault=
	if grep -qE '(ERROR|WARNING): [A-Za-z]*Sanitizer|: runtime error: ' "$OUT/stderr"; then fault=1
	elif [ "$status" = 0 ]; then what=pass
	elif [ "$status" = 77 ]; then what=skip
	fi
	count=$((count + 1))
	id=$(name "$1")
	printf '{"e":"test","id":"%s","status":"%s"}\n' "$id" "$what" >&9
	[ -z "$fault" ] || printf '{"e":"fault","test":"%s","lang":"sanitizer","stack":"%s"}\n' "$id" \
		"$(head -c 60000 "$OUT/stderr" | json)" >&9
	echo "$what $1 (exit $status)"
	[ "$what" = fail ] || return 0
	failed=$((failed + 1))
	tail -n 20 "$OUT/stdout"
	tail -n 60 "$OUT/stderr" >&2
}

count=0 failed=0
for pattern; do
	# shellcheck disable=SC2086 # a pattern of the service file
	for test in $pattern; do
		if [ -e "$test" ]; then one "$test"; else
			echo "c-tests.sh: no test '$test'" >&2
			failed=$((failed + 1))
		fi
	done
done
printf '{"e":"plan","n":%d}\n{"e":"end"}\n' "$count" >&9
[ "$failed" = 0 ]
