#!/bin/sh
# The reporters on small suites of their own: what they write, and what they do not when a test ends the process.
# shellcheck disable=SC2016 # programs of the tests
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/sh/lib.sh
here=$PWD/images/reporters
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
export PYTHONDONTWRITEBYTECODE=1
cd "$dir" || exit 1
python=/usr/bin/python3

results() { # results COMMAND...: the lines it writes to its results descriptor
	: >out
	SICKBAY_RESULTS_FD=8 "$@" 8>out >/dev/null 2>err
	cat out
}
says() { # says NAME LINE: a line of the last results begins so
	check "$1" grep -qF -- "$2" last
}
never() { # never NAME TEXT
	check "$1" sh -c '! grep -qF -- "$1" last' sh "$2"
}

mkdir -p test
cat >lib.js <<'J'
exports.size = function size(x) { return x.length; };
J
cat >test/a.js <<'J'
const { test, describe, it } = require('node:test');
const { size } = require('../lib.js');
test('passes', () => {});
test('throws', () => { size(null); });
test('cause', async () => { throw new Error('outer', { cause: new RangeError('inner') }); });
test('later', { skip: true }, () => {});
describe('suite', () => { it('same', () => {}); it('same', () => {}); });
test('environment', () => { if (process.env.SICKBAY_RESULTS_FD) { throw new Error('seen'); } });
J
echo "throw new RangeError('at load')" >test/b.js
results node --require "$here/node-test.js" --test --test-reporter "$here/node-test.js" --test-reporter-destination stdout \
	test/a.js test/b.js >last
says "node:test: a test that passes" '{"e":"test","id":"test/a.js::passes","status":"pass"'
says "node:test: a test that throws fails" '{"e":"test","id":"test/a.js::throws","status":"fail"'
says "node:test: its fault has the frame" "lib.js:1:"
says "node:test: a cause is shown" '[cause]: RangeError: inner'
says "node:test: a skipped test" '{"e":"test","id":"test/a.js::later","status":"skip"'
says "node:test: the second of one name" '"id":"test/a.js::suite > same#2"'
says "node:test: tests do not see the descriptor" '"id":"test/a.js::environment","status":"pass"'
says "node:test: a file that cannot be loaded" '"id":"test/b.js::(file)","status":"fail"'
says "node:test: the end" '{"e":"end"}'

# mocha itself runs in tests/cases/mocha; jest is large, so here is what it hands to a reporter
cat >jest.js <<'J'
const r = new (require(process.argv[2]))();
const file = process.cwd() + '/test/a.test.js';
const of = (title, status, message) => ({ ancestorTitles: ['suite'], title, status, duration: 1, failureMessages: message ? [message] : [] });
r.onTestResult({}, { testFilePath: file, testResults: [of('same', 'passed'), of('same', 'passed'), of('later', 'pending'), of('one day', 'todo'),
	of('throws', 'failed', 'TypeError: no\n    at size (/x/lib.js:1:2)')] });
r.onTestResult({}, { testFilePath: process.cwd() + '/test/b.test.js', testResults: [], testExecError: new RangeError('at load') });
r.onRunComplete();
J
results node --require "$here/node-jest.js" jest.js "$here/node-jest.js" >last
says "jest: a test that passes" '{"e":"test","id":"test/a.test.js::suite > same","status":"pass","ms":1}'
says "jest: the second of one name" '"id":"test/a.test.js::suite > same#2"'
says "jest: what was not run is a skip" '"id":"test/a.test.js::suite > later","status":"skip"'
says "jest: a test to be written" '"id":"test/a.test.js::suite > one day","status":"todo"'
says "jest: a failure has its trace" '{"e":"fault","test":"test/a.test.js::suite > throws","lang":"node","stack":"TypeError: no\n    at size (/x/lib.js:1:2)"}'
says "jest: a file that cannot be loaded" '"id":"test/b.test.js::(file)","status":"fail"'
says "jest: the plan" '{"e":"plan","n":6}'
says "jest: the end" '{"e":"end"}'

cat >test_a.py <<'P'
import os
import unittest

class T(unittest.TestCase):
    def test_good(self): pass
    def test_bad(self): None.x
    @unittest.skip("no")
    def test_skip(self): pass
    @unittest.expectedFailure
    def test_expected(self): self.fail()
    def test_environment(self): self.assertNotIn("SICKBAY_RESULTS_FD", os.environ)
P
cat >test_exit.py <<'P'
import os, unittest

class T(unittest.TestCase):
    def test_a(self): pass
    def test_b(self): os._exit(0)
P
results env PYTHONPATH="$here" "$python" -m sickbay_unittest test_a.py >last
says "unittest: a test that passes" '{"e":"test","id":"test_a.py::T.test_good","status":"pass"'
says "unittest: a test that raises fails" '{"e":"test","id":"test_a.py::T.test_bad","status":"fail"'
says "unittest: its fault is the traceback" "AttributeError: 'NoneType' object has no attribute 'x'"
says "unittest: an expected failure" '"id":"test_a.py::T.test_expected","status":"todo"'
says "unittest: tests do not see the descriptor" '"id":"test_a.py::T.test_environment","status":"pass"'
says "unittest: the plan" '{"e":"plan","n":5}'
says "unittest: the end" '{"e":"end"}'
results env PYTHONPATH="$here" "$python" -m sickbay_unittest test_exit.py >last
says "unittest: what ran before an early exit" '"id":"test_exit.py::T.test_a","status":"pass"'
never "unittest: an early exit has no end" '{"e":"end"}'

printf 'int main(void) { return 0; }\n' >good.c
printf 'int main(int n, char **v) { (void)v; volatile char *p = 0; return n ? *p : 0; }\n' >bad.c
printf 'echo "a \\"quoted\\" \\\\ and\tother" >&2; echo "x: runtime error: \\"q\\"\tt\\\\" >&2\n' >report.sh
printf '[ -z "${SICKBAY_RESULTS_FD-}" ] && ! (echo forged >&8) 2>/dev/null && ! (echo forged >&9) 2>/dev/null\n' >closed.sh
printf 'exit 77\n' >skip.sh
printf 'int main(void) { return 0 }\n' >broken.c
build='cc -g -fsanitize=address -o "$OUT/test" "$TEST"'
results sh "$here/c-tests.sh" -b "$build" good.c bad.c 'r*.sh' closed.sh skip.sh broken.c >last
says "C: a program that exits with 0 passes" '{"e":"test","id":"good.c","status":"pass"}'
says "C: one that crashes fails" '{"e":"test","id":"bad.c","status":"fail"}'
says "C: its fault is the sanitizer's report" '{"e":"fault","test":"bad.c","lang":"sanitizer"'
says "C: one that cannot be built fails" '{"e":"test","id":"broken.c","status":"fail"}'
says "shell: 77 is a skip" '{"e":"test","id":"skip.sh","status":"skip"}'
says "shell: a case cannot write results" '{"e":"test","id":"closed.sh","status":"pass"}'
says "C: the end" '{"e":"end"}'
check "every line is JSON" node -e 'require("fs").readFileSync("last", "utf8").trim().split("\n").forEach((l) => JSON.parse(l))'
says "shell: quotes, tabs and backslashes survive" 'x: runtime error: \"q\"\tt\\\n'
refuses "C: a descriptor that is no number is refused" 2 "SICKBAY_RESULTS_FD is not a number" \
	env SICKBAY_RESULTS_FD=x sh "$here/c-tests.sh" good.c
if command -v bash >/dev/null; then
	bash -c 'SICKBAY_RESULTS_FD=57 sh "$1/c-tests.sh" closed.sh 57>last >/dev/null' bash "$here"
	says "C: a descriptor above 9 is written through bash" '{"e":"test","id":"closed.sh","status":"pass"}'
fi
done_testing
