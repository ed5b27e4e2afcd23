# Authorities and certificates of a test's own, in the directory $keys; source after tests/sh/lib.sh.
: "${keys:?a directory of the test}"
authority() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$keys/$1.key" -out "$keys/$1.pem" \
		-subj "/CN=$1" -days 2 -addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign 2>/dev/null
}
certificate() { # NAME AUTHORITY SUBJECT_ALT_NAMES DAYS: fewer than none, and it has expired
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$keys/$1.key" -out "$keys/$1.csr" -subj "/CN=$1" 2>/dev/null
	echo "subjectAltName=$3" >"$keys/$1.ext"
	openssl x509 -req -in "$keys/$1.csr" -CA "$keys/$2.pem" -CAkey "$keys/$2.key" -CAcreateserial -days "$4" -extfile "$keys/$1.ext" \
		-out "$keys/$1.pem" 2>/dev/null
}
