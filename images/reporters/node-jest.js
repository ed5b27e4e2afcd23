/* SPDX-License-Identifier: Apache-2.0 */
'use strict';

/*
 * node --require node-jest.js node_modules/.bin/jest --runInBand --reporters R/node-jest.js [FILE...]
 *
 * One file with two parts.  Preloaded, it takes the results descriptor before
 * anything else runs; as a reporter it writes one result for each test, when the
 * test's file has ended.  The text on stdout is a short TAP.  "end" is written
 * when jest says that the run is complete.
 */
const path = require('path');
const results = require('./results.js');

const cwd = process.cwd();
const write = process.stdout.write.bind(process.stdout);
const states = { passed: 'pass', failed: 'fail', todo: 'todo' }; // everything else was not run

class Reporter {
	constructor() { this.count = 0; }

	result(file, titles, status, ms, fault) {
		const id = results.unique(path.relative(cwd, file) + '::' + titles.map(results.oneLine).join(' > '));
		this.count += 1;
		results.emit({ e: 'test', id, status, ms: Math.round(ms || 0) });
		if (status === 'fail' && fault) { results.fault(id, fault); }
		write((status === 'fail' ? 'not ok ' : 'ok ') + this.count + ' - ' + titles.map(results.oneLine).join(' > ') + '\n');
	}

	/* A file that cannot be loaded has no tests but its own failure. */
	onTestResult(test, file) {
		for (const one of file.testResults) {
			this.result(file.testFilePath, one.ancestorTitles.concat(one.title), states[one.status] || 'skip',
				one.duration, one.failureMessages && one.failureMessages[0]);
		}
		if (file.testExecError) {
			this.result(file.testFilePath, ['(file)'], 'fail', 0, file.testExecError.stack || file.failureMessage);
		}
	}

	onRunComplete() {
		results.emit({ e: 'plan', n: this.count });
		results.emit({ e: 'end' });
		write('1..' + this.count + '\n');
	}
}

module.exports = Reporter;
