# SPDX-License-Identifier: Apache-2.0
"""Makes the archives that tests/cli/image.sh imports: benign ones, and hostile ones of each kind.

Usage: image-archives.py DIR
"""
import gzip
import hashlib
import io
import json
import os
import platform
import sys
import tarfile

ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def entry(name, data=None, kind=tarfile.REGTYPE, link="", uid=0, gid=0, mode=0o644, **more):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.uid, info.gid, info.mode = kind, link, uid, gid, mode
    info.size = len(data or b"")
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def tar(path, *entries, mode="w", fmt=tarfile.PAX_FORMAT):
    with tarfile.open(path, mode, format=fmt) as out:
        for info, data in entries:
            out.addfile(info, io.BytesIO(data) if data is not None else None)


def tar_bytes(*entries, mode="w"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data) if data is not None else None)
    return out.getvalue()


DIR, SYM, HARD = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


def hostile(base):
    ok = entry("etc/ok", b"ok")
    rows = {
        "dotdot": [entry("../escape", b"x")],
        "dotdot-inside": [entry("a/../../escape", b"x")],
        "absolute": [entry("/escape", b"x")],
        "through-link": [entry("out", kind=SYM, link="/tmp"), entry("out/sickbay-escape", b"x")],
        "through-dotdot-link": [entry("up", kind=SYM, link=".."), entry("up/escape", b"x")],
        "hardlink-outside": [entry("h", kind=HARD, link="../../../../etc/passwd")],
        "hardlink-absolute": [entry("h", kind=HARD, link="/etc/passwd")],
        "hardlink-through-link": [entry("e", kind=SYM, link="/etc"), entry("h", kind=HARD, link="e/passwd")],
        "char": [entry("dev/null", kind=tarfile.CHRTYPE, devmajor=1, devminor=3)],
        "block": [entry("dev/sda", kind=tarfile.BLKTYPE, devmajor=8, devminor=0)],
        "fifo": [entry("pipe", kind=tarfile.FIFOTYPE)],
        "uid": [entry("f", b"x", uid=65536)],
        "gid": [entry("f", b"x", gid=4000000000)],
        "negative-uid": [entry("f", b"x", uid=-1)],
        "file-over-dir": [entry("d/f", b"x"), entry("d", b"x")],
        "long-name": [entry("n" * 300, b"x")],
        "deep": [entry("d/" * 300 + "f", b"x")],
        "whiteout-dotdot": [entry("a/.wh...", b"")],
        "whiteout-odd": [entry("a/.wh..wh.plnk", b"")],
    }
    for name, entries in rows.items():
        fmt = tarfile.GNU_FORMAT if name == "negative-uid" else tarfile.PAX_FORMAT
        tar(f"{base}/{name}.tar", ok, *entries, fmt=fmt)
    whole = tar_bytes(ok, entry("big", b"x" * 100000), mode="w:gz")
    open(f"{base}/truncated.tar.gz", "wb").write(whole[: len(whole) // 2])
    plain = tar_bytes(ok, entry("big", b"x" * 100000))
    open(f"{base}/truncated.tar", "wb").write(plain[:20000])
    open(f"{base}/garbage.tar", "wb").write(b"\0\1\2garbage" * 1000)
    open(f"{base}/empty.tar", "wb").write(b"")
    tar(f"{base}/not-utf8.tar", ok, entry("caf\udce9", b"x"), fmt=tarfile.GNU_FORMAT)


LOWER = [
    entry("etc", kind=DIR, mode=0o755),
    entry("etc/motd", b"hello\n"),
    entry("etc/keep", b"keep\n", uid=1000, gid=1000, mode=0o4755),
    entry("var/cache/old", b"old\n"),
    entry("bin", kind=SYM, link="usr/bin"),
    entry("usr/bin/again", b"tool\n", mode=0o755),
    entry("usr/bin/tool", kind=HARD, link="usr/bin/again"),
    entry("usr/share/h\u00e9llo w\u00f6rld\\x", b"name\n"),
]
UPPER = [
    entry("etc/.wh.motd", b""),
    entry("var/cache/.wh..wh..opq", b""),
    entry("var/cache/new", b"new\n"),
]


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Layout:
    """An OCI layout in a directory, with pieces that a test can damage."""

    def __init__(self, path, arch=ARCH):
        self.path, self.arch, self.media = path, arch, "application/vnd.oci.image"
        os.makedirs(f"{path}/blobs/sha256")
        self.layers = [(plain, gzip.compress(plain)) for plain in (tar_bytes(*LOWER), tar_bytes(*UPPER))]
        self.config = {
            "architecture": arch, "os": "linux",
            "config": {"Env": ["PATH=/usr/bin", "MODE=production"], "User": "1000:1000", "WorkingDir": "/srv",
                       "Entrypoint": ["/usr/bin/tool"], "Cmd": ["--serve"]},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest(p) for p, _ in self.layers]},
        }

    def blob(self, data, **more):
        name = digest(data)
        with open(f"{self.path}/blobs/sha256/{name}", "wb") as out:
            out.write(data)
        return {"digest": "sha256:" + name, "size": len(data), **more}

    def write(self, platforms=()):
        manifest = {
            "schemaVersion": 2, "mediaType": f"{self.media}.manifest.v1+json",
            "config": self.blob(json.dumps(self.config).encode(), mediaType=f"{self.media}.config.v1+json"),
            "layers": [self.blob(z, mediaType=f"{self.media}.layer.v1.tar+gzip") for _, z in self.layers],
        }
        one = self.blob(json.dumps(manifest).encode(), mediaType=f"{self.media}.manifest.v1+json")
        many = [dict(one, platform={"architecture": a, "os": "linux"}) for a in platforms] or [one]
        json.dump({"schemaVersion": 2, "manifests": many}, open(f"{self.path}/index.json", "w"))
        json.dump({"imageLayoutVersion": "1.0.0"}, open(f"{self.path}/oci-layout", "w"))
        return manifest


def pack(directory, path):
    with tarfile.open(path, "w") as out:
        for name in sorted(os.listdir(directory)):
            out.add(f"{directory}/{name}", arcname=name)


def layouts(base):
    Layout(f"{base}/oci").write()
    pack(f"{base}/oci", f"{base}/oci.tar")
    Layout(f"{base}/oci-two").write(platforms=("s390x", ARCH))
    Layout(f"{base}/oci-none").write(platforms=("s390x", "mips"))
    Layout(f"{base}/oci-arch", arch="s390x").write()

    bad = Layout(f"{base}/oci-blob")
    layer = bad.write()["layers"][0]["digest"][7:]
    blob = f"{base}/oci-blob/blobs/sha256/{layer}"
    data = bytearray(open(blob, "rb").read())
    data[-1] ^= 1
    open(blob, "wb").write(data)

    bad = Layout(f"{base}/oci-diff")
    bad.config["rootfs"]["diff_ids"][0] = "sha256:" + "0" * 64
    bad.write()

    Layout(f"{base}/oci-link").write()
    index = json.load(open(f"{base}/oci-link/index.json"))
    index["manifests"][0]["digest"] = "sha256:../../../../etc/passwd"
    json.dump(index, open(f"{base}/oci-link/index.json", "w"))

    Layout(f"{base}/oci-json").write()
    open(f"{base}/oci-json/index.json", "w").write('{\n "manifests": [],\n "manifests": []}')

    save = f"{base}/docker"
    layout = Layout(f"{base}/docker-parts")
    config = json.dumps(layout.config).encode()
    os.makedirs(save)
    open(f"{save}/{digest(config)}.json", "wb").write(config)
    names = []
    for plain, _ in layout.layers:
        os.makedirs(f"{save}/{digest(plain)}")
        open(f"{save}/{digest(plain)}/layer.tar", "wb").write(plain)
        names.append(f"{digest(plain)}/layer.tar")
    json.dump([{"Config": f"{digest(config)}.json", "RepoTags": ["x:1"], "Layers": names}],
              open(f"{save}/manifest.json", "w"))
    pack(save, f"{base}/docker.tar")

    # other writers: layers as HEX.tar, and a link in the place of a layer that was there before
    links = f"{base}/docker-links"
    os.makedirs(f"{links}/{'0' * 64}")
    open(f"{links}/{digest(config)}.json", "wb").write(config)
    for plain, _ in layout.layers:
        open(f"{links}/{digest(plain)}.tar", "wb").write(plain)
    names = [f"{digest(plain)}.tar" for plain, _ in layout.layers]
    os.symlink(f"../{names[1]}", f"{links}/{'0' * 64}/layer.tar")
    json.dump([{"Config": f"{digest(config)}.json", "Layers": [names[0], f"{'0' * 64}/layer.tar"]}],
              open(f"{links}/manifest.json", "w"))
    pack(links, f"{base}/docker-links.tar")


def labelled(path, tree, labels):
    """An OCI archive with the files below tree and these labels, as a build that runs in production would leave it."""
    layout = Layout(path + ".parts")
    with tarfile.open(path + ".layer", "w") as out:
        out.add(tree, arcname=".")
    plain = open(path + ".layer", "rb").read()
    os.unlink(path + ".layer")
    layout.layers = [(plain, gzip.compress(plain, 1))]
    layout.config["config"] = {"Env": ["PATH=/usr/bin"], "Labels": labels}
    layout.config["rootfs"]["diff_ids"] = ["sha256:" + digest(plain)]
    layout.write()
    pack(path + ".parts", path)


def main():
    base = sys.argv[1]
    if len(sys.argv) > 2:  # OUT TREE LABELS, the last as JSON
        labelled(base, sys.argv[2], json.loads(sys.argv[3]))
        return
    hostile(base)
    layouts(base)
    tar(f"{base}/benign.tar", *LOWER)
    tar(f"{base}/benign.tar.xz", *LOWER, mode="w:xz")


main()
