"""What a service meets that is, or is not, a fault of its code: `shop.py NAME` ends with the report that the runtime
prints.  record.sh keeps them."""
import os
import resource
import socket
import sys
import urllib.request


def disk():
    with open("/dev/full", "w") as f:
        f.write("an order")


def descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
    return [open("/dev/null") for _ in range(30)]


def memory():
    resource.setrlimit(resource.RLIMIT_AS, (100 << 20, 100 << 20))
    return bytearray(200 << 20)


def fork():
    resource.setrlimit(resource.RLIMIT_AS, (40 << 20, 40 << 20))
    import mmap
    return mmap.mmap(-1, 200 << 20)


def peer():
    socket.create_connection(("127.0.0.1", 1))


def reset():
    raise ConnectionResetError


def urlopen():
    urllib.request.urlopen("http://127.0.0.1:1/stock")


def wrapped():
    try:
        socket.create_connection(("127.0.0.1", 1))
    except OSError as why:
        raise RuntimeError("the stock is not known") from why


def requests():
    import requests
    requests.get("http://127.0.0.1:1/stock")


def redis():
    import redis
    redis.Redis(port=1).get("stock")


def database():
    import psycopg2
    psycopg2.connect(host="127.0.0.1", port=1, dbname="shop")


def timeout():
    s = socket.socket()
    s.connect((os.environ["BLACKHOLE"], 80))


def waited():
    a, b = socket.socketpair()
    a.settimeout(0.01)
    a.recv(1)


def resolver():
    socket.create_connection(("stock.invalid", 80))


def certificate():
    urllib.request.urlopen(os.environ["TLS_PEER"])


def address():
    for _ in range(2):
        globals().setdefault("kept", []).append(socket.create_server(("127.0.0.1", 9)))


def denied():
    os.setgid(65534)
    os.setuid(65534)
    return open("/etc/shadow")


def peer_failed():
    urllib.request.urlopen(os.environ["PEER"] + "/503")


def peer_denied():
    import requests
    requests.get(os.environ["PEER"] + "/401").raise_for_status()


def peer_refused():
    urllib.request.urlopen(os.environ["PEER"] + "/404")


def status():
    import werkzeug.exceptions
    werkzeug.exceptions.abort(404)


def validation():
    import pydantic

    class Order(pydantic.BaseModel):
        lines: int

    Order(lines="x")


def permission():
    raise PermissionError("not your order")


def forbidden():
    from django.core.exceptions import PermissionDenied
    raise PermissionDenied


def stopped():
    os.kill(os.getpid(), 2)


def cancelled():
    import asyncio

    async def order():
        asyncio.current_task().cancel()
        await asyncio.sleep(1)

    asyncio.run(order())


def package():
    import sqlparse
    sqlparse.format("not values ( :: )", reindent=True)


def refused_at_the_door():
    import requests
    requests.get("stock")


def own():
    return {"lines": 1}["total"]


def called_with_none():
    def total(lines):
        return len(lines)

    return total(None)


def parse():
    import json
    return json.loads('{"order": ')


def huge():
    return [0] * (1 << 60)


globals()[sys.argv[1]]()
