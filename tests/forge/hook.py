# SPDX-License-Identifier: Apache-2.0
"""Webhooks as forges send them.  GitHub's payload is one that GitHub sent (@octokit/webhooks-examples) with this pull request
put in; GitLab's and Gitea's are written after their documentation.
hook.py KIND URL SECRET [--examples FILE] [--number N] [--branch B] [--repository R] [--act merge|close|open|label|ping]
[--event NAME] [--scheme sign|none|wrong|tamper] [--body FILE] [--every]: prints the status and the answer; with --every those
of all payloads of the examples, each as its own event and as a pull request's."""
import argparse, base64, hashlib, hmac, json, time, urllib.error, urllib.request, uuid

EVENTS = {'github': ('X-GitHub-Event', 'pull_request'), 'gitlab': ('X-Gitlab-Event', 'Merge Request Hook'),
          'gitea': ('X-Gitea-Event', 'pull_request')}


def github(pull, repository, act, examples):
    with open(examples) as f:
        events = {e['name']: e['examples'] for e in json.load(f)}
    if act == 'ping':
        return events['ping'][0]
    want = {'merge': 'closed', 'close': 'closed', 'open': 'opened', 'label': 'labeled'}[act]
    body = next(e for e in events['pull_request'] if e['action'] == want)
    body['number'] = body['pull_request']['number'] = pull['number']
    body['pull_request']['state'] = 'open' if want != 'closed' else 'closed'
    body['pull_request']['merged'] = act == 'merge'
    body['pull_request']['head'].update(ref=pull['branch'], label='bot:' + pull['branch'], sha=pull['sha'])
    body['repository']['full_name'] = body['pull_request']['base']['repo']['full_name'] = repository
    return body


def gitlab(pull, repository, act):
    project = {'id': 1, 'name': 'shop', 'description': 'A shop', 'web_url': 'https://gitlab.example/' + repository, 'avatar_url': None,
               'git_ssh_url': 'git@gitlab.example:%s.git' % repository, 'git_http_url': 'https://gitlab.example/%s.git' % repository,
               'namespace': 'Acme', 'visibility_level': 20, 'path_with_namespace': repository, 'default_branch': 'main',
               'homepage': 'https://gitlab.example/' + repository, 'url': 'https://gitlab.example/%s.git' % repository}
    fork = dict(project, id=7, namespace='Bot', path_with_namespace='bot/shop', web_url='https://gitlab.example/bot/shop')
    state = {'merge': 'merged', 'close': 'closed'}.get(act, 'opened')
    return {
        'object_kind': 'merge_request', 'event_type': 'merge_request',
        'user': {'id': 1, 'name': 'Administrator', 'username': 'root', 'avatar_url': 'https://gitlab.example/a.png', 'email': '[REDACTED]'},
        'project': project,
        'repository': {'name': 'shop', 'url': project['url'], 'description': 'A shop', 'homepage': project['homepage']},
        'object_attributes': {
            'id': 99, 'iid': pull['number'], 'target_branch': 'main', 'source_branch': pull['branch'], 'source_project_id': 7,
            'target_project_id': 1, 'author_id': 51, 'assignee_ids': [6], 'assignee_id': 6, 'reviewer_ids': [6], 'title': pull.get('title'),
            'created_at': '2026-01-03T17:23:34Z', 'updated_at': '2026-01-03T17:23:34Z', 'last_edited_at': None, 'milestone_id': None,
            'state_id': 1, 'state': state, 'blocking_discussions_resolved': True, 'work_in_progress': False, 'draft': False,
            'merge_status': 'unchecked', 'detailed_merge_status': 'not_open', 'description': pull.get('body'), 'total_time_spent': 0,
            'url': 'https://gitlab.example/%s/-/merge_requests/%d' % (repository, pull['number']), 'source': fork, 'target': project,
            'last_commit': {'id': pull['sha'], 'message': 'fix', 'title': 'fix', 'timestamp': '2026-01-03T23:36:29+02:00',
                            'url': 'https://gitlab.example/c', 'author': {'name': 'sickbay', 'email': 'bot@gitlab.example'}},
            'labels': [], 'action': {'label': 'update', 'ping': 'update'}.get(act, act)},
        'labels': [], 'changes': {'state_id': {'previous': 1, 'current': 3}}, 'assignees': [], 'reviewers': []}


def gitea(pull, repository, act):
    person = {'id': 1, 'login': 'ada', 'login_name': '', 'full_name': '', 'email': 'ada@noreply.gitea.example', 'username': 'ada'}
    repo = {'id': 140, 'owner': person, 'name': 'shop', 'full_name': repository, 'description': '', 'private': False, 'fork': False,
            'html_url': 'https://gitea.example/' + repository, 'default_branch': 'main', 'archived': False}
    return {
        'action': {'merge': 'closed', 'close': 'closed', 'label': 'label_updated'}.get(act, 'opened'), 'number': pull['number'],
        'pull_request': {
            'id': 77, 'url': 'https://gitea.example/%s/pulls/%d' % (repository, pull['number']), 'number': pull['number'], 'user': person,
            'title': pull.get('title'), 'body': pull.get('body'), 'labels': [], 'milestone': None, 'assignee': None, 'assignees': None,
            'state': 'closed' if act in ('merge', 'close') else 'open', 'is_locked': False, 'comments': 0, 'mergeable': False,
            'merged': act == 'merge', 'merged_at': '2026-01-03T17:23:34Z' if act == 'merge' else None,
            'merge_commit_sha': 'c' * 40 if act == 'merge' else None, 'merged_by': person if act == 'merge' else None,
            'base': {'label': 'main', 'ref': 'main', 'sha': 'b' * 40, 'repo_id': 140, 'repo': repo},
            # the branch went with the merge, as its button offers it
            'head': {'label': pull['branch'], 'ref': 'refs/pull/%d/head' % pull['number'], 'sha': pull['sha'], 'repo_id': 141,
                     'repo': dict(repo, id=141, full_name='bot/shop', fork=True)},
            'merge_base': 'b' * 40, 'due_date': None, 'created_at': '2026-01-03T17:23:34Z', 'updated_at': '2026-01-03T17:23:34Z'},
        'requested_reviewer': None, 'repository': repo, 'sender': person, 'commit_id': '', 'review': None}


def payload(kind, pull, repository, act, examples):
    body = github(pull, repository, act, examples) if kind == 'github' else {'gitlab': gitlab, 'gitea': gitea}[kind](pull, repository, act)
    return json.dumps(body).encode()


def proof(kind, secret, body):
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if kind == 'github':
        return {'X-Hub-Signature-256': 'sha256=' + mac, 'X-GitHub-Delivery': str(uuid.uuid4())}
    if kind == 'gitea':
        return {'X-Gitea-Signature': mac, 'X-Hub-Signature-256': 'sha256=' + mac, 'X-Gitea-Delivery': str(uuid.uuid4())}
    if not secret.startswith('whsec_'):
        return {'X-Gitlab-Token': secret, 'X-Gitlab-Event-UUID': str(uuid.uuid4())}
    key, name, at = base64.b64decode(secret[len('whsec_'):]), str(uuid.uuid4()), str(int(time.time()))
    signed = hmac.new(key, ('%s.%s.' % (name, at)).encode() + body, hashlib.sha256).digest()
    return {'webhook-id': name, 'webhook-timestamp': at, 'webhook-signature': 'v1,' + base64.b64encode(signed).decode()}


def deliver(kind, url, secret, body, event=None, scheme='sign'):
    headers = {'Content-Type': 'application/json', EVENTS[kind][0]: event or EVENTS[kind][1]}
    if scheme != 'none':
        headers.update(proof(kind, secret if scheme != 'wrong' else secret[::-1], body))
    if scheme == 'tamper':
        body += b' '
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


if __name__ == '__main__':
    p = argparse.ArgumentParser()
    p.add_argument('kind', choices=list(EVENTS))
    p.add_argument('url')
    p.add_argument('secret')
    p.add_argument('--examples')
    p.add_argument('--number', type=int, default=1)
    p.add_argument('--branch', default='sickbay/none-1')
    p.add_argument('--repository', default='acme/shop')
    p.add_argument('--act', default='merge')
    p.add_argument('--event')
    p.add_argument('--scheme', default='sign')
    p.add_argument('--body')
    p.add_argument('--every', action='store_true')
    o = p.parse_args()
    pull = {'number': o.number, 'branch': o.branch, 'sha': 'a' * 40, 'title': 'a fix', 'body': 'text'}
    text = open(o.body, 'rb').read() if o.body else payload(o.kind, pull, o.repository, o.act, o.examples)
    if o.every:
        with open(o.examples) as f:
            for one in json.load(f):
                for example in one['examples']:
                    for event in (one['name'], 'pull_request'):
                        print(*deliver(o.kind, o.url, o.secret, json.dumps(example).encode(), event))
    else:
        print(*deliver(o.kind, o.url, o.secret, text, o.event, o.scheme))
