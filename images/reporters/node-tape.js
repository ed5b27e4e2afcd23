/* SPDX-License-Identifier: Apache-2.0 */
'use strict';

/*
 * node --require node-tape.js node_modules/.bin/tape 'test/*.js'
 *
 * Hooks the tape that the repository itself loads: one result for each
 * assertion, in order, while tape's own output stays as it is.  The last line,
 * "end", is written only when tape said that all tests have run: a process
 * that a test makes exit early never looks complete.
 */
const Module = require('module');
const path = require('path');
const results = require('./results.js');

const now = process.hrtime.bigint;
const cwd = process.cwd();
const load = Module._load;
const resolve = Module._resolveFilename;
const isResults = /[\\/]tape[\\/]lib[\\/]results\.js$/;

let hooked = false;
let done = false;
let count = 0;
let running = null;
let last = now();

/* The file that called test(): innermost frame outside tape, this file and Node.js. */
function callerFile(tapeDir) {
	const prepare = Error.prepareStackTrace;
	const limit = Error.stackTraceLimit;
	const holder = {};
	Error.stackTraceLimit = 64;
	Error.prepareStackTrace = (error, sites) => sites;
	Error.captureStackTrace(holder, callerFile);
	const sites = holder.stack;
	Error.prepareStackTrace = prepare;
	Error.stackTraceLimit = limit;
	for (const site of sites) {
		const file = (site.getFileName() || '').replace(/^file:\/\//, '');
		if (path.isAbsolute(file) && file !== __filename && !file.startsWith(tapeDir)) {
			return path.relative(cwd, file);
		}
	}
	return '(unknown)';
}

function status(result) {
	if (result.skip) { return 'skip'; }
	if (result.todo) { return 'todo'; }
	return result.ok ? 'pass' : 'fail';
}

function onResult(place, result) {
	if (typeof result === 'string') { return; }
	const id = results.unique(place + '::' + results.oneLine(result.name));
	const time = now();
	const ms = Number((time - last) / 1000000n);
	last = time;
	count += 1;
	results.emit({ e: 'test', id, status: status(result), ms });
	if (!result.ok && !result.skip && !result.todo) {
		const thrown = results.isError(result.actual) ? result.actual : result.error;
		results.fault(id, results.describe(thrown));
	}
}

function watch(test, file, parents) {
	const titles = parents.concat(results.oneLine(test.name));
	const place = file + '::' + titles.join(' > ');
	test.once('prerun', () => {
		if (!test._skip) {
			running = place;
			return;
		}
		count += 1;
		results.emit({ e: 'test', id: results.unique(place), status: 'skip', ms: 0 });
	});
	test.on('result', (result) => onResult(place, result));
	test.on('test', (child) => watch(child, file, titles));
}

function hook(Results, tapeDir) {
	const push = Results.prototype.push;
	Results.prototype.push = function (test) {
		if (!this.sickbayWatched) {
			Object.defineProperty(this, 'sickbayWatched', { value: true });
			this.once('done', () => { done = true; });
		}
		watch(test, callerFile(tapeDir), []);
		return Reflect.apply(push, this, arguments);
	};
}

if (results.active) {
	Module._load = function (request, parent) {
		const loaded = Reflect.apply(load, this, arguments);
		if (!hooked && typeof loaded === 'function' && loaded.prototype && loaded.prototype.push) {
			const file = resolve(request, parent, false);
			if (isResults.test(file)) {
				hooked = true;
				Module._load = load;
				hook(loaded, path.dirname(path.dirname(file)) + path.sep);
			}
		}
		return loaded;
	};
	process.on('uncaughtExceptionMonitor', (error) => {
		const id = running && results.unique(running + '::(uncaught)');
		if (id) { results.emit({ e: 'test', id, status: 'fail', ms: 0 }); }
		results.fault(id, results.describe(error));
	});
	process.on('exit', () => {
		if (!done) { return; }
		results.emit({ e: 'plan', n: count });
		results.emit({ e: 'end' });
	});
}
