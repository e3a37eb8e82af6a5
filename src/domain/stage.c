/* SPDX-License-Identifier: ISC */
/*
 * A file of its own because every stage includes its header.
 */
#include "domain/stage.h"

static const char *const names[STAGE_COUNT] = {
#define X(id, name) [STAGE_##id] = name,
	STAGES(X)
#undef X
};

const char *
stage_name(enum stage stage)
{
	return names[stage];
}
