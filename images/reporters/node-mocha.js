/* SPDX-License-Identifier: Apache-2.0 */
'use strict';

/*
 * node --require node-mocha.js node_modules/.bin/mocha --reporter R/node-mocha.js [FILE...]
 *
 * One file with two parts.  Preloaded, it takes the results descriptor before
 * anything else runs; as a reporter it writes one result for each test.  The
 * text on stdout is a short TAP.  "end" is written when mocha's runner has come
 * to its end: a process that a test makes exit early never looks complete.
 */
const path = require('path');
const results = require('./results.js');

const cwd = process.cwd();
const write = process.stdout.write.bind(process.stdout);

function shown(file) {
	return file ? path.relative(cwd, file) : '(unknown)';
}

/* A hook's file is that of the suite it stands in. */
function fileOf(runnable) {
	for (let at = runnable; at; at = at.parent) {
		if (at.file) { return at.file; }
	}
	return undefined;
}

class Reporter {
	constructor(runner) {
		this.count = 0;
		runner.on('pass', (test) => this.result(test, 'pass'));
		runner.on('pending', (test) => this.result(test, 'skip'));
		runner.on('fail', (test, error) => this.result(test, 'fail', error));
		runner.on('end', () => this.end());
	}

	result(test, status, error) {
		const titles = test.titlePath().map(results.oneLine).filter((title) => title !== '');
		const id = results.unique(shown(fileOf(test)) + '::' + titles.join(' > '));
		this.count += 1;
		results.emit({ e: 'test', id, status, ms: Math.round(test.duration || 0) });
		if (status === 'fail') { results.fault(id, results.describe(error)); }
		write((status === 'fail' ? 'not ok ' : 'ok ') + this.count + ' - ' + results.oneLine(test.title) + '\n');
	}

	end() {
		results.emit({ e: 'plan', n: this.count });
		results.emit({ e: 'end' });
		write('1..' + this.count + '\n');
	}
}

module.exports = Reporter;
