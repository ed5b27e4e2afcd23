# SPDX-License-Identifier: Apache-2.0
"""What a page is made of, by parsing it: structure.py FILE PART...  Prints what is wrong, a line each; nothing where all is right."""
import base64
import hashlib
import html.parser
import re
import sys

VOID = {"meta", "br", "hr", "img", "input", "link"}
wrong = []


def want(fine, text):
    if not fine:
        wrong.append(text)


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.links, self.named = [], [], [], set()
        self.count, self.text, self.policy = {}, {"style": "", "script": ""}, ""
        self.sections, self.headings, self.plain, self.tables, self.head = [], [], [], [], None

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag != "title" or "svg" not in self.open:
            self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            want(not name.startswith("on"), f"<{tag} {name}>: a handler")
            want(name != "style", f"<{tag} style>: the page's own policy would not apply it")
            want(name not in ("src", "srcset", "action", "data", "poster", "background", "xlink:href"), f"<{tag} {name}>: loads something")
            want(not re.match(r"(?i)\s*(https?|javascript|data|file|ftp):", value or "") or name == "datetime", f"<{tag} {name}={value}>")
        want(tag not in ("img", "iframe", "object", "embed", "link", "base", "form", "input", "use", "image"), f"<{tag}>")
        if "id" in a:
            want(a["id"] not in self.ids, f"id {a['id']} stands there twice")
            self.ids.append(a["id"])
        if tag == "a":
            want((a.get("href") or "").startswith("#"), f"a link to {a.get('href')}")
            self.links.append(a.get("href", "")[1:])
        if tag == "section":
            self.sections.append(a.get("id"))
            want(a.get("aria-labelledby"), f"section {a.get('id')} has no label")
        if tag == "svg":
            want(a.get("aria-hidden") == "true" or (a.get("role") == "img" and a.get("aria-label")), "a drawing says nothing to who does not see it")
        if tag == "table":
            self.tables.append({"caption": 0, "scopes": []})
        if tag == "caption":
            self.tables[-1]["caption"] += 1
        if tag == "th":
            self.tables[-1]["scopes"].append(a.get("scope"))
            self.head = ""
        if tag == "meta" and a.get("http-equiv"):
            self.policy = a["content"]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        want(self.open and self.open[-1] == tag, f"</{tag}> ends <{self.open[-1] if self.open else ''}> at {self.getpos()}")
        if self.open:
            self.open.pop()
        if tag == "th":
            want(self.head.strip(), f"a heading of a table says nothing at {self.getpos()}")
            self.head = None

    def handle_data(self, data):
        if self.open and self.open[-1] in self.text:
            self.text[self.open[-1]] += data
        else:
            self.plain.append(data)
        if self.head is not None:
            self.head += data


def digest(text):
    return "'sha256-%s'" % base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


with open(sys.argv[1], encoding="utf-8", newline="") as f:
    text = f.read()
page = Page()
page.feed(text)
page.close()
want(not page.open, f"never closed: {page.open}")
want(text.startswith("<!DOCTYPE html>\n<html lang=\"en\">"), "no document type or language")
for table in page.tables:
    want(table["caption"] == 1 and table["scopes"] and None not in table["scopes"], f"a table without caption or headings: {table}")
for one in ("style", "script", "main", "h1", "title", "nav", "header", "footer"):
    want(page.count.get(one) == 1, f"{page.count.get(one, 0)} <{one}>")
want(page.policy.startswith("default-src 'none'; "), f"the policy is: {page.policy}")
want("unsafe" not in page.policy and "http" not in page.policy, f"the policy is lax: {page.policy}")
for one in ("style", "script"):
    want(f"{one}-src {digest(page.text[one])}" in page.policy, f"the policy does not know the {one}")
want("@import" not in page.text["style"] and "url(" not in page.text["style"], "the style loads something")
for one in ("fetch(", "XMLHttp", "WebSocket", "import(", "innerHTML", "eval(", "document.write"):
    want(one not in page.text["script"], f"the script has {one}")
want("animation" not in page.text["style"] and "transition" not in page.text["style"], "something moves")
want("prefers-color-scheme:dark" in page.text["style"] and "@media print" in page.text["style"], "no dark, or no paper")
for link in page.links:
    want(link in page.ids, f"a link to #{link}, which is not there")
for a, b in zip([1] + page.headings, page.headings):
    want(b <= a + 1, f"a heading of level {b} beneath one of {a}")
want(page.sections == sys.argv[2:], f"the parts are {page.sections}")
for mark in ("\u202e", "\u2066", "\u200b", "\x1b"):
    want(mark not in text, f"U+{ord(mark):04X} is in it as it is")
print("\n".join(wrong), end="\n" if wrong else "")
sys.exit(bool(wrong))
