#!/bin/sh
# SPDX-License-Identifier: ISC
# Certificates for the unit tests of TLS, made with openssl(1) in the current
# folder. A test runs this script with the commands it needs as arguments:
#
#     sh tls_pki.sh 'standard && crl root 1 30 device'
#
# ca NAME SUBJECT [EXTENSION...]     a self-signed CA: NAME.crt, NAME.key
# sub NAME ISSUER SUBJECT EXT...     a certificate issued by ISSUER
# dated NAME ISSUER FROM TO          one with dates in the words of date(1)
# crl ISSUER NUMBER DAYS [NAME...]   ISSUER.crl, which revokes NAME.crt...
#                                    ($x: one more extension, $y: its section)
# ocsp NAME ISSUER                   NAME.ocsp, which calls NAME.crt good
#
# Keys are P-256 or what $key says. Certificates last $days days.
key=${key:-ec -pkeyopt ec_paramgen_curve:P-256}
client='extendedKeyUsage=clientAuth'
server='extendedKeyUsage=serverAuth'

extensions() {
	for e; do printf '%s\0%s\0' -addext "$e"; done
}

# make NAME SUBJECT [EXTENSION...]: self-signed, or by $by.
make() {
	n=$1 s=$2
	shift 2
	extensions "$@" | xargs -0 openssl req -x509 -newkey $key -nodes \
		-keyout $n.key -out $n.crt -subj "$s" -utf8 \
		-days ${days:-3650} -config empty.cnf $by \
		${serial:+-set_serial $serial}
}

ca() {
	by= make "$@" basicConstraints=critical,CA:TRUE
}

sub() {
	n=$1 i=$2
	shift 2
	by="-CA $i.crt -CAkey $i.key" make $n "$@"
}

# A folder `db' with what openssl-ca(1) needs; more lines of ca.cnf on stdin.
database() {
	rm -rf db
	mkdir db
	: >db/index.txt
	{
		printf '[ca]\ndefault_ca=d\n[d]\ndatabase=db/index.txt\n'
		printf 'default_md=sha256\n'
		cat
	} >db/ca.cnf
}

date_of() {
	date -u -d "$1" +%Y%m%d%H%M%SZ
}

dated() {
	printf '%s\n' new_certs_dir=db rand_serial=yes policy=p '[p]' \
		commonName=supplied | database
	openssl req -new -newkey $key -nodes -keyout $1.key -subj /CN=$1 \
		-out $1.csr -config empty.cnf &&
	openssl ca -batch -notext -config db/ca.cnf -cert $2.crt \
		-keyfile $2.key -startdate $(date_of "$3") \
		-enddate $(date_of "$4") -in $1.csr -out $1.crt
}

crl() {
	i=$1 number=$2 d=$3
	shift 3
	printf 'crlnumber=db/number\ncrl_extensions=x\n[x]\nauthorityKeyIdentifier=keyid\n%b\n%b\n' \
		"${x:-}" "${y:-}" | database
	printf %04x $number >db/number
	for c; do
		openssl ca -config db/ca.cnf -keyfile $i.key -cert $i.crt \
			-revoke $c.crt || return 1
	done
	openssl ca -config db/ca.cnf -keyfile $i.key -cert $i.crt -gencrl \
		${when:--crldays $d} -out $i.crl
}

ocsp() {
	mkdir -p db
	printf 'V\t350101000000Z\t\t%s\tunknown\t/CN=x\n' \
		$(openssl x509 -in $1.crt -noout -serial | sed 's/.*=//') \
		>db/ocsp
	openssl ocsp -index db/ocsp -CA $2.crt -rsigner $2.crt -rkey $2.key \
		-issuer $2.crt -cert $1.crt -ndays ${days:-1} -respout $1.ocsp
}

# What every test of TLS has.
standard() {
	printf '[req]\ndistinguished_name=dn\n[dn]\n' >empty.cnf &&
	ca root '/O=Test/CN=Root' &&
	ca other '/CN=Other' &&
	sub issuing root /CN=Issuing basicConstraints=critical,CA:TRUE &&
	sub device root '/O=Test/CN=device-001' "$client" \
		'subjectAltName=DNS:device-001.example,URI:urn:dev:1,email:d@example.org,IP:192.0.2.1,IP:2001:db8::1' &&
	sub deep issuing /CN=deep "$client" &&
	cat deep.crt issuing.crt >deep-chain.crt &&
	sub stranger other /CN=stranger "$client" &&
	sub wrong root /CN=wrong "$server" &&
	dated late root '2 days ago' '1 day ago' &&
	dated early root tomorrow '9 days' &&
	sub server root /CN=localhost "$server" \
		subjectAltName=DNS:localhost &&
	sub shop root /CN=shop "$server" subjectAltName=DNS:*.shop.example &&
	key=rsa:2048 &&
	sub rsa-server root /CN=localhost "$server" \
		subjectAltName=DNS:localhost &&
	sub rsa-device root /CN=rsa-device "$client"
}

# Client certificates that must be refused (tls_handshake).
refused_clients() {
	# The last byte of the signature is changed.
	openssl x509 -in device.crt -outform DER -out forged.der &&
	{
		head -c -1 forged.der
		tail -c 1 forged.der | tr '\000-\377' '\001-\377\000'
	} >forged2.der &&
	openssl x509 -inform DER -in forged2.der -out forged.crt &&
	# Issued by a certificate that is not a CA and is sent along.
	sub by-device device /CN=by-device "$client" &&
	cat device.crt >>by-device.crt &&
	# An intermediate under one whose pathlen allows none.
	sub low root /CN=Low basicConstraints=critical,CA:TRUE,pathlen:0 &&
	sub lower low /CN=Lower basicConstraints=critical,CA:TRUE &&
	sub too-deep lower /CN=x "$client" &&
	cat lower.crt low.crt >>too-deep.crt
}

# A device that signed itself and another: "pin" says that it is not a CA,
# "mute" says nothing about it.
self_signed_devices() {
	by= make pin /CN=pin basicConstraints=CA:FALSE "$client" &&
	sub pinned pin /CN=thief "$client" &&
	by= make mute /CN=mute "$client" &&
	sub muted mute /CN=thief "$client"
}

# The CA "roll", and "old": its expired certificate with the same key.
renewed_ca() {
	ca roll /CN=Roll && sub rolled roll /CN=rolled "$client" &&
	printf '%s\n' new_certs_dir=db rand_serial=yes policy=p \
		x509_extensions=x '[p]' commonName=supplied '[x]' \
		basicConstraints=critical,CA:TRUE | database &&
	openssl req -new -key roll.key -subj /CN=Roll -utf8 -out old.csr \
		-config empty.cnf &&
	openssl ca -batch -notext -config db/ca.cnf -selfsign \
		-keyfile roll.key -startdate 20200101000000Z \
		-enddate 20210101000000Z -in old.csr -out old.crt
}

# Files that a profile must complain about, and several server certificates
# with OCSP responses (tls_ctx).
profile_files() {
	head -c 400 server.crt >cut.crt &&
	openssl pkey -in server.key -aes128 -passout pass:x -out locked.key &&
	openssl ec -in server.key -aes128 -passout pass:x \
		-out locked-old.key &&
	sub old root /CN=old.example "$server" &&
	key=rsa:2048 &&
	sub rsa-server root /CN=rsa "$server" \
		'subjectAltName=DNS:localhost,DNS:*.shop.example' &&
	ocsp server root && ocsp shop root && ocsp old root &&
	ocsp rsa-server root && ocsp late root &&
	LC_ALL=C sed -i -E 's/20..([01][0-9]{9}Z)/2020\1/g' late.ocsp &&
	printf '0\003\n\001\001' >sorry.ocsp &&
	head -c 100 shop.ocsp >cut.ocsp &&
	# Keys that cannot serve, and keys in other forms.
	openssl genpkey -algorithm X25519 -out s-x25519.key &&
	openssl genpkey -algorithm ED448 -out s-ed448.key &&
	openssl ecparam -name secp256k1 -genkey -noout -out s-k1.key &&
	openssl pkey -in server.key -outform DER -out server.der.key &&
	openssl ec -in server.key -out server.old.key &&
	{ printf '\357\273\277'; cat server.key; } >server.bom.key &&
	{ echo '-----BEGIN OPENSSH PRIVATE KEY-----'; echo MAMC;
	  echo '-----END OPENSSH PRIVATE KEY-----'; } >server.ssh.key &&
	sed 's/^/ /' server.key >server.indented.key &&
	sed '2s/./?/' server.key >server.damaged.key &&
	# Chains: in order, not in order, with a gap, with an expired CA.
	sub mid root /CN=Mid basicConstraints=critical,CA:TRUE &&
	sub end mid /CN=localhost "$server" &&
	cat end.crt mid.crt root.crt >end-good.crt &&
	cat mid.crt end.crt >end-turned.crt &&
	cat end.crt root.crt mid.crt >end-mixed.crt &&
	cat end.crt other.crt >end-gap.crt &&
	dated late-ca root '2 days ago' '1 day ago' &&
	cat server.crt late-ca.crt >late-chain.crt &&
	chmod 600 *.key
}

# Server certificates with all kinds of keys: s-p256.crt ... (tls_hello), and
# with keys that cannot serve: s-p224.crt, s-x25519.key ... (tls_ctx).
servers_of_all_kinds() {
	for curve in p224 p256 p384 p521; do
		key="ec -pkeyopt ec_paramgen_curve:P-${curve#p}" \
			sub s-$curve root /CN=$curve "$server" || return 1
	done
	key=ed25519 sub s-ed root /CN=ed "$server" &&
	key=rsa:2048 sub s-rsa root /CN=rsa "$server"
}

# Client certificates with all kinds of keys, and with key usages (tls_ctx).
clients_of_all_kinds() {
	for curve in P-224 P-384 P-521 secp256k1 brainpoolP256r1; do
		key="ec -pkeyopt ec_paramgen_curve:$curve" \
			sub c-$curve root /CN=$curve "$client" || return 1
	done
	key=ed25519 sub c-ed25519 root /CN=ed25519 "$client" &&
	key=ed448 sub c-ed448 root /CN=ed448 "$client" &&
	key='rsa-pss -pkeyopt rsa_keygen_bits:2048' \
		sub c-rsa-pss root /CN=rsa-pss "$client" &&
	sub c-sign root /CN=sign "$client" \
		keyUsage=critical,digitalSignature &&
	sub c-agree root /CN=agree "$client" keyUsage=critical,keyAgreement &&
	sub c-agree-only root /CN=agree keyUsage=keyAgreement
}

# CAs whose names have over 64 KB together, and over 16 KB (tls_ctx).
many_cas() {
	long=$(printf '%060d' 0)
	subject=/CN=Many
	for i in $(seq 10 65); do
		subject="$subject/OU=$i$long"
	done
	for i in $(seq 18); do
		openssl req -x509 -new -key root.key -subj "$subject/OU=$i" \
			-days 30 -config empty.cnf \
			-addext basicConstraints=critical,CA:TRUE || return 1
	done >many.crt &&
	awk '/BEGIN/ { n++ } n <= 5' many.crt >some.crt
}

# Certificates with unusual names, and what openssl says about the device
# (tls_facts).
odd_certificates() {
	sub odd root '/O=a+CN=b/C=DE' "$client" &&
	sub empty root / "$client" &&
	openssl x509 -in device.crt -noout -serial | sed 's/.*=//' >serial &&
	openssl x509 -in device.crt -outform DER >device.der &&
	sha256sum <device.der >sha256 && md5sum <device.der >md5 &&
	openssl x509 -in device.crt -noout -pubkey |
		openssl pkey -pubin -outform DER | sha256sum >spki
}

# der NAME.crl: the same as NAME.crl.der.
der() {
	openssl crl -in $1 -outform DER -out $1.der
}

# Lists of all kinds (tls_crl).
many_crls() {
	# Two CAs with one name, each with lists of its own.
	sub twin other /CN=Issuing basicConstraints=critical,CA:TRUE &&
	sub deep2 twin /CN=deep2 &&
	crl issuing 1 1 deep && mv issuing.crl first.crl &&
	crl issuing 2 1 && mv issuing.crl issuing2.crl &&
	mv first.crl issuing.crl && der issuing.crl &&
	crl twin 7 1 deep2 &&
	mkdir keys && cp issuing.crl twin.crl keys &&
	# A file, a file with two lists, a folder, an empty one, parts of lists.
	crl root 5 1 device && der root.crl && crl other 1 1 &&
	cat root.crl other.crl >both.crl &&
	mkdir crls nothing && cp root.crl other.crl crls &&
	echo x >crls/.hidden &&
	head -c 300 root.crl >cut.crl && head -c 200 root.crl.der >cut.der &&
	: >none.crl &&
	# Successors of one list.
	mkdir kept && mv root.crl kept &&
	crl root 1 9 && mv root.crl one.crl &&
	crl root 2 9 device && mv root.crl two.crl &&
	crl root 3 9 && mv root.crl three.crl &&
	when='-crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z' \
		crl root 9 9 && mv root.crl late.crl &&
	# Extensions that limit what a list says.
	x='issuingDistributionPoint=critical,@i' y='[i]\nonlyuser=TRUE' \
		crl root 4 9 device && mv root.crl leaf-only.crl &&
	x='issuingDistributionPoint=critical,@i' y='[i]\nindirectCRL=TRUE' \
		crl root 4 9 device && mv root.crl indirect.crl &&
	x='1.2.3.4=critical,DER:0500' crl root 4 9 device &&
	mv root.crl critical.crl &&
	x='2.5.29.27=critical,DER:020101' crl root 4 9 device &&
	mv root.crl delta.crl &&
	mv kept/root.crl . &&
	# Signed by a stranger who calls itself like the root.
	cp root.key root.key.bak && cp other.key fake.key &&
	openssl req -x509 -new -key fake.key -subj '/O=Test/CN=Root' \
		-config empty.cnf -addext subjectKeyIdentifier=hash \
		-out fake.crt &&
	crl fake 10 9 && mv fake.crl foreign.crl
}

# CRLs that revoke no device, the device, and the issuing CA (tls_resume).
resume_crls() {
	openssl req -x509 -new -key device.key -subj '/O=Test/CN=device-001' \
		-config empty.cnf -CA root.crt -CAkey root.key -days 30 \
		-addext "$client" -out renewed.crt &&
	crl root 1 30 && mv root.crl empty.crl &&
	crl root 2 30 device && mv root.crl revoked.crl &&
	crl root 3 30 issuing && mv root.crl issuing-revoked.crl
}

eval "$*"
