// SPDX-License-Identifier: Apache-2.0
// A small service that breaks: POST / with {"item": ...} prices it by ROOT/price.js.  What goes wrong is reported by the
// unmodified SDK that --reporter names, pointed at --url with --token.  Prints "listening PORT".
'use strict';
const http = require('node:http');
const path = require('node:path');
const { parseArgs } = require('node:util');

const { values: o } = parseArgs({ options: {
	reporter: { type: 'string' }, url: { type: 'string' }, token: { type: 'string' },
	root: { type: 'string' }, release: { type: 'string' }, service: { type: 'string', default: 'shop' },
	'no-call': { type: 'boolean', default: false }, 'no-variables': { type: 'boolean', default: false },
} });

// The SDK reads variables by a debugger that starts beside the service: until then it leaves them out.
async function debuggerIsThere() {
	for (let i = 0; i < 100; i += 1) {
		try {
			throw new Error('none');
		} catch (err) {
			if ('__SENTRY_ERROR_LOCAL_VARIABLES__' in err) return;
		}
		await new Promise((done) => { setTimeout(done, 50); });
	}
}

function bySentry() {
	const Sentry = require('@sentry/node');
	Sentry.init({ dsn: `${o.url.replace('//', `//${o.token}@`)}/1`, release: o.release || undefined, environment: 'test',
		includeLocalVariables: !o['no-variables'] });
	return {
		report: (err, call) => Sentry.withScope((scope) => {
			if (call) scope.setContext('sickbay', { call: JSON.stringify(call) });
			Sentry.captureException(err);
		}),
		flush: () => Sentry.flush(5000),
		ready: () => (o['no-variables'] ? undefined : debuggerIsThere()),
	};
}

function resource() {
	const { resourceFromAttributes } = require('@opentelemetry/resources');
	return resourceFromAttributes({ 'service.name': o.service, 'service.version': o.release });
}

function byTraces(exporter) {
	const api = require('@opentelemetry/api');
	const { NodeSDK, tracing } = require('@opentelemetry/sdk-node');
	const { OTLPTraceExporter } = require(exporter);
	const processor = new tracing.BatchSpanProcessor(new OTLPTraceExporter({
		url: `${o.url}/v1/traces`, headers: { authorization: `Bearer ${o.token}` } }), { scheduledDelayMillis: 100 });
	new NodeSDK({ resource: resource(), autoDetectResources: false, spanProcessors: [processor],
		logRecordProcessors: [], metricReaders: [] }).start();
	return {
		report: (err, call) => api.trace.getTracer('shop').startActiveSpan('POST /', (span) => {
			span.setAttribute('http.request.method', 'POST');
			if (call) span.setAttribute('sickbay.call', JSON.stringify(call));
			span.recordException(err);
			span.setStatus({ code: api.SpanStatusCode.ERROR });
			span.end();
		}),
		flush: () => processor.forceFlush(),
	};
}

function byLogs() {
	const { LoggerProvider, BatchLogRecordProcessor } = require('@opentelemetry/sdk-logs');
	const { OTLPLogExporter } = require('@opentelemetry/exporter-logs-otlp-http');
	const exporter = new OTLPLogExporter({ url: `${o.url}/v1/logs`, headers: { authorization: `Bearer ${o.token}` } });
	const processor = new BatchLogRecordProcessor({ exporter, scheduledDelayMillis: 100 });
	const logger = new LoggerProvider({ resource: resource(), processors: [processor] }).getLogger('shop');
	return {
		report: (err, call) => logger.emit({ severityText: 'ERROR', body: 'failed', attributes: {
			'exception.type': err.name, 'exception.message': err.message, 'exception.stacktrace': err.stack,
			...(call ? { 'sickbay.call': JSON.stringify(call) } : {}) } }),
		flush: () => processor.forceFlush(),
	};
}

const reporter = {
	sentry: bySentry,
	'otel-json': () => byTraces('@opentelemetry/exporter-trace-otlp-http'),
	'otel-proto': () => byTraces('@opentelemetry/exporter-trace-otlp-proto'),
	'otel-logs': byLogs,
}[o.reporter]();
const shop = require(path.join(o.root, 'price.js'));

const server = http.createServer((req, res) => {
	let text = '';
	req.on('data', (d) => { text += d; });
	req.on('end', async () => {
		const { item } = JSON.parse(text);
		try {
			res.end(`${shop.price(item)}\n`);
		} catch (err) {
			reporter.report(err, o['no-call'] ? null : { module: 'shop', export: 'price', args: [item] });
			await reporter.flush();
			res.statusCode = 500;
			res.end('sorry\n');
		}
	});
});
Promise.resolve(reporter.ready?.()).then(() => server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`)));
process.on('SIGTERM', () => process.exit(0));
