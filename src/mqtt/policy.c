/* SPDX-License-Identifier: ISC */
#include "mqtt/policy.h"

static enum parse
refuse(struct mqtt_connect *c, enum reason reason, const char **why,
    const char *text)
{
	c->reason = reason;
	*why = text;
	return PARSE_BAD;
}

/* Waits for the level, a few bytes on, so that the answer has its form. */
static enum parse
refuse_size(struct mqtt_connect *c, struct slice in, const char **why)
{
	enum mqtt_level level = MQTT_LEVEL_UNKNOWN;

	memset(c, 0, sizeof(*c));
	if (mqtt_connect_level(in, &level) == PARSE_MORE)
		return PARSE_MORE;
	c->level = level;
	return refuse(c, REASON_MQTT_TOO_LARGE, why,
	    "the packet is larger than max_connect_size");
}

static enum parse
check(const struct mqtt_policy *policy, struct mqtt_connect *c,
    const char **why)
{
	if ((policy->versions & MQTT_VERSION_BIT(c->level)) == 0)
		return refuse(c, REASON_MQTT_VERSION, why,
		    "this MQTT version is not let in");
	if (c->bridge && policy->bridge == MQTT_BRIDGE_REFUSE)
		return refuse(c, REASON_MQTT_BRIDGE, why,
		    "the bridge bit is set in the protocol level");
	if (c->client_id.len == 0 && !c->clean && c->level < MQTT_LEVEL_5)
		return refuse(c, REASON_MQTT_CLIENTID, why,
		    "an empty ClientID without Clean Session "
		    "[MQTT 3.1.1: MQTT-3.1.3-8]");
	return PARSE_OK;
}

enum parse
mqtt_policy_parse(const struct mqtt_policy *policy, struct mqtt_connect *c,
    struct slice in, size_t *used, const char **why)
{
	struct mqtt_connect_peek peek;
	enum parse verdict;

	if (mqtt_connect_peek(&peek, in) == PARSE_OK &&
	    peek.total > policy->max_connect_size)
		return refuse_size(c, in, why);
	verdict = mqtt_connect_parse(c, in, used, why);
	if (verdict != PARSE_OK)
		return verdict;
	return check(policy, c, why);
}
