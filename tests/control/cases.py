"""cases.py STATE ID KEY=VALUE...: a case as its records would be, without running anything.
Keys: service, outcome, operator, author, policy, touched, created, fingerprint, proof (any word, changes the digest),
refusals (a number), audit (why,why: to be audited in depth)."""
import hashlib
import json
import os
import sys

state, name = sys.argv[1:3]
o = dict(service='shop', outcome='proposed', operator='null-guard', author='built-in', policy='patch', touched='a.js',
         created='2026-11-22T10:00:00Z', fingerprint='sha256:' + '1' * 64, proof='x', refusals='0', audit='')
o.update(a.split('=', 1) for a in sys.argv[3:])
case = os.path.join(state, 'cases', name)
os.makedirs(case, 0o700)
digest = '0' * 64


def publish(stage, record, body):
    global digest
    text = json.dumps({'schema': 'sickbay.case.%s/1' % stage, 'case': name, 'prev': 'sha256:' + digest, **body}, indent=1)
    with open(os.path.join(case, record), 'w') as f:
        f.write(text)
    digest = hashlib.sha256(text.encode()).hexdigest()


sha = 'sha256:' + hashlib.sha256(o['policy'].encode()).hexdigest()
publish('incident', '1-incident.json', {
    'incident': {'id': name, 'fingerprint': o['fingerprint']}, 'service': {'name': o['service'], 'mode': 'propose'},
    'measured': {'created': o['created']}})
publish('replica', '2-replica.json', {'policies': {'patch': {'name': o['policy'], 'digest': sha}}})
publish('match', '3-match.json', {'test': [{'path': 'test/new.js'}], 'agent': {'author': o['author'], 'refusals': []}})
if o['outcome'] == 'proposed':
    publish('patch', '4-patch.json', {
        'changes': [{'path': p} for p in o['touched'].split(',')],
        'agent': {'author': o['author'], 'refusals': [{}] * int(o['refusals']), 'candidates': [
            {'operator': 'other', 'plausible': True, 'why_not': 'ranks below'},
            {'operator': o['operator'], 'plausible': True}]}})
    publish('proof', '5-proof.json', {'verdict': 'accepted', 'measured': o['proof']})
    publish('pullreq', '6-pullreq.json', {'measured': {'audit': {'required': bool(o['audit']), 'why': o['audit'].split(',')}}})
publish('outcome', '7-outcome.json', {'outcome': o['outcome'], 'reason': 'as the test says',
                                      'measured': {'ended': o['created'].replace('T10:', 'T11:')}})
with open(os.path.join(case, 'ledger.ndjson'), 'w') as f:
    f.write('{"what":"patch","replicas":3,"cpu_us":2000000,"wall_us":3000000,"evaluations":4}\n')
