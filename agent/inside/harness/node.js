/*
 * Evaluates each variant of an input in the project's own runtime and writes
 * one "value" event a variant to the results descriptor.  `plan`, above, is
 * {module, variants: [{id, steps}]}.
 */
let fs, path, util, crypto, here, require_;

const MAX_NODES = 200000;
const MAX_STACK = 65536;
const results = Number(process.env.SICKBAY_RESULTS_FD);
delete process.env.SICKBAY_RESULTS_FD;

function emit(event) {
	const bytes = Buffer.from(JSON.stringify(event) + '\n');
	for (let at = 0; at < bytes.length;) {
		try {
			at += fs.writeSync(results, bytes, at);
		} catch (error) {
			if (error.code !== 'EAGAIN') { throw error; }
		}
	}
}

/* ---- modules ---- */

function ownPackage() {
	for (let dir = path.resolve(here, plan.module); ; dir = path.dirname(dir)) {
		try {
			const file = path.join(dir, 'package.json');
			return { dir, name: JSON.parse(fs.readFileSync(file, 'utf8')).name };
		} catch {
			if (path.dirname(dir) === dir) { return { dir: here, name: '' }; }
		}
	}
}

/* A file or folder of the repository, and no package of that name. */
function isFile(dir, name) {
	return name.startsWith('./') ||
		(!name.startsWith('/') && ['', '.js', '.cjs', '.mjs'].some((suffix) => fs.existsSync(path.join(dir, name + suffix))));
}

function target(name) {
	const own = ownPackage();
	if (!name || name === plan.module || name === own.name) { return plan.module; }
	if (own.name && name.startsWith(own.name + '/')) {
		return path.join(own.dir, name.slice(own.name.length + 1));
	}
	return isFile(own.dir, name) ? path.join(own.dir, name) : name;
}

async function load(name) {
	const wanted = target(name);
	try {
		return require_(wanted);
	} catch (error) {
		if (error.code !== 'ERR_REQUIRE_ESM') { throw error; }
		return import(require_.resolve(wanted));
	}
}

/* ---- values ---- */

const typed = {
	$undefined: () => undefined,
	$number: (text) => (text === '-0' ? -0 : Number(text)),
	$bigint: (text) => BigInt(text),
	$date: (text) => new Date(text),
	$bytes: (text) => Buffer.from(text, 'hex'),
};

function revive(value, names) {
	if (typeof value === 'string') {
		if (value.startsWith('$$')) { return value.slice(1); }
		return value.startsWith('$') ? names.get(value.slice(1)) : value;
	}
	if (value === null || typeof value !== 'object') { return value; }
	if (Array.isArray(value)) { return value.map((item) => revive(item, names)); }
	const keys = Object.keys(value);
	if (keys.length === 1 && Object.hasOwn(typed, keys[0])) {
		return typed[keys[0]](value[keys[0]]);
	}
	const out = {};
	for (const key of keys) {
		Object.defineProperty(out, key, {
			value: revive(value[key], names), enumerable: true, writable: true, configurable: true,
		});
	}
	return out;
}

async function step(s, names) {
	let receiver;
	let callee = s.on ? names.get(s.on.slice(1)) : await load(s.module);
	for (const part of s.call ? s.call.split('.') : []) {
		receiver = callee;
		callee = callee[part];
	}
	const args = (s.args || []).map((arg) => revive(arg, names));
	if (s.request) { return request(callee, ...args); }
	return s.new ? Reflect.construct(callee, args) : Reflect.apply(callee, receiver, args);
}

/* ---- a rendering that is the same for the same value ---- */

function render(value, seen, budget) {
	budget.left -= 1;
	if (budget.left < 0) { return '...'; }
	if (Object.is(value, -0)) { return '-0'; }
	if (typeof value === 'bigint') { return value + 'n'; }
	if (typeof value === 'function') { return 'function ' + value.name; }
	if (typeof value === 'symbol') { return String(value); }
	if (typeof value === 'string') { return JSON.stringify(value); }
	if (value === null || typeof value !== 'object') { return String(value); }
	if (seen.includes(value)) { return 'up ' + (seen.length - seen.indexOf(value)); }
	const inner = (v) => render(v, seen.concat([value]), budget);
	if (util.types.isDate(value)) { return 'date ' + Number(value); }
	if (util.types.isRegExp(value)) { return String(value); }
	if (util.types.isNativeError(value)) { return 'error ' + value.name + ' ' + value.message; }
	if (util.types.isMap(value) || util.types.isSet(value)) {
		return (util.types.isMap(value) ? 'map ' : 'set ') + inner(Array.from(value));
	}
	if (ArrayBuffer.isView(value)) {
		return 'bytes ' + Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
	}
	if (Array.isArray(value)) {
		/* a hole is not undefined */
		const items = [];
		for (let i = 0; i < value.length && budget.left > 0; i++) {
			items.push(i in value ? inner(value[i]) : 'hole');
		}
		return '[' + items.join(',') + ']';
	}
	const proto = Object.getPrototypeOf(value);
	const name = proto === null ? 'null ' : proto === Object.prototype ? '' : (proto.constructor || {}).name + ' ';
	return name + '{' + Object.keys(value).map((key) => JSON.stringify(key) + ':' + inner(value[key])).join(',') + '}';
}

function digest(value) {
	return crypto.createHash('sha256').update(render(value, [], { left: MAX_NODES })).digest('hex');
}

function stackOf(error) {
	const text = util.inspect(error, { depth: 4, customInspect: false, breakLength: 200 });
	return (util.types.isNativeError(error) ? text : 'Uncaught ' + text).slice(0, MAX_STACK);
}

async function variant(v) {
	const names = new Map();
	let value;
	try {
		for (const s of v.steps) {
			value = await step(s, names);
			if (s.let) { names.set(s.let, value); }
		}
		emit({ e: 'value', id: v.id, outcome: 'value', digest: digest(value), lang: 'node' });
	} catch (error) {
		const type = util.types.isNativeError(error) ? error.name : typeof error;
		emit({ e: 'value', id: v.id, outcome: 'throw', type, stack: stackOf(error), lang: 'node' });
	}
}

/* Imports that are asked for work in both kinds of module, whatever the package says that this file is. */
(async () => {
	[fs, path, util, crypto] = await Promise.all(['fs', 'path', 'util', 'crypto'].map((name) => import('node:' + name)));
	here = path.dirname(path.resolve(process.argv[1]));
	require_ = (await import('node:module')).createRequire(path.join(here, 'harness'));
	emit({ e: 'plan', n: plan.variants.length });
	for (const v of plan.variants) { await variant(v); }
	emit({ e: 'end' });
})();
