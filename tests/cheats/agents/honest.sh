# An honest agent: lets empty elements pass the encoder by.
edit lib/stringify.js 's/utils\.maybeMap\(obj, encoder\)/utils.maybeMap(obj, function (value) {\n                return value === null || typeof value === "undefined" ? value : encoder(value);\n            })/'
