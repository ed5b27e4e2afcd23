'use strict';

const { withRedis } = require('./redis');

/* Baskets are lists of article numbers; what an article is, is told by its own key as JSON. */

async function article(redis, number) {
	return JSON.parse(await redis.get('article:' + number));
}

function connect(work) {
	return withRedis((connection) => work({
		get: (key) => connection.send('GET', key),
		items: (basket) => connection.send('LRANGE', 'basket:' + basket, 0, -1),
		push: (basket, number) => connection.send('RPUSH', 'basket:' + basket, number),
	}));
}

/* Puts an article into a basket: how many there are then. */
async function add(basket, number) {
	return connect((redis) => redis.push(basket, number));
}

/* What a basket costs, in cents. */
async function total(basket) {
	return connect(async (redis) => {
		const numbers = await redis.items(basket);
		const found = await Promise.all(numbers.map((number) => article(redis, number)));
		let sum = 0;
		for (const one of found) {
			sum += one.price;
		}
		return sum;
	});
}

module.exports = { add, total };
