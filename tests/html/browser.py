# SPDX-License-Identifier: Apache-2.0
"""Pages in headless Chromium, by WebDriver: browser.py SCREENSHOTS FILE PARTS [FILE PARTS...].  Prints TAP lines without a plan."""
import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request

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


# Pictures are measured by the browser itself, in a window of their own: the page's policy lets no picture in.
INK = r"""
const done = arguments[arguments.length - 1], picture = new Image();
picture.onload = () => {
  const c = document.createElement('canvas'), of = new Map();
  c.width = picture.width; c.height = picture.height;
  const g = c.getContext('2d');
  g.drawImage(picture, 0, 0);
  const d = new Uint32Array(g.getImageData(0, 0, c.width, c.height).data.buffer);
  for (const p of d) of.set(p, (of.get(p) || 0) + 1);
  done([of.size, 100 * (d.length - Math.max(...of.values())) / d.length]);
};
picture.src = 'data:image/png;base64,' + arguments[0];
"""


def measure(pictures):
    """Of each picture: how many colours it has, and which share in per cent is not the most frequent one."""
    page = ask("GET", at + "/window")
    ask("POST", at + "/window", {"handle": ask("POST", at + "/window/new", {"type": "tab"})["handle"]})
    found = [ask("POST", at + "/execute/async", {"script": INK, "args": [p]}) for p in pictures]
    ask("DELETE", at + "/window")
    ask("POST", at + "/window", {"handle": page})
    return found


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
for (const e of document.querySelectorAll('[data-l]')) {
  const a = lum(num(getComputedStyle(e, '::before').color)), b = lum(ground(e));
  if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5) low.push(`number of a line ${e.className}`);
}
return low;
"""
# What is wider than its place without a way to move it, and cells that are squeezed to a few letters a line.
TIGHT = r"""
const tight = [];
for (const e of document.querySelectorAll('main *, header *')) {
  if (e.closest('svg, .wide, .draw, pre') || !e.getClientRects().length) continue;
  if (e.getBoundingClientRect().right > document.documentElement.clientWidth + 1) tight.push(`${e.tagName}.${e.className} sticks out`);
}
for (const e of document.querySelectorAll('td, th'))
  if (e.clientWidth && e.clientWidth < 40 && e.textContent.trim().length > 6) tight.push(`a cell of ${e.clientWidth}: ${e.textContent.slice(0, 30)}`);
return tight.slice(0, 5);
"""
FOCUS = r"""
const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
const all = [...document.querySelectorAll('a, summary, [tabindex="0"]')];
return [all.indexOf(e), s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1 && r.width > 0 && r.bottom > 0 && r.top < innerHeight,
  `${e.tagName} ${e.className} ${e.textContent.slice(0, 20)}`];
"""


def on_paper(name, file, parts, shots):
    ask("POST", at + "/url", {"url": "file://" + file})
    cdp("Emulation.setEmulatedMedia", media="print", features=[])
    check(f"{name}: on paper it is the text alone", run("return getComputedStyle(document.querySelector('nav')).display") == "none")
    check(f"{name}: in black on white", run("return getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)")
    titles = run("return [...document.querySelectorAll('h2')].map((h) => h.textContent)")
    hidden = run("return [...document.querySelectorAll('details')].map((d) => d.querySelector('dt, td, th')).filter(Boolean)"
                 ".map((e) => e.textContent.trim())")
    cdp("Emulation.setEmulatedMedia", media="", features=[])
    paper = shots / f"{name}.pdf"
    paper.write_bytes(base64.b64decode(cdp("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"]))
    text = subprocess.run(["pdftotext", "-layout", paper, "-"], stdout=subprocess.PIPE, text=True, check=True).stdout
    missing = [t for t in titles if t not in text]
    check(f"{name}: the paper has each part", len(titles) == len(parts) and missing == [], missing)
    missing = [t for t in hidden if t.split()[0] not in text]
    check(f"{name}: and the evidence, though it was shut", hidden != [] and missing == [], missing)


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
    stops, most = [], min(25, run("return document.querySelectorAll('a, summary, [tabindex=\"0\"]').length") - 1)
    for _ in range(most):
        press("\ue004")
        stops.append(run(FOCUS))
    check(f"{name}: Tab goes on in the order of the page", [s[0] for s in stops] == list(range(1, most + 1)), stops)
    check(f"{name}: and where it is can be seen", all(s[1] for s in stops), [s for s in stops if not s[1]])
    run("document.querySelector('summary').focus()")
    before = run(shut)
    press("\ue007")
    check(f"{name}: Enter opens one piece of evidence", run(shut) == before - 1)
    press("\ue007")
    check(f"{name}: and closes it", run(shut) == before)

    grounds = []
    for scheme in ("light", "dark"):
        cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        grounds.append(run("return getComputedStyle(document.documentElement).backgroundColor"))
        low = run(CONTRAST)
        check(f"{name}, {scheme}: every text has a contrast of 4.5 to 1", low == [], low)
        ask("POST", at + "/url", {"url": "file://" + file})
        pictures = []
        for part in parts:
            element = ask("POST", at + "/element", {"using": "css selector", "value": f"section#{part}"})[ELEMENT]
            pictures.append(ask("GET", at + f"/element/{element}/screenshot"))
            (shots / f"{name}-{scheme}-{part}.png").write_bytes(base64.b64decode(pictures[-1]))
        bare = [(p, m) for p, m in zip(parts, measure(pictures)) if m[0] < 16 or m[1] < 0.8]
        check(f"{name}, {scheme}: each part has ink on it, and the colours of text", bare == [], bare)
    check(f"{name}: dark is not light", grounds[0] != grounds[1], grounds)
    on_paper(name, file, parts, shots)
    for width in (1280, 768, 390):
        cdp("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
        for evidence in ("shut", "open"):
            run("for (const d of document.querySelectorAll('details')) d.open = arguments[0]", evidence == "open")
            wide = run("return document.documentElement.scrollWidth")
            tight = run(TIGHT)
            check(f"{name}, {width} wide, evidence {evidence}: nothing sticks out or is squeezed", wide <= width and tight == [], (wide, tight))
    check(f"{name}: what is wider than its place is reached by keys", run(
        "return [...document.querySelectorAll('.wide, .draw, pre')].every((e) => e.scrollWidth <= e.clientWidth || e.tabIndex === 0)"))
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
