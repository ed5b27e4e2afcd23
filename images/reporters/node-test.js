/* SPDX-License-Identifier: Apache-2.0 */
'use strict';

/*
 * node --require node-test.js --test --test-reporter node-test.js --test-reporter-destination stdout [FILE...]
 *
 * One file with two parts.  Preloaded, it takes the results descriptor before
 * anything else runs; as a reporter (in the process of `node --test` itself, not
 * in those of the test files) it writes one result for each test.  The text on
 * stdout is a short TAP.  "end" is written when the stream of events ends.
 */
const path = require('path');
const results = require('./results.js');

const MAX_STDERR = 65536;
const cwd = process.cwd();

function shown(file) {
	return path.isAbsolute(file) ? path.relative(cwd, file) : file || '(unknown)';
}

/* A file is reported as a test of its own. */
function isFile(data) {
	return data.nesting === 0 && data.file !== undefined && path.resolve(data.name) === data.file;
}

/* Titles of the suites that a test stands in, by nesting. */
class Places {
	constructor() { this.titles = new Map(); }

	start(file, nesting, name) {
		const titles = this.titles.get(file) || [];
		titles.length = nesting;
		titles[nesting] = results.oneLine(name);
		this.titles.set(file, titles);
	}

	id(data) {
		const file = data.file || '';
		const titles = (this.titles.get(file) || []).slice(0, data.nesting);
		titles[data.nesting] = results.oneLine(data.name);
		return results.unique(shown(file) + '::' + (isFile(data) ? '(file)' : titles.join(' > ')));
	}
}

function status(type, data) {
	if (data.skip !== undefined && data.skip !== false) { return 'skip'; }
	if (data.todo !== undefined && data.todo !== false) { return 'todo'; }
	return type === 'test:pass' ? 'pass' : 'fail';
}

/* What the test threw lies inside the runner's own error. */
function thrown(data) {
	const error = data.details && data.details.error;
	return error && error.cause !== undefined && error.code === 'ERR_TEST_FAILURE' ? error.cause : error;
}

function isSuite(data) {
	return data.details !== undefined && data.details.type === 'suite';
}

class Reporter {
	constructor() {
		this.places = new Places();
		this.errors = new Map(); // what each file wrote on standard error
		this.count = 0;
	}

	onStderr(data) {
		const text = (this.errors.get(data.file) || '') + data.message;
		this.errors.set(data.file, text.slice(-MAX_STDERR));
	}

	/* A file or suite that only holds tests has no result of its own. */
	result(type, data) {
		const error = data.details && data.details.error;
		const kind = error && error.failureType;
		if ((isFile(data) || isSuite(data)) && (type === 'test:pass' || kind === 'subtestsFailed')) { return ''; }
		const id = this.places.id(data);
		const what = status(type, data);
		this.count += 1;
		results.emit({ e: 'test', id, status: what, ms: Math.round((data.details && data.details.duration_ms) || 0) });
		if (what === 'fail' && kind !== 'subtestsFailed') {
			const text = isFile(data) ? this.errors.get(data.file) : undefined;
			results.fault(id, text || results.describe(thrown(data)));
		}
		return (type === 'test:pass' ? 'ok ' : 'not ok ') + this.count + ' - ' + results.oneLine(data.name) + '\n';
	}
}

async function* reporter(source) {
	const r = new Reporter();
	for await (const { type, data } of source) {
		if (type === 'test:start') {
			r.places.start(data.file || '', data.nesting, data.name);
		} else if (type === 'test:stderr') {
			r.onStderr(data);
		} else if (type === 'test:pass' || type === 'test:fail') {
			yield r.result(type, data);
		}
	}
	results.emit({ e: 'plan', n: r.count });
	results.emit({ e: 'end' });
	yield '1..' + r.count + '\n';
}

module.exports = reporter;
