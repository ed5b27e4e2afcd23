# SPDX-License-Identifier: Apache-2.0
"""A forge that is none: it keeps pull requests in memory and speaks the part of GitHub's, GitLab's or Gitea's API that a
proposal needs.  With --openapi FILE each request is checked against that published description first: method, path, query and
body.  double.py KIND [--openapi FILE] [--log FILE] [--token TOKEN] [--rights RIGHTS]; prints "listening PORT".  What it
answers can be made to fail: POST /_next {"status": 403, "headers": {...}, "body": {...}, "times": 2}, or {"drop": true}, or {"drop": "after"} once it was
done, or {"hold": "before"} and {"hold": "after"} for as long as whoever asked lives, with "method" for the next of that
method; a person's acts are
POST /_person {"number": 1, "act": "merge"|"close"|"edit"|"write", "title": ...}.  After POST /_hook {"url", "secret", "examples"}
what a person ends is told there by a signed webhook."""
import argparse, http.server, json, re, subprocess, sys, time, urllib.parse
sys.dont_write_bytecode = True
import hook  # noqa: E402

p = argparse.ArgumentParser()
p.add_argument('kind', choices=['github', 'gitlab', 'gitea'])
p.add_argument('--openapi')
p.add_argument('--log')
p.add_argument('--token', default='')
p.add_argument('--rights', default='pull')
p.add_argument('--scopes', default='')
p.add_argument('--git', help='directory of the forks: where branches are')
o = p.parse_args()
pulls, comments, fail, hooks = [], [], [], []
log = open(o.log, 'a', buffering=1) if o.log else None
spec = json.load(open(o.openapi)) if o.openapi else None
if spec:
    import jsonschema


def schema_of(node):
    """The description's schema, with its references within reach."""
    return {**node, 'components': spec['components']} if isinstance(node, dict) else node


def nullable(node):
    """OpenAPI 3.0's "nullable" in JSON Schema's words."""
    if isinstance(node, list):
        return [nullable(n) for n in node]
    if not isinstance(node, dict):
        return node
    out = {k: nullable(v) for k, v in node.items() if k not in ('example', 'examples', 'nullable')}
    if node.get('nullable') and isinstance(out.get('type'), str):
        out['type'] = [out['type'], 'null']
    return out


def described(method, path, query, body):
    """None, or what the description does not know of this request."""
    for template, item in spec['paths'].items():
        names = re.findall(r'\{([^}]+)\}', template)
        m = re.fullmatch(re.sub(r'\\\{[^}]+\\\}', '([^/]+)', re.escape(template)), path)
        if not m or method.lower() not in item:
            continue
        op = item[method.lower()]
        known = {}
        for q in op.get('parameters', []):
            while '$ref' in q:
                q = spec['components']['parameters'][q['$ref'].rsplit('/', 1)[1]]
            known[(q['in'], q['name'])] = q
        for name, values in query.items():
            q = known.get(('query', name))
            if not q:
                return 'the query %s is not described for %s %s' % (name, method, template)
            kind = q['schema'].get('type')
            value = int(values[0]) if kind == 'integer' else values[0]
            try:
                jsonschema.validate(value, nullable(schema_of(q['schema'])))
            except jsonschema.ValidationError as e:
                return 'query %s: %s' % (name, e.message)
        want = op.get('requestBody', {}).get('content', {}).get('application/json', {}).get('schema')
        if want is None:
            return None if body is None else 'a body is not described for %s %s' % (method, template)
        try:
            jsonschema.Draft4Validator(nullable(schema_of(want))).validate(body)
        except jsonschema.ValidationError as e:
            return 'body of %s %s: %s' % (method, template, e.message)
        known = want.get('properties')
        for k in body if known and isinstance(body, dict) else []:
            if k not in known:
                return 'body of %s %s: %s is not described' % (method, template, k)
        return None
    return '%s %s is not described' % (method, path)


def sha_of(pull):
    """What the branch is; what a person made of it; else a commit that is none."""
    if pull['sha'] or not o.git:
        return pull['sha'] or 'a' * 40
    at = subprocess.run(['git', '-C', '%s/%s.git' % (o.git, pull['fork']), 'rev-parse', 'refs/heads/' + pull['branch']],
                        capture_output=True, text=True, env={'GIT_CONFIG_COUNT': '1', 'GIT_CONFIG_KEY_0': 'safe.directory',
                                                             'GIT_CONFIG_VALUE_0': '*', 'PATH': '/usr/bin:/bin'})
    return at.stdout.strip()


def view(pull):
    n = pull['number']
    if o.kind == 'gitlab':
        return {'iid': n, 'source_project_id': 7, 'web_url': 'http://forge.invalid/%d' % n, 'sha': sha_of(pull), 'title': pull['title'],
                'description': pull['body'],
                'state': {'open': 'opened'}.get(pull['state'], pull['state']),
                'merge_commit_sha': 'c' * 40 if pull['state'] == 'merged' else None}
    return {'number': n, 'html_url': 'http://forge.invalid/%d' % n, 'title': pull['title'],
            'body': pull['body'], 'state': 'closed' if pull['state'] == 'merged' else pull['state'], 'merged': pull['state'] == 'merged',
            'merged_at': '2026-01-01T00:00:00Z' if pull['state'] == 'merged' else None, 'draft': pull.get('draft'),
            'merge_commit_sha': 'c' * 40,
            'head': {'sha': sha_of(pull), 'ref': pull['branch'], 'repo': {'full_name': pull['fork']}}}


def new(branch, fork, title, body, draft):
    pull = {'number': len(pulls) + 1, 'branch': branch, 'fork': fork, 'title': title, 'body': body, 'draft': draft,
            'state': 'open', 'sha': None, 'labels': [], 'reviewers': []}
    pulls.append(pull)
    return pull


def rights(repository):
    mine = repository.startswith('bot/')
    have = ['pull', 'push'] if mine else o.rights.split(',')
    if o.kind == 'gitlab':
        level = 40 if 'maintain' in have else 30 if 'push' in have else 20
        return {'id': 7, 'default_branch': 'main', 'permissions': {'project_access': {'access_level': level}}}
    return {'permissions': {r: r in have for r in ('admin', 'maintain', 'push', 'triage', 'pull')},
            'default_branch': 'main', 'fork': mine}


def answer(method, path, query, body):
    if o.kind == 'gitlab':
        m = re.fullmatch(r'/projects/([^/]+)(/.*)?', path)
        if path == '/users':
            return 200, [{'id': 11}] if query.get('username') == ['ada'] else []
        if not m:
            return 404, {'message': '404 Not found'}
        repository, rest = urllib.parse.unquote(m.group(1)), m.group(2) or ''
        rest = rest.replace('/merge_requests', '/pulls')
    else:
        m = re.fullmatch(r'/repos/([^/]+/[^/]+)(/.*)?', path)
        if not m:
            return 404, {'message': 'Not Found'}
        repository, rest = m.group(1), m.group(2) or ''
    if rest == '':
        return 200, rights(repository)
    if rest == '/pulls' and method == 'GET':
        found = [q for q in pulls if o.kind == 'gitea' or query.get('source_branch', [q['branch']])[0] == q['branch'] and
                 query.get('head', [q['fork'].split('/')[0] + ':' + q['branch']])[0].endswith(':' + q['branch'])]
        return 200, [view(q) for q in (found if query.get('page', ['1'])[0] == '1' else [])]
    if rest == '/pulls' and method == 'POST':
        if o.kind == 'gitlab':
            return 201, view(new(body['source_branch'], repository, body['title'], body['description'], None))
        owner, branch = body['head'].split(':')
        return 201, view(new(branch, owner + '/' + repository.split('/')[1], body['title'], body['body'], body.get('draft')))
    m = re.fullmatch(r'/(pulls|issues)/(\d+)(/.*)?', rest)
    if not m or int(m.group(2)) > len(pulls):
        return 404, {'message': 'Not Found'}
    pull, what = pulls[int(m.group(2)) - 1], m.group(3) or ''
    if what == '' and method == 'GET':
        return 200, view(pull)
    if what == '' and method in ('PATCH', 'PUT'):
        for k in ('title', 'body'):
            pull[k] = body.get(k, pull[k])
        pull['body'] = body.get('description', pull['body'])
        pull['reviewers'] = body.get('reviewer_ids', pull['reviewers'])
        pull['labels'] = body.get('add_labels', pull['labels'])
        if body.get('state') == 'closed' or body.get('state_event') == 'close':
            pull['state'] = 'closed'
        return 200, view(pull)
    if what == '/labels':
        pull['labels'] = body['labels']
        return 200, []
    if what == '/requested_reviewers':
        pull['reviewers'] = body['reviewers']
        return 201, view(pull)
    if what in ('/comments', '/notes') and method == 'GET':
        return 200, [{'body': c} for c in comments]
    if what in ('/comments', '/notes'):
        comments.append(body['body'])
        return 201, {}
    return 404, {'message': 'Not Found'}


class Forge(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        text = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        body = json.loads(text) if text else None
        if url.path == '/_next':
            fail.append(body)
            return self.say(200, {})
        if url.path == '/_person':
            pull = pulls[body['number'] - 1]
            if body['act'] == 'edit':
                pull['sha'] = 'e' * 40
            elif body['act'] == 'same':
                pull['sha'] = body['sha']
            elif body['act'] == 'write':
                pull.update({k: body[k] for k in ('title', 'body') if k in body})
            else:
                pull['state'] = {'merge': 'merged', 'close': 'closed'}[body['act']]
                told = [hook.deliver(o.kind, h['url'], h['secret'], hook.payload(
                    o.kind, dict(pull, sha=sha_of(pull)), 'acme/shop', body['act'], h.get('examples'))) for h in hooks]
                return self.say(200, {'told': told})
            return self.say(200, {})
        if url.path == '/_hook':
            hooks.append(body)
            return self.say(200, {})
        if url.path == '/_state':
            return self.say(200, {'pulls': pulls, 'comments': comments})
        if log:
            log.write(json.dumps({'method': self.command, 'path': url.path, 'query': query, 'body': body}) + '\n')
        wrong = described(self.command, url.path, query, body) if spec else None
        if wrong:
            if log:
                log.write(json.dumps({'wrong': wrong}) + '\n')
            return self.say(422, {'message': wrong})
        given = self.headers.get('Authorization', self.headers.get('PRIVATE-TOKEN', '')).split(' ')[-1]
        if o.token and given != o.token:
            return self.say(401, {'message': 'Bad credentials'})
        if fail and fail[0].get('method', self.command) == self.command:
            f = fail[0]
            f['times'] = f.get('times', 1) - 1
            if f['times'] <= 0:
                fail.pop(0)
            if f.get('drop'):
                if f['drop'] == 'after':  # it was done, and nobody hears of it
                    answer(self.command, url.path, query, body)
                self.close_connection = True
                return None
            if f.get('hold'):
                if f['hold'] == 'after':
                    answer(self.command, url.path, query, body)
                log.write(json.dumps({'held': self.command + ' ' + url.path}) + '\n')
                time.sleep(20)
                self.close_connection = True
                return None
            return self.say(f['status'], f.get('body', {'message': 'made to fail'}), f.get('headers', {}))
        return self.say(*answer(self.command, url.path, query, body))

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do

    def say(self, status, body, headers={}):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(text)))
        if o.scopes:
            self.send_header('X-OAuth-Scopes', o.scopes)
        for k, v in headers.items():
            self.send_header(k, v)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *a):
        pass


server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Forge)
print('listening', server.server_address[1], flush=True)
server.serve_forever()
