#include "config/help.h"

#include <string.h>

#include "config/value.h"

#define INDENT "    "
#define WIDTH 78

/* Writes `text' in lines of at most WIDTH, broken at blanks. */
static void
write_wrapped(FILE *out, const char *text)
{
	size_t column = 0, len;

	while (*text != '\0') {
		len = strcspn(text, " ");
		if (column == 0 || column + 1 + len > WIDTH) {
			fprintf(out, "%s" INDENT, column == 0 ? "" : "\n");
			column = sizeof(INDENT) - 1;
		} else {
			fputc(' ', out);
			column++;
		}
		fwrite(text, 1, len, out);
		column += len;
		text += len;
		text += *text == ' ';
	}
	fputc('\n', out);
}

static void
write_option(FILE *out, const char *section, const struct config_option *o)
{
	char range[CONFIG_WHY_MAX];

	fprintf(out, "[%s] %s =%s%s\n", section, o->key,
	    o->standard[0] == '\0' ? "" : " ", o->standard);
	write_wrapped(out, o->help);
	config_value_range(o, range, sizeof(range));
	fprintf(out, INDENT "Takes: %s\n", range);
	fprintf(out, INDENT "Changed: %s\n\n",
	    o->reload == CONFIG_LIVE ? "by a reload" : "by a restart only");
}

void
config_help_write(FILE *out)
{
	const struct config_section *sections;
	size_t count, i, j;

	sections = config_sections(&count);
	for (i = 0; i < count; i++)
		for (j = 0; j < sections[i].option_count; j++)
			write_option(out, sections[i].word,
			    &sections[i].options[j]);
}
