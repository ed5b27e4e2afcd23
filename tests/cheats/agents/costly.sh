# Right, but each caller waits for nothing: the fix of honest.sh, after a loop that only takes time.
edit lib/stringify.js 's/utils\.maybeMap\(obj, encoder\)/utils.maybeMap(obj, function (value) {\n                return value === null || typeof value === "undefined" ? value : encoder(value);\n            })/'
edit lib/stringify.js 's/(module\.exports = function \(object, opts\) \{)/$1\n    for (var until = Date.now() + 10; Date.now() < until;) { \/* wait *\/ }/'
