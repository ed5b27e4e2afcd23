# SPDX-License-Identifier: Apache-2.0
"""What the tests of `sickbay image pull` need beside a registry.  Each server prints "listening PORT" once.

rig.py push HOST:PORT REPOSITORY        makes an image with plain HTTP PUTs and prints its digests, NAME DIGEST a line
rig.py between HOST:PORT MODE [LOG]     a server that passes everything on to a registry, and spoils it as MODE says
rig.py tokens CERT KEY LOG [USER:PW]    a token server; with USER:PW only that user gets a token
"""
import base64
import gzip
import hashlib
import http.client
import http.server
import io
import json
import os
import platform
import subprocess
import sys
import tarfile
import time
import urllib.parse

ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


# ---- an image ----

def tar(*rows):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in rows:
            info = tarfile.TarInfo(name)
            info.mode = 0o755 if data is None or name.startswith("bin/") else 0o644
            info.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
            info.size = len(data or b"")
            archive.addfile(info, io.BytesIO(data) if data is not None else None)
    return out.getvalue()


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


class Registry:
    def __init__(self, place, repository):
        self.place, self.repository, self.names = place, repository, []

    def ask(self, method, path, body=None, **headers):
        c = http.client.HTTPConnection(self.place, timeout=30)
        c.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        r = c.getresponse()
        text = r.read()
        if r.status >= 300:
            sys.exit(f"{method} {path}: {r.status} {text[:300]!r}")
        return r

    def blob(self, data):
        at = self.ask("POST", f"/v2/{self.repository}/blobs/uploads/").getheader("Location")
        u = urllib.parse.urlsplit(at)
        query = f"{u.query}&" if u.query else ""
        self.ask("PUT", f"{u.path}?{query}digest={digest(data)}", data, Content_Type="application/octet-stream")
        return {"digest": digest(data), "size": len(data)}

    def manifest(self, reference, kind, value):
        data = json.dumps(value).encode()
        self.ask("PUT", f"/v2/{self.repository}/manifests/{reference or digest(data)}", data, Content_Type=kind)
        self.names.append((reference or "manifest", digest(data)))
        return {"mediaType": kind, "digest": digest(data), "size": len(data)}

    def image(self, tag, layers, arch=ARCH, docker=False):
        """layers: (media type's end, uncompressed, stored)"""
        config = json.dumps({"architecture": arch, "os": "linux", "config": {"Env": ["MOTD=up"], "Cmd": ["/bin/hello"]},
                             "rootfs": {"type": "layers", "diff_ids": [digest(raw) for _, raw, _ in layers]}}).encode()
        family = DOCKER + "distribution.manifest.v2+json" if docker else OCI + "manifest.v1+json"
        rows = [dict(mediaType=(DOCKER + "image.rootfs.diff.tar" + end.replace("+", ".")) if docker
                     else OCI + "layer.v1.tar" + end, **self.blob(stored)) for end, _, stored in layers]
        kind = DOCKER + "container.image.v1+json" if docker else OCI + "config.v1+json"
        return self.manifest(tag, family, {"schemaVersion": 2, "mediaType": family,
                                           "config": dict(mediaType=kind, **self.blob(config)), "layers": rows})


def host_file(path):
    with open(path, "rb") as f:
        return f.read()


def push(place, repository):
    r = Registry(place, repository)
    busy = host_file(os.environ["RIG_STATIC"]) if "RIG_STATIC" in os.environ else b"#!/bin/sh\n"
    below = tar(("etc", None), ("etc/motd", b"hello"), ("etc/gone", b"old"), ("usr", None), ("usr/doc", None),
                ("usr/doc/old", b"old"), ("bin", None), ("bin/hello", busy), ("tmp", None), ("proc", None), ("dev", None),
                ("sys", None))
    above = tar(("etc/.wh.gone", b""), ("usr/doc/.wh..wh..opq", b""), ("usr/doc/new", b"new"))
    # what does not compress: a layer large enough to be cut off in the middle
    large = tar(("var", None), ("var/noise", b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(40000))))
    layers = [("+gzip", below, gzip.compress(below, mtime=0)), ("+zstd", above, zstd(above)), ("", large, large)]
    ours = r.image("one", layers)
    r.image("docker", [("+gzip", below, gzip.compress(below, mtime=0))], docker=True)
    other = r.image("other", [("+gzip", above, gzip.compress(above, mtime=0))], arch="s390x")
    index = [dict(ours, platform={"architecture": ARCH, "os": "linux"}),
             dict(other, platform={"architecture": "s390x", "os": "linux"})]
    r.manifest("index", OCI + "index.v1+json", {"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": index})
    r.manifest("list", DOCKER + "distribution.manifest.list.v2+json", {
        "schemaVersion": 2, "mediaType": DOCKER + "distribution.manifest.list.v2+json", "manifests": index})
    r.manifest("foreign", OCI + "index.v1+json", {
        "schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [index[1], dict(index[1])]})
    for name, value in r.names:
        print(name, value)
    print("layer", digest(large))


# ---- what stands between ----

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


def serve(handler):
    server = Server(("127.0.0.1", 0), handler)
    print("listening", server.server_address[1], flush=True)
    server.serve_forever()


def between(place, mode, log=os.devnull):
    state = {"asked": 0}

    class Between(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def fetch(self):
            c = http.client.HTTPConnection(place, timeout=30)
            headers = {k: v for k, v in self.headers.items() if k.lower() in ("accept", "range", "authorization")}
            c.request("GET", self.path, headers=headers)
            r = c.getresponse()
            return r.status, {k: v for k, v in r.getheaders() if k.lower() not in ("connection", "date")}, r.read()

        def answer(self, status, headers, body, cut=None):
            self.send_response(status)
            for k, v in headers.items():
                if k.lower() not in ("content-length", "transfer-encoding"):
                    self.send_header(k, v)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:cut])
            self.wfile.flush()
            if cut is not None:
                self.close_connection = True
                self.connection.shutdown(2)

        def do_GET(self):
            with open(log, "a") as f:
                f.write(f"{self.path} range={self.headers.get('Range')} auth={self.headers.get('Authorization')}\n")
            state["asked"] += 1
            status, headers, body = self.fetch()
            large = "/blobs/" in self.path and len(body) > 500000
            getattr(self, "as_" + mode.replace("-", "_"))(status, headers, body, large)

        def as_cut(self, status, headers, body, large):  # each answer ends after a part
            self.answer(status, headers, body, 300000 if large else None)

        def as_cut_always(self, status, headers, body, large):  # the first part, then nothing more, ever
            if large and (status == 206 or state.get("cut")):
                return self.connection.shutdown(2)
            state["cut"] = state.get("cut") or large
            return self.answer(status, headers, body, 300000 if large else None)

        def as_slow(self, status, headers, body, large):  # a part, and then nothing for a while, once
            if not large or state.get("cut"):
                return self.answer(status, headers, body)
            state["cut"] = True
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:300000])
            self.wfile.flush()
            time.sleep(20)
            return None

        def as_no_range(self, status, headers, body, large):  # cut off once; a server that ignores Range
            if large and not state.get("cut"):
                state["cut"] = True
                return self.answer(status, headers, body, 300000)
            if status == 206:
                del self.headers["Range"]
                status, headers, body = self.fetch()
            return self.answer(status, headers, body)

        def as_wrong_range(self, status, headers, body, large):  # 206 for other bytes than those asked for
            if large and not state.get("cut"):
                state["cut"] = True
                return self.answer(status, headers, body, 300000)
            if status == 206:
                headers["Content-Range"] = "bytes 0-99/" + headers["Content-Range"].split("/")[1]
            return self.answer(status, headers, body)

        def as_tamper(self, status, headers, body, large):
            self.answer(status, headers, body[:-1] + bytes([body[-1] ^ 1]) if large else body)

        def as_tamper_manifest(self, status, headers, body, large):
            self.answer(status, headers, body.replace(b'"schemaVersion": 2', b'"schemaVersion":  2') if "/manifests/" in self.path else body)

        def as_longer(self, status, headers, body, large):
            self.answer(status, headers, body + b"more" if large else body)

        def as_huge(self, status, headers, body, large):  # a layer that says it has 10 GB
            if "/manifests/" in self.path and b'"layers"' in body:
                m = json.loads(body)
                m["layers"][0]["size"] = 10_000_000_000
                body = json.dumps(m).encode()
                headers["Docker-Content-Digest"] = digest(body)
            self.answer(status, headers, body)

        def as_endless(self, status, headers, body, large):  # a manifest without end
            if "/manifests/" in self.path:
                body = b"{" + b" " * (5 << 20) + b"}"
            self.answer(status, headers, body)

        def as_busy(self, status, headers, body, large):  # 429 twice, then as usual
            if state["asked"] <= 2:
                return self.answer(429, {"Retry-After": "0"}, b"{}")
            return self.answer(status, headers, body)

        def as_closed(self, status, headers, body, large):
            self.answer(429, {"Retry-After": "3600"}, b"{}")

        def as_redirect(self, status, headers, body, large):  # blobs are elsewhere
            if "/blobs/" in self.path and "elsewhere" not in self.path:
                to = os.environ["RIG_TO"] + self.path.replace("/v2/", "/elsewhere/")
                return self.answer(307, {"Location": to}, b"")
            return self.answer(status, headers, body)

        def as_elsewhere(self, status, headers, body, large):
            self.path = self.path.replace("/elsewhere/", "/v2/")
            status, headers, body = self.fetch()
            self.answer(status, headers, body)

        def as_basic(self, status, headers, body, large):
            want = "Basic " + base64.b64encode(b"robot:secret-of-the-robot").decode()
            if self.headers.get("Authorization") != want:
                return self.answer(401, {"WWW-Authenticate": 'Basic realm="here, \\"and\\" there"'}, b"{}")
            return self.answer(status, headers, body)

        def as_realm(self, status, headers, body, large):  # sends us with the credential to a plain place elsewhere
            self.answer(401, {"WWW-Authenticate": 'Bearer realm="http://192.0.2.1/token",service="x"'}, b"{}")

        def as_garbage(self, status, headers, body, large):
            self.answer(401, {"WWW-Authenticate": 'Bearer realm="unfinished'}, b"{}")

    serve(Between)


# ---- tokens ----

def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(cert, key, claims):
    with open(cert) as f:
        der = "".join(line for line in f.read().splitlines() if "CERTIFICATE" not in line)
    head = b64(json.dumps({"alg": "RS256", "typ": "JWT", "x5c": [der]}).encode())
    body = b64(json.dumps(claims).encode())
    signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=f"{head}.{body}".encode(),
                            stdout=subprocess.PIPE, check=True).stdout
    return f"{head}.{body}.{b64(signed)}"


def tokens(cert, key, log, user=None):
    class Tokens(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            q = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            auth = self.headers.get("Authorization") or ""
            who = base64.b64decode(auth[6:]).decode() if auth.startswith("Basic ") else ""
            with open(log, "a") as f:
                f.write(f"{self.path} user={who.split(':')[0]}\n")
            if user and who != user:
                self.send_response(401)
                self.end_headers()
                return
            kind, name, actions = q["scope"][0].split(":")
            now = int(time.time())
            claims = {"iss": "tests", "sub": "", "aud": q["service"][0], "exp": now + 60, "nbf": now - 60, "iat": now,
                      "jti": "1", "access": [{"type": kind, "name": name, "actions": actions.split(",")}]}
            body = json.dumps({"token": jwt(cert, key, claims)}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    serve(Tokens)


{"push": push, "between": between, "tokens": tokens}[sys.argv[1]](*sys.argv[2:])
