/*
 * The values that are addresses: where to listen, where the broker is, who
 * is trusted. Numbers only are resolved here; names stay names.
 */
#ifndef CONFIG_VALUE_ADDRESS_H
#define CONFIG_VALUE_ADDRESS_H

#include "config/value.h"

/* Setters as config_value_set(), for CONFIG_ADDRS, _ENDPOINTS and _NETS. */
enum err config_value_addrs(struct config_setting *s, void *field) MUST_CHECK;
enum err config_value_endpoints(struct config_setting *s,
    void *field) MUST_CHECK;
enum err config_value_nets(struct config_setting *s, void *field) MUST_CHECK;

#endif
