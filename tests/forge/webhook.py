# SPDX-License-Identifier: Apache-2.0
"""A receiver of notes: webhook.py SECRET LOG [STATUS ...] answers with these, then 204; each note becomes a line of the log:
"EVENT SERVICE good|bad TEXT", by its signature.  Prints "listening PORT"."""
import hashlib, hmac, http.server, json, sys

secret, log, answers = sys.argv[1].encode(), open(sys.argv[2], 'a', buffering=1), [int(s) for s in sys.argv[3:]]


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        want = 'sha256=' + hmac.new(secret, body, hashlib.sha256).hexdigest()
        good = hmac.compare_digest(want, self.headers.get('X-Sickbay-Signature', ''))
        note = json.loads(body)
        log.write('%s %s %s %s\n' % (note['event'], note.get('service'), 'good' if good else 'bad', note['text']))
        self.send_response(answers.pop(0) if answers else 204)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *a):
        pass


server = http.server.HTTPServer(('127.0.0.1', 0), Receiver)
print('listening', server.server_address[1], flush=True)
server.serve_forever()
