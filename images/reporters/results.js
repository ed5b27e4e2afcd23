/* SPDX-License-Identifier: Apache-2.0 */
'use strict';

/*
 * Where the Node.js reporters write to.  Loaded before any test code: takes the
 * number of the results descriptor out of the environment and keeps its own
 * references to everything it uses, so that tests which mock built-ins neither
 * break nor learn anything.  In a process without that number it does nothing.
 */
const fs = require('fs');
const util = require('util');

const writeSync = fs.writeSync;
const stringify = JSON.stringify;
const inspect = util.inspect;
const wait = Atomics.wait;
const nap = new Int32Array(new SharedArrayBuffer(4));
const apply = Reflect.apply;
const sliceString = String.prototype.slice;
const replaceString = String.prototype.replace;
const create = Object.create;
const toBytes = Buffer.from;
const isError = util.types.isNativeError;

const MAX_TEXT = 65536;
const MAX_FAULTS = 200;

const name = 'SICKBAY_RESULTS_FD';
const number = process.env[name];
const fd = /^[0-9]{1,4}$/.test(number || '') ? Number(number) : -1;
delete process.env[name];

let faults = 0;
const seen = new Map();

function writeAll(bytes) {
	for (let at = 0; at < bytes.length;) {
		try {
			at += writeSync(fd, bytes, at, bytes.length - at);
		} catch (error) {
			if (error.code !== 'EAGAIN') { throw error; }
			wait(nap, 0, 0, 1);
		}
	}
}

/* Without a prototype: a test may have put a toJSON on Object.prototype. */
function emit(fields) {
	if (fd < 0) { return; }
	const row = create(null);
	for (const key in fields) { row[key] = fields[key]; }
	writeAll(toBytes(stringify(row) + '\n', 'utf8'));
}

function oneLine(text) {
	return apply(sliceString, apply(replaceString, String(text), [/\s+/g, ' ']), [0, 512]);
}

/* The id of the next result of this name: the second of one name gets "#2". */
function unique(id) {
	const n = (seen.get(id) || 0) + 1;
	seen.set(id, n);
	return n === 1 ? id : id + '#' + n;
}

function indented(text) {
	return apply(replaceString, text, [/\n/g, '\n  ']);
}

/*
 * An error as Node.js prints one: its stack, then in braces what caused it.
 * Only strings are read of it: its own inspect method could say anything.
 */
function describe(error, depth) {
	const level = depth || 0;
	const isObject = (typeof error === 'object' || typeof error === 'function') && error !== null;
	if (!isObject || typeof error.stack !== 'string') {
		return 'Uncaught ' + inspect(error, { depth: 2, customInspect: false });
	}
	let text = error.stack;
	if (error.cause !== undefined && level < 8) {
		text += ' {\n  [cause]: ' + indented(describe(error.cause, level + 1)) + '\n}';
	}
	return text;
}

/* A getter of what was thrown may throw, too. */
function described(error) {
	try {
		return describe(error);
	} catch (other) {
		return 'Uncaught Error: what was thrown cannot be shown';
	}
}

function fault(test, text) {
	faults += 1;
	if (faults > MAX_FAULTS) { return; }
	emit({ e: 'fault', test, lang: 'node', stack: apply(sliceString, text, [0, MAX_TEXT]) });
}

module.exports = {
	active: fd >= 0, emit, oneLine, unique, describe: described, fault, isError,
};
