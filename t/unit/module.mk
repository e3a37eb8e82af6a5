# A unit test stands in the module.mk of the folder it tests. Here is what they
# share. A program names each file once: one that needs two kits with the same
# file takes one of them by its files.
byte_kit = t/unit/byte_kit.c t/unit/byte_kit.h
script_stream = t/unit/script_stream.c t/unit/script_stream.h $(byte_kit)
mqtt_kit = t/unit/mqtt_kit.c t/unit/mqtt_kit.h $(byte_kit)
identity_kit = t/unit/identity_kit.c t/unit/identity_kit.h $(byte_kit)
ws_kit = t/unit/ws_kit.c t/unit/ws_kit.h $(script_stream)
ws_rig = t/unit/ws_rig.c t/unit/ws_rig.h $(ws_kit)
config_kit = t/unit/config_kit.c t/unit/config_kit.h
net_kit = t/unit/net_kit.c t/unit/net_kit.h
dial_kit = t/unit/dial_kit.c t/unit/dial_kit.h $(net_kit)
tls_pki = t/unit/tls_pki.c t/unit/tls_pki.h
tls_kit = t/unit/tls_kit.c t/unit/tls_kit.h $(tls_pki)

# Allocations that fail: the wrapped functions are in alloc_kit.c.
alloc_kit = t/unit/alloc_kit.c t/unit/alloc_kit.h
alloc_kit_ldflags = -Wl,--wrap=malloc,--wrap=calloc \
	-Wl,--wrap=realloc,--wrap=free \
	-Wl,--wrap=event_set_mem_functions

check_PROGRAMS += t/unit/tap.t
t_unit_tap_t_SOURCES = t/unit/tap.c t/unit/tap.h
