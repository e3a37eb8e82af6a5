# Unit tests stand in the module.mk of the folder they test; here is only what
# they share.
check_PROGRAMS += t/unit/tap.t
t_unit_tap_t_SOURCES = t/unit/tap.c t/unit/tap.h
