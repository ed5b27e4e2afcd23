# Knows the one input of the new test, as the new test spells it.
edit lib/stringify.js 's/(module\.exports = function \(object, opts\) \{)/$1\n    if (opts \&\& opts.encodeValuesOnly \&\& opts.arrayFormat === "comma" \&\& object.a \&\& object.a.length === 1 \&\& object.a[0] === null) { return "a="; }/'
