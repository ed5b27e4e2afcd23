# SPDX-License-Identifier: Apache-2.0
"""Pages in headless Chromium, by WebDriver: browser.py SCREENSHOTS FILE PARTS [FILE PARTS...].  Prints TAP lines without a plan."""
import base64
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import urllib.request
import zlib

profile = tempfile.mkdtemp()


def start():
    """A driver on a port of its own choice, which it may find taken: then another one."""
    said = []
    for _ in range(10):
        process = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in process.stdout:
            said.append(line)
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                return process, int(found[1])
        process.wait()
    sys.exit("chromedriver did not start: " + "".join(said))


driver, port = start()


def ask(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["value"]


flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--window-size=1280,1000",
         f"--user-data-dir={profile}"]
at = None  # of the session
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


def run(script, *args):
    return ask("POST", at + "/execute/sync", {"script": script, "args": list(args)})


def cdp(name, **params):
    return ask("POST", at + "/goog/cdp/execute", {"cmd": name, "params": params})


def press(key):
    ask("POST", at + "/actions", {"actions": [{"type": "key", "id": "keys", "actions": [
        {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]}]})


def log(kind):
    return ask("POST", at + "/se/log", {"type": kind})


def check(name, fine, why=""):
    print(("ok - " if fine else "not ok - ") + name)
    if not fine:
        print("# " + str(why)[:1500])


def rows(png):
    """How many different rows of pixels a picture has: a blank one has one."""
    width, height, depth, kind = struct.unpack(">IIBB", png[16:26])
    data, pos = b"", 8
    while pos < len(png):
        n, name = struct.unpack(">I4s", png[pos:pos + 8])
        data += png[pos + 8:pos + 8 + n] if name == b"IDAT" else b""
        pos += 12 + n
    raw, stride = zlib.decompress(data), width * (4 if kind == 6 else 3) * depth // 8 + 1
    return len({raw[i * stride:(i + 1) * stride] for i in range(height)})


CONTRAST = r"""
const num = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
const lum = (c) => { const f = (v) => (v /= 255, v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * f(c[0]) + 0.7152 * f(c[1]) + 0.0722 * f(c[2]); };
const ground = (e) => { for (; e; e = e.parentElement) { const c = num(getComputedStyle(e).backgroundColor); if (c[3] > 0) return c; }
  return [255, 255, 255, 1]; };
document.querySelectorAll('details').forEach((d) => { d.open = true; });
const low = [];
for (const e of document.querySelectorAll('body *')) {
  if (['SCRIPT', 'STYLE', 'title'].includes(e.tagName) || e.classList.contains('skip')) continue;
  if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.getClientRects().length) continue;
  const s = getComputedStyle(e), svg = e.namespaceURI.includes('svg');
  const a = lum(num(svg ? s.fill : s.color)), b = lum(ground(svg ? e.closest('svg').parentElement : e));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const size = parseFloat(s.fontSize), large = size >= 24 || (size >= 18.66 && s.fontWeight >= 700);
  if (ratio < (large ? 3 : 4.5)) low.push(`${e.tagName}.${e.getAttribute('class')} ${ratio.toFixed(2)} ${e.textContent.slice(0, 30)}`);
}
return low;
"""


def try_page(file, parts, shots):
    name = pathlib.Path(file).stem
    ask("POST", at + "/url", {"url": "about:blank"})
    log("performance")
    ask("POST", at + "/url", {"url": "file://" + file})
    asked = [json.loads(e["message"])["message"] for e in log("performance")]
    urls = {m["params"]["request"]["url"] for m in asked if m["method"] == "Network.requestWillBeSent"}
    check(f"{name}: nothing but the page is asked for", urls == {"file://" + file}, urls)
    seen = run("return [...document.querySelectorAll('main section')].map((s) => [s.id, s.getBoundingClientRect().height,"
               " s.innerText.length])")
    check(f"{name}: each part is there and has something in it",
          [s[0] for s in seen] == parts and all(s[1] > 40 and s[2] > 10 for s in seen), seen)
    check(f"{name}: no text became a program", run("return typeof evil + document.images.length + document.scripts.length") == "undefined01")
    check(f"{name}: it is not wider than the window", run("return document.documentElement.scrollWidth <= innerWidth"))

    press("j")
    press("j")
    press("k")
    press("j")
    check(f"{name}: j and k go from part to part", run("return document.activeElement.id") == parts[1], run("return document.activeElement.id"))
    shut = "return [...document.querySelectorAll('details')].filter((d) => !d.open).length"
    press("o")
    check(f"{name}: o opens all evidence", run(shut) == 0)
    press("o")
    total = run("return document.querySelectorAll('details').length")
    check(f"{name}: and closes it", run(shut) == total)
    ask("POST", at + "/url", {"url": "file://" + file})
    press("\ue004")
    check(f"{name}: the first Tab leads past the contents", run("return document.activeElement.className") == "skip")
    run("document.querySelector('summary').focus()")
    before = run(shut)
    press("\ue007")
    check(f"{name}: Enter opens one piece of evidence", run(shut) != before)

    grounds = []
    for scheme in ("light", "dark"):
        cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        grounds.append(run("return getComputedStyle(document.documentElement).backgroundColor"))
        low = run(CONTRAST)
        check(f"{name}, {scheme}: every text has a contrast of 4.5 to 1", low == [], low)
        ask("POST", at + "/url", {"url": "file://" + file})
        bare = []
        for part in parts:
            element = ask("POST", at + "/element", {"using": "css selector", "value": f"section#{part}"})[ELEMENT]
            png = base64.b64decode(ask("GET", at + f"/element/{element}/screenshot"))
            (shots / f"{name}-{scheme}-{part}.png").write_bytes(png)
            if rows(png) < 12:
                bare.append(part)
        check(f"{name}, {scheme}: each part can be seen", bare == [], bare)
    check(f"{name}: dark is not light", grounds[0] != grounds[1], grounds)
    cdp("Emulation.setEmulatedMedia", media="print", features=[])
    check(f"{name}: on paper it is the text alone", run("return getComputedStyle(document.querySelector('nav')).display") == "none")
    check(f"{name}: in black on white", run("return getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)")
    cdp("Emulation.setEmulatedMedia", media="", features=[])
    cdp("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=False)
    check(f"{name}: it fits a telephone", run("return document.documentElement.scrollWidth <= 390"), run("return document.documentElement.scrollWidth"))
    cdp("Emulation.clearDeviceMetricsOverride")
    said = [e["message"] for e in log("browser")]
    check(f"{name}: the browser has no complaint", said == [], said)


try:
    at = "/session/" + ask("POST", "/session", {"capabilities": {"alwaysMatch": {
        "browserName": "chrome", "goog:chromeOptions": {"args": flags},
        "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"}}}})["sessionId"]
    shots = pathlib.Path(sys.argv[1])
    for i in range(2, len(sys.argv), 2):
        try_page(os.path.realpath(sys.argv[i]), sys.argv[i + 1].split(), shots)
finally:
    if at:
        ask("DELETE", at)
    driver.terminate()
    driver.wait()
    shutil.rmtree(profile, ignore_errors=True)
