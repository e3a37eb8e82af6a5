#include "tls/load_report.h"

#include <stdarg.h>
#include <stdio.h>

/* A path and a sentence. */
#define TEXT_MAX 5120

enum err
tls_load_error(const struct tls_load_report *say, const char *option,
    const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say->refuse(say->arg, option, text);
	return ERR_CONFIG;
}

void
tls_load_warning(const struct tls_load_report *say, const char *option,
    const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say->warn(say->arg, option, text);
}
