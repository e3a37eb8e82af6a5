/* SPDX-License-Identifier: ISC */
#include "session/tls_profile_inputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "config/key_uri.h"
#include "config/option.h"

/* A file that changed less long ago may change again within the same tick of
 * the clock of its file system. */
#define SETTLED_S 2

/* The most bytes that describe the files of a profile, enough for about 500,000
 * files. A profile with more files is loaded again at each reload. */
#define FINGERPRINT_MAX ((size_t)64 * 1024 * 1024)

/* A profile as it is noted. */
struct input_writer {
	struct tls_profile_inputs *in;
	enum err err;
};

static void
add(struct input_writer *n, const void *data, size_t len)
{
	if (len > FINGERPRINT_MAX - buf_len(&n->in->fingerprint))
		n->in->settled = false;
	else if (n->err == OK)
		n->err = buf_append(&n->in->fingerprint, data, len);
}

/* Adds the device, inode, size and times of a file. Returns true for a
 * directory. */
static bool
add_file(struct input_writer *n, const char *path)
{
	struct stat st;
	int64_t fields[8] = { 0 };
	int64_t changed;

	if (stat(path, &st) == -1) {
		n->in->settled = false;
		return false;
	}
	fields[0] = (int64_t)st.st_dev;
	fields[1] = (int64_t)st.st_ino;
	fields[2] = (int64_t)st.st_size;
	fields[3] = (int64_t)st.st_mtim.tv_sec;
	fields[4] = (int64_t)st.st_mtim.tv_nsec;
	fields[5] = (int64_t)st.st_ctim.tv_sec;
	fields[6] = (int64_t)st.st_ctim.tv_nsec;
	fields[7] = (int64_t)st.st_mode;
	add(n, path, strlen(path) + 1);
	add(n, fields, sizeof(fields));
	changed = fields[3] > fields[5] ? fields[3] : fields[5];
	if (changed > n->in->at - SETTLED_S)
		n->in->settled = false;
	return S_ISDIR(st.st_mode);
}

static int
visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* Hidden files are left out, as in a directory of CRLs. */
static void
add_directory(struct input_writer *n, const char *path)
{
	struct dirent **all = NULL;
	char name[4096 + 256];
	int count = scandir(path, &all, visible, alphasort);
	int i;

	if (count == -1)
		n->in->settled = false;
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s/%s", path, all[i]->d_name);
		(void)add_file(n, name);
		free(all[i]);
	}
	free(all);
}

static void
note_file(const char *path, void *arg)
{
	struct input_writer *n = arg;

	if (add_file(n, path))
		add_directory(n, path);
}

enum err
tls_profile_inputs_note(struct tls_profile_inputs *in, struct config_tls *t)
{
	const struct config_section *section = config_section_find("tls");
	struct input_writer n = { in, OK };
	const struct config_option *o;
	const char *text;
	size_t i;

	buf_init(&in->fingerprint, FINGERPRINT_MAX);
	in->at = clock_wall_s();
	in->settled = true;
	for (i = 0; i < section->option_count; i++) {
		o = &section->options[i];
		text = config_option_where(o, t)->text;
		add(&n, text, strlen(text) + 1);
		config_option_paths(o, &t->head, note_file, &n);
	}
	/* Only the token itself can tell whether it still signs: each reload
	 * asks it. */
	for (i = 0; i < t->private_key.count; i++)
		if (config_key_uri_is(t->private_key.items[i]))
			in->settled = false;
	return n.err;
}

void
tls_profile_inputs_fini(struct tls_profile_inputs *in)
{
	buf_fini(&in->fingerprint);
}

/* The time between two notes; `passed' tells whether a date lies in it. */
struct span {
	int64_t from;
	int64_t to;
	bool passed;
};

static void
check_date(struct span *s, int64_t date)
{
	if (date > s->from && date <= s->to)
		s->passed = true;
}

static void
check_cert(const struct tls_cert_info *info, void *arg)
{
	check_date(arg, info->not_before);
	check_date(arg, info->not_after);
}

static void
check_crl(const struct crl_info *info, void *arg)
{
	check_date(arg, info->this_update);
	check_date(arg, info->next_update);
}

bool
tls_profile_inputs_same(const struct tls_profile_inputs *before,
    const struct tls_profile_inputs *now, const struct tls_ctx *ctx)
{
	struct span s = { before->at, now->at, now->at < before->at };

	if (!before->settled ||
	    !slice_equal(buf_slice(&before->fingerprint),
		buf_slice(&now->fingerprint)))
		return false;
	tls_ctx_each_cert(ctx, check_cert, &s);
	if (tls_ctx_crls(ctx) != NULL)
		crl_set_each(tls_ctx_crls(ctx), check_crl, &s);
	return !s.passed;
}
