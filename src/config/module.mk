libsallyport_a_SOURCES += \
	src/config/arena.c \
	src/config/arena.h \
	src/config/check.c \
	src/config/check.h \
	src/config/choices.h \
	src/config/config.c \
	src/config/config.h \
	src/config/ini.c \
	src/config/ini.h \
	src/config/key_uri.c \
	src/config/key_uri.h \
	src/config/load.c \
	src/config/option.c \
	src/config/option.h \
	src/config/options.h \
	src/config/options_profile.h \
	src/config/suggest.c \
	src/config/suggest.h \
	src/config/types.h \
	src/config/value.c \
	src/config/value.h

# What sallyport reads without -c.
sallyport_CPPFLAGS = $(AM_CPPFLAGS) \
	-DDEFAULT_FILE='"$(sysconfdir)/sallyport/sallyport.ini"'

check_PROGRAMS += t/unit/config_value.t t/unit/config_load.t \
	t/unit/config_check.t t/unit/config_option.t t/unit/config_memory.t
t_unit_config_value_t_SOURCES = t/unit/config_value.c
t_unit_config_load_t_SOURCES = t/unit/config_load.c $(config_kit)
t_unit_config_check_t_SOURCES = t/unit/config_check.c $(config_kit)
t_unit_config_option_t_SOURCES = t/unit/config_option.c $(config_kit)
t_unit_config_memory_t_SOURCES = t/unit/config_memory.c $(config_kit)
t_unit_config_memory_t_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=calloc
