/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/*
 * One scenario for many agent programs: each calls its tools by other names
 * and with other members, so a turn may say what is to be done and this finds
 * the tool among those that the request offers.
 *
 *   {"call": NAME, "input": {...}}          the tool of that name, or the only one named *_NAME
 *                                           (an MCP server's); "exact": true calls it unseen
 *   {"do": "shell", "command": TEXT}        the program's own shell
 *   {"do": "read", "path": PATH}            ... its own tool that reads a file
 *   {"do": "write", "path", "content"}      ... that writes one
 *   {"do": "edit", "path", "old", "new"}    ... that replaces a text in one
 */
function offered(request, name) {
	const exact = request.tools.find((t) => t.name === name);
	const by = request.tools.filter((t) => t.name && t.name.endsWith('_' + name));
	return exact || (by.length === 1 ? by[0] : undefined);
}

const names = {
	shell: ['Bash', 'bash', 'exec_command', 'shell_command', 'shell', 'run_shell_command'],
	read: ['Read', 'read', 'read_file'],
	write: ['Write', 'write', 'write_file'],
	edit: ['Edit', 'edit', 'replace'],
};

// What each member of a deed may be called in a tool's schema.
const members = {
	path: ['file_path', 'filePath', 'absolute_path', 'path'],
	content: ['content'], old: ['old_string', 'oldString'], new: ['new_string', 'newString'],
	command: ['command', 'cmd'],
};

// Members that some programs require and no scenario cares for.
const beside = { description: 'a step of the scenario', is_background: false };

function property(schema, name) {
	const known = Object.keys((schema && schema.properties) || {});
	const found = members[name].find((m) => known.includes(m));
	if (!found)
		throw new Error(`the tool has no member for '${name}'; its members: ${known.join(', ')}`);
	return found;
}

function fill(tool, deed) {
	const schema = tool.schema || {};
	const input = {};
	for (const name of Object.keys(members)) {
		if (deed[name] === undefined)
			continue;
		const to = property(schema, name);
		input[to] = schema.properties[to].type === 'array' ? ['bash', '-c', deed[name]] : deed[name];
	}
	for (const name of schema.required || [])
		if (input[name] === undefined && beside[name] !== undefined)
			input[name] = beside[name];
	return { name: tool.name, input };
}

// {name, input, custom} of a part that a turn says; throws where the program has no such tool.
function call(request, p) {
	const tool = p.do ? request.tools.find((t) => names[p.do].includes(t.name)) : offered(request, p.call);
	if (tool && p.do)
		return fill(tool, p);
	if (!tool && !p.exact)
		throw new Error(`tool '${p.do || p.call}' is not offered; offered: ${request.tools.map((t) => t.name).join(', ')}`);
	return { name: tool ? tool.name : p.call, input: p.input === undefined ? {} : p.input,
		raw: p.raw, custom: tool !== undefined && tool.kind === 'custom' };
}

module.exports = { offered, call };
