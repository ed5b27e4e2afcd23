#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""unsigned.py PORT CLIENTS BYTES: clients that send a part of a webhook, with a signature that is none, and hold it. Says
"held" once they have; ends with standard input."""
import socket
import sys


def main():
    port, clients, size = (int(x) for x in sys.argv[1:4])
    held = []
    for _ in range(clients):
        s = socket.create_connection(("127.0.0.1", port), timeout=20)
        s.sendall(b"POST /forge/hub HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nX-Hub-Signature-256: sha256=" +
                  b"0" * 64 + b"\r\nContent-Length: %d\r\n\r\n" % (size + 1) + b" " * size)
        held.append(s)
    print("held", flush=True)
    sys.stdin.read()


main()
