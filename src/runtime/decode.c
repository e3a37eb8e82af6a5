#include "runtime/decode.h"

#include "mqtt/property.h"

void
decode_text(FILE *f, struct slice text)
{
	size_t i;

	for (i = 0; i < text.len; i++) {
		if (text.data[i] >= 0x20 && text.data[i] != 0x7f &&
		    text.data[i] != '\\' && text.data[i] < 0x80)
			fputc(text.data[i], f);
		else if (text.data[i] == '\\')
			fputs("\\\\", f);
		else
			fprintf(f, "\\x%02x", text.data[i]);
	}
}

void
decode_hex(FILE *f, struct slice bytes)
{
	size_t i;

	for (i = 0; i < bytes.len; i++) {
		if (i % 16 == 0)
			fprintf(f, "%s%-9s", i == 0 ? "" : "\n", "packet");
		fprintf(f, " %02x", bytes.data[i]);
	}
	fputc('\n', f);
}

static void
field(FILE *f, const char *who, const char *name, struct slice value)
{
	fprintf(f, "%-9s %s = \"", who, name);
	decode_text(f, value);
	fputs("\"\n", f);
}

static void
user_properties(FILE *f, const char *who, struct slice properties)
{
	struct mqtt_property_walk walk;
	struct mqtt_property p;

	mqtt_property_walk_init(&walk, properties, MQTT_PROPERTIES_CONNECT);
	while (mqtt_property_next(&walk, &p))
		if (p.id == MQTT_PROPERTY_USER) {
			fprintf(f, "%-9s User Property \"", who);
			decode_text(f, p.name);
			fputs("\" = \"", f);
			decode_text(f, p.value);
			fputs("\"\n", f);
		}
}

void
decode_names(FILE *f, const char *who, const struct mqtt_connect *c)
{
	if (c->has_username)
		field(f, who, "Username", c->username);
	else
		fprintf(f, "%-9s no Username\n", who);
	field(f, who, "ClientID", c->client_id);
	fprintf(f, "%-9s %s password\n", who, c->has_password ? "a" : "no");
	if (c->has_will)
		field(f, who, "Will topic", c->will_topic);
	if (c->level == MQTT_LEVEL_5)
		user_properties(f, who, c->properties);
}
