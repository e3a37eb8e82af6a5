/* SPDX-License-Identifier: ISC */
/*
 * A file of its own because every folder includes its header.
 */
#include "base/err.h"

static const char *const texts[ERR_COUNT] = {
#define X(id, text) [id] = text,
	ERRS(X)
#undef X
};

const char *
err_text(enum err err)
{
	if ((unsigned)err >= ERR_COUNT)
		return "unknown error";
	return texts[err];
}
