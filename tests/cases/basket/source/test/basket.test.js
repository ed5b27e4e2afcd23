'use strict';

const test = require('node:test');
const assert = require('node:assert');
const { add, total } = require('../lib/basket');

test('total() of a basket', async () => {
	const result = await total('gift');
	assert.strictEqual(result, 1850);
});

test('total() of a basket that is not there', async () => {
	const result = await total('none');
	assert.strictEqual(result, 0);
});

test('add() puts an article at the end', async () => {
	assert.strictEqual(await add('gift', 'tea'), 4);
	assert.strictEqual(await total('gift'), 2340);
});
