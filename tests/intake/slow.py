#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""slow.py ADDRESS PORT TOKEN DRIPPING HONEST: connections that drip in, half of them in their heads, half in their bodies, a
byte a second; beside them an honest client that sends a report on a connection of its own each time. Ends when all that
dripped were ended by the server. Prints {"served","refused","ended","left"}."""
import json
import select
import socket
import sys
import time

BODY = b'{"platform":"node","exception":{"values":[{"type":"E","value":"m","stacktrace":{"frames":[{"filename":"/srv/a.js","function":"honest","lineno":1}]}}]}}'
PATIENCE = 60  # seconds; a server without a bound would never end them


def dial(at):
    s = socket.create_connection(at, timeout=10)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def honest(at, token):
    try:
        with dial(at) as s:
            s.sendall(b"POST /api/1/store/ HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + token +
                      b"\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)
            return s.recv(4096).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def over(s):
    """The server has ended it."""
    try:
        return select.select([s], [], [], 0)[0] and s.recv(4096) == b""
    except OSError:
        return True


def main():
    at, token = (sys.argv[1], int(sys.argv[2])), sys.argv[3].encode()
    head = b"POST /api/1/store/ HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + token + b"\r\nContent-Length: 100000\r\n\r\n"
    slow, count = [], {"served": 0, "refused": 0, "ended": 0, "left": 0}
    for i in range(int(sys.argv[4])):
        s = dial(at)
        try:
            s.sendall(b"POST /api/1/store/ HT" if i % 2 else head)
        except OSError:
            pass
        slow.append(s)
    until = time.monotonic() + PATIENCE
    asked = 0
    while (slow or asked < int(sys.argv[5])) and time.monotonic() < until:
        for s in list(slow):
            if over(s):
                slow.remove(s)
                s.close()
                count["ended"] += 1
                continue
            try:
                s.send(b"x")
            except OSError:
                pass
        asked += 1
        count["served" if honest(at, token) else "refused"] += 1
        time.sleep(1)
    count["left"] = len(slow)
    print(json.dumps(count))


main()
