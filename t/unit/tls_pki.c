/* SPDX-License-Identifier: ISC */
#include "tls_pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];

/*
 * ca NAME SUBJECT [EXTENSION...]     a self-signed CA
 * sub NAME ISSUER SUBJECT EXT...     a certificate by ISSUER: NAME.crt, .key
 * ocsp NAME ISSUER                   NAME.ocsp, which calls NAME.crt good
 * dated NAME ISSUER FROM TO          one with dates as date(1) reads them
 * crl ISSUER NUMBER DAYS [NAME...]   ISSUER.crl that revokes NAME.crt...;
 *                                    $x: an extension more, $y: its section
 * Keys are P-256, or what $key says; certificates last $days.
 */
static const char functions[] =
    "key=${key:-ec -pkeyopt ec_paramgen_curve:P-256}\n"
    "exts() { for e; do printf '%s\\0%s\\0' -addext \"$e\"; done; }\n"
    "make() { n=$1; s=$2; shift 2; exts \"$@\" | xargs -0 openssl req -x509 "
    "-newkey $key -nodes -keyout $n.key -out $n.crt -subj \"$s\" -utf8 "
    "-days ${days:-3650} -config empty.cnf $by ${serial:+-set_serial $serial}; "
    "}\n"
    "ca() { by= make \"$@\" basicConstraints=critical,CA:TRUE; }\n"
    "sub() { n=$1; i=$2; shift 2; by=\"-CA $i.crt -CAkey $i.key\" "
    "make $n \"$@\"; }\n"
    "dated() { rm -rf db; mkdir db; : >db/index.txt;\n"
    " printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=db/index.txt\\n"
    "new_certs_dir=db\\nrand_serial=yes\\ndefault_md=sha256\\npolicy=p\\n[p]\\n"
    "commonName=supplied\\n' >db/ca.cnf &&\n"
    " openssl req -new -newkey $key -nodes -keyout $1.key -subj /CN=$1 -out"
    " $1.csr -config empty.cnf &&\n"
    " openssl ca -batch -notext -config db/ca.cnf -cert $2.crt -keyfile $2.key"
    " -startdate $(date -u -d \"$3\" +%Y%m%d%H%M%SZ)"
    " -enddate $(date -u -d \"$4\" +%Y%m%d%H%M%SZ) -in $1.csr -out $1.crt; }\n"
    "crl() { i=$1; number=$2; d=$3; shift 3; rm -rf db; mkdir db;\n"
    " : >db/index.txt; printf %04x $number >db/number;\n"
    " printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=db/index.txt\\n"
    "crlnumber=db/number\\ndefault_md=sha256\\ncrl_extensions=x\\n[x]\\n"
    "authorityKeyIdentifier=keyid\\n%b\\n%b\\n' \"${x:-}\" \"${y:-}\""
    " >db/ca.cnf;\n"
    " for c; do openssl ca -config db/ca.cnf -keyfile $i.key -cert $i.crt"
    " -revoke $c.crt || return 1; done;\n"
    " openssl ca -config db/ca.cnf -keyfile $i.key -cert $i.crt -gencrl"
    " ${when:--crldays $d} -out $i.crl; }\n"
    "ocsp() { mkdir -p db; printf 'V\\t350101000000Z\\t\\t%s\\tunknown\\t/CN=x"
    "\\n' $(openssl x509 -in $1.crt -noout -serial | sed s/.*=//) >db/ocsp;\n"
    " openssl ocsp -index db/ocsp -CA $2.crt -rsigner $2.crt -rkey $2.key"
    " -issuer $2.crt -cert $1.crt -ndays ${days:-1} -respout $1.ocsp; }\n"
    "client='extendedKeyUsage=clientAuth'\n"
    "server='extendedKeyUsage=serverAuth'\n";

static const char standard[] =
    "printf '[req]\\ndistinguished_name=dn\\n[dn]\\n' >empty.cnf &&\n"
    "ca root '/O=Test/CN=Root' &&\n"
    "ca other '/CN=Other' &&\n"
    "sub issuing root /CN=Issuing basicConstraints=critical,CA:TRUE &&\n"
    "sub device root '/O=Test/CN=device-001' \"$client\""
    " 'subjectAltName=DNS:device-001.example,URI:urn:dev:1,"
    "email:d@example.org,IP:192.0.2.1,IP:2001:db8::1' &&\n"
    "sub deep issuing /CN=deep \"$client\" &&\n"
    "cat deep.crt issuing.crt >deep-chain.crt &&\n"
    "sub stranger other /CN=stranger \"$client\" &&\n"
    "sub wrong root /CN=wrong \"$server\" &&\n"
    "dated late root '2 days ago' '1 day ago' &&\n"
    "dated early root tomorrow '9 days' &&\n"
    "sub server root /CN=localhost \"$server\" subjectAltName=DNS:localhost "
    "&&\n"
    "sub shop root /CN=shop \"$server\" subjectAltName=DNS:*.shop.example &&\n"
    "key='rsa:2048' &&\n"
    "sub rsa-server root /CN=localhost \"$server\""
    " subjectAltName=DNS:localhost &&\n"
    "sub rsa-device root /CN=rsa-device \"$client\"\n";

_Bool
pki_run(const char *script)
{
	char *command = NULL;
	int status;

	if (asprintf(&command,
		"cd %s && { exec 3>&2 2>log >&2; %s%s\n} || "
		"{ cat log >&3; exit 1; }",
		folder, functions, script) == -1)
		return 0;
	status = system(command);
	free(command);
	return status == 0;
}

_Bool
pki_make(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(folder, sizeof(folder), "%.40s/tls.XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	return mkdtemp(folder) != NULL && pki_run(standard);
}

void
pki_remove(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (folder[0] != '\0' && system(command) == 0)
		folder[0] = '\0';
}

const char *
pki_path(const char *name)
{
	static char paths[32][160];
	static unsigned next;
	char *path = paths[next++ % 32];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

void
pki_write(const char *name, const void *data, size_t len)
{
	FILE *out = fopen(pki_path(name), "wb");

	if (out == NULL || fwrite(data, 1, len, out) != len) {
		perror(name);
		abort();
	}
	fclose(out);
}

static void
refuse(void *arg, const char *option, const char *text)
{
	const struct pki_reports *r = arg;

	report_add(r->why, "x.ini:1: %s: %s", option, text);
}

static void
warn(void *arg, const char *option, const char *text)
{
	const struct pki_reports *r = arg;

	report_add(r->warnings, "x.ini:1: %s: %s", option, text);
}

struct tls_load_report
pki_say(struct pki_reports *r)
{
	struct tls_load_report say = { refuse, warn, r };

	return say;
}
