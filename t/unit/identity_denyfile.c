/* Changing a deny list's file: whole or not at all, and nothing else lost. */
#include "identity/denyfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static char folder[] = "/tmp/denyfile.XXXXXX";
static char path[64];

static void
write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(text, f) == EOF || fclose(f) == EOF)
		abort();
}

static const char *
read_file(void)
{
	static char text[4096];
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL)
		return NULL;
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static enum err
add(const char *as, const char *who, const char *reason, const char *until,
    struct report *r)
{
	struct identity_deny_request e = { as, who, reason, until };

	return identity_denyfile_add(path, &e, r);
}

static void
test_add(void)
{
	struct report r;

	report_init(&r);
	is_int(add("username", "joe", "lost, or \"lost\"",
		   "2030-01-01T00:00:00Z", &r),
	    OK, "begins a file");
	is_str(read_file(),
	    "as,who,reason,until\n"
	    "username,joe,\"lost, or \"\"lost\"\"\",2030-01-01T00:00:00Z\n",
	    "with a heading");
	is_int(add("clientid", " c1", "", "", &r), OK, "a second");
	is_int(add("username", "joe", "again", "", &r), OK,
	    "the first once more");
	is_str(read_file(),
	    "as,who,reason,until\nusername,joe,again,\nclientid,\" c1\",,\n",
	    "is changed in its place");
	is_int((long long)r.count, 0, "no complaint");
	unlink(path);
	write_file("\n\n");
	is_int(add("cn", "d", "", "", &r), OK, "a blank file");
	is_str(read_file(), "as,who,reason,until\ncn,d,,\n", "is begun too");
	write_file("\xef\xbb\xbf\n");
	is_int(add("cn", "d", "", "", &r), OK, "one with a byte order mark");
	is_str(read_file(), "as,who,reason,until\ncn,d,,\n", "is begun too");
	report_fini(&r);
}

/* EMQX's columns stay, in their order; CRLF and a missing last line end do
 * no harm; equal keys in other words are the same entry. */
static void
test_foreign(void)
{
	struct report r;

	report_init(&r);
	write_file("who,as,by,until,reason\r\n"
		   "10.0.0.0/8,peerhost_net,boot,infinity,\"a\r\nb\"\r\n"
		   "\r\n"
		   "u1,username,boot,,x");
	is_int(add("username", "u2", "why", "5", &r), OK, "added");
	is_str(read_file(),
	    "who,as,by,until,reason\r\n"
	    "10.0.0.0/8,peerhost_net,boot,infinity,\"a\r\nb\"\r\n"
	    "u1,username,boot,,x\n"
	    "u2,username,,5,why\n",
	    "in the file's own columns");
	is_int(identity_denyfile_remove(path, "peerhost_net", "10.1.2.3/8", &r),
	    OK, "taken out by its meaning");
	is_str(read_file(),
	    "who,as,by,until,reason\r\n"
	    "u1,username,boot,,x\nu2,username,,5,why\n",
	    "and only that");
	write_file("as,who\nserial,0A\nserial,a\n");
	is_int(identity_denyfile_remove(path, "serial", "0x0a", &r), OK,
	    "doubled rows");
	is_str(read_file(), "as,who\n", "go together");
	is_int(identity_denyfile_remove(path, "serial", "0a", &r),
	    ERR_NOT_FOUND, "nothing there");
	is_int((long long)r.count, 0, "no complaint");
	report_fini(&r);
}

static void
test_refused(void)
{
	static const char good[] = "as,who\nusername,joe\n";
	struct report r;

	report_init(&r);
	write_file(good);
	is_int(add("user", "joe", "", "", &r), ERR_CONFIG, "no such kind");
	is_int(add("peerhost", "10.0.0", "", "", &r), ERR_CONFIG, "no address");
	is_int(add("username_re", "a(", "", "", &r), ERR_CONFIG,
	    "no expression");
	is_int(add("username", "x", "", "soon", &r), ERR_CONFIG, "no time");
	is_int(add("username", "x", "why", "", &r), ERR_CONFIG,
	    "no column for the reason");
	is_int(identity_denyfile_remove(path, "user", "joe", &r), ERR_CONFIG,
	    "no such kind to take out");
	is_int(identity_denyfile_remove(path, "sha256", "joe", &r), ERR_CONFIG,
	    "no digest to take out");
	is_int((long long)r.count, 7, "each complained of");
	is_str(read_file(), good, "the file stays");
	report_fini(&r);
	write_file("as,who\nuser,joe\n");
	is_int(add("username", "x", "", "", &r), ERR_CONFIG,
	    "a file with bad rows");
	ok(r.kept == 1 && strstr(r.lines[0], ":2: no such kind") != NULL,
	    "is named: %s", r.kept > 0 ? r.lines[0] : "");
	is_str(read_file(), "as,who\nuser,joe\n", "and stays");
	report_fini(&r);
}

/* Mode and symbolic link stay; no temporary file is left. */
static void
test_kept(void)
{
	char link[80], count[128];
	struct report r;
	struct stat st;
	FILE *p;
	int n = 0;

	report_init(&r);
	write_file("as,who\n");
	chmod(path, 0604);
	snprintf(link, sizeof(link), "%s.link", path);
	is_int(symlink(path, link), 0, "a link to the file");
	is_int(identity_denyfile_add(link,
		   &(struct identity_deny_request){ "cn", "d", "", "" }, &r),
	    OK, "changed through the link");
	is_str(read_file(), "as,who\ncn,d\n", "the file is");
	ok(lstat(link, &st) == 0 && S_ISLNK(st.st_mode), "the link stays");
	ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0604,
	    "and the mode");
	snprintf(count, sizeof(count), "ls %s | wc -l", folder);
	p = popen(count, "r");
	ok(p != NULL && fscanf(p, "%d", &n) == 1 && n == 2,
	    "nothing else lies there");
	if (p != NULL)
		pclose(p);
	unlink(link);
	report_fini(&r);
}

/* A folder that is not there: nothing to write to. */
static void
test_nowhere(void)
{
	struct identity_deny_request e = { "cn", "d", "", "" };
	struct report r;

	report_init(&r);
	is_int(identity_denyfile_add("/nonexistent/deny.csv", &e, &r),
	    ERR_SYSTEM, "no such folder");
	is_int((long long)r.count, 1, "complained of");
	report_fini(&r);
}

int
main(void)
{
	if (mkdtemp(folder) == NULL)
		return 99;
	snprintf(path, sizeof(path), "%s/deny.csv", folder);
	test_add();
	test_foreign();
	test_refused();
	test_kept();
	test_nowhere();
	unlink(path);
	rmdir(folder);
	return done_testing();
}
