/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as an ini file: it is refused with a complaint, or it is whole.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/option.h"
#include "fuzz/fuzz.h"

static char path[64];

/* Every complaint begins with the file and can be shown on one line. */
static void
check_report(const struct report *r)
{
	size_t i;

	for (i = 0; i < r->kept; i++) {
		must(strncmp(r->lines[i], path, strlen(path)) == 0);
		must(strchr(r->lines[i], '\n') == NULL);
	}
}

static void
check_option(const struct config_option *option, struct config_head *body,
    void *arg)
{
	const struct config_where *where = config_option_where(option, body);

	(void)arg;
	must(where->text != NULL);
	must(where->state == CONFIG_GOOD);
	must(!body->bad);
	must(where->line == 0 || where->line >= body->line);
}

static void
check_config(const struct config *cfg)
{
	const struct config_listener *l;

	must(cfg->listener_count > 0);
	for (l = cfg->listener; l < cfg->listener + cfg->listener_count; l++) {
		must(l->bind.count > 0);
		must(l->tls_profile == &cfg->tls[l->tls_profile->head.index]);
		must(l->identity_profile != NULL);
		must(l->backend_profile->address.count > 0);
	}
	config_option_each(cfg, check_option, NULL);
}

/* Puts the text into a file without a disk. */
static void
write_text(const uint8_t *data, size_t size)
{
	static int fd = -1;

	if (fd == -1) {
		fd = memfd_create("t.ini", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	must(ftruncate(fd, 0) == 0);
	must(pwrite(fd, data, size, 0) == (ssize_t)size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *cfg;
	struct report r;
	enum err err;

	report_init(&r);
	write_text(data, size);
	err = config_load(path, &cfg, &r);
	must((err == OK) == (r.count == 0));
	must(cfg != NULL);
	check_report(&r);
	if (err == OK)
		check_config(cfg);
	config_put(cfg);
	report_fini(&r);
	return 0;
}
