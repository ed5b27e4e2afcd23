/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
// Google generateContent: POST /v1beta/models/MODEL:generateContent and :streamGenerateContent?alt=sse

const { text, fragments, list } = require('./common.js');

exports.name = 'google-generate';
exports.path = /\/models\/([^/:]+):(generateContent|streamGenerateContent)$/;
exports.key = (headers, query) => headers['x-goog-api-key'] || query.get('key') || '';

const parts = (c) => list(c && c.parts);

function results(contents) {
	const last = contents[contents.length - 1];
	return parts(last).filter((p) => p.functionResponse).map((p) => {
		const r = p.functionResponse.response || {};
		const said = r.error !== undefined ? r.error : r.output !== undefined ? r.output : r.result;
		return { id: p.functionResponse.id || '', name: p.functionResponse.name,
			text: typeof said === 'string' ? said : JSON.stringify(said === undefined ? r : said), error: r.error !== undefined };
	});
}

exports.read = (body, path) => {
	const contents = list(body.contents);
	const config = body.generationConfig || {};
	const m = exports.path.exec(path);
	return {
		model: decodeURIComponent(m[1]),
		stream: m[2] === 'streamGenerateContent',
		max_output: config.maxOutputTokens,
		system: text(body.systemInstruction),
		user: contents.filter((c) => c.role !== 'model').map((c) => text(c.parts)).join('\n'),
		assistant: contents.filter((c) => c.role === 'model').length,
		results: results(contents),
		tools: list(body.tools).flatMap((t) => list(t.functionDeclarations))
			.map((f) => ({ name: f.name, schema: f.parametersJsonSchema || f.parameters })),
	};
};

const stops = { end: 'STOP', tool: 'STOP', length: 'MAX_TOKENS', refused: 'SAFETY' };

function usage(u) {
	const out = { promptTokenCount: u.input, candidatesTokenCount: u.output - u.reasoning,
		totalTokenCount: u.input + u.output,
		promptTokensDetails: [{ modality: 'TEXT', tokenCount: u.input }] };
	if (u.reasoning)
		out.thoughtsTokenCount = u.reasoning;
	if (u.cached)
		out.cachedContentTokenCount = u.cached;
	return out;
}

exports.call_id = (k) => 'fc-' + k;

function part(p) {
	if (p.type === 'text')
		return { text: p.text };
	if (p.type === 'thinking')
		return { text: p.text, thought: true };
	return Object.assign({ functionCall: { id: p.id, name: p.name, args: p.input } },
		p.signature ? { thoughtSignature: p.signature } : {});
}

const piece = (a, some, more) => ({
	candidates: [Object.assign({ content: { parts: some, role: 'model' }, index: 0 }, more)],
	usageMetadata: usage(a.usage), modelVersion: a.model, responseId: 'r' + a.id,
});

exports.whole = (a) => piece(a, a.parts.map(part), { finishReason: stops[a.stop], avgLogprobs: -0.1 });

exports.events = (a) => {
	const out = [];
	const split = (p) => (p.type === 'call' ? [part(p)] : fragments(p.text).map((t) => part(Object.assign({}, p, { text: t }))));
	a.parts.flatMap(split).forEach((p) => out.push({ data: piece(a, [p], {}) }));
	out.push({ data: piece(a, [{ text: '' }], { finishReason: stops[a.stop] }) });
	return out;
};

const words = { 400: 'INVALID_ARGUMENT', 401: 'UNAUTHENTICATED', 403: 'PERMISSION_DENIED', 404: 'NOT_FOUND',
	429: 'RESOURCE_EXHAUSTED', 500: 'INTERNAL', 503: 'UNAVAILABLE' };

exports.error = (status, message) => ({ error: { code: status, message, status: words[status] || 'UNKNOWN', details: [] } });
