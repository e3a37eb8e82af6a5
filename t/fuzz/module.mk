# A fuzz target is t/fuzz/NAME.c with a corpus in t/fuzz/corpus/NAME/. It is
# built twice: NAME.t replays the corpus in every `make check'; NAME-fuzz, with
# --enable-fuzzers, is the sanitized libFuzzer program to let run:
#     t/fuzz/NAME-fuzz -max_total_time=60 DIR ../t/fuzz/corpus/NAME
# What it finds is mended, and stays in the corpus under a telling name.

check_PROGRAMS += t/fuzz/mqtt_connect.t
t_fuzz_mqtt_connect_t_SOURCES = t/fuzz/mqtt_connect.c t/fuzz/replay.c t/fuzz/fuzz.h
t_fuzz_mqtt_connect_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t

check_PROGRAMS += t/fuzz/mqtt_connack.t
t_fuzz_mqtt_connack_t_SOURCES = t/fuzz/mqtt_connack.c t/fuzz/replay.c t/fuzz/fuzz.h
t_fuzz_mqtt_connack_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t

check_PROGRAMS += t/fuzz/mqtt_cursor.t
t_fuzz_mqtt_cursor_t_SOURCES = t/fuzz/mqtt_cursor.c t/fuzz/replay.c t/fuzz/fuzz.h
t_fuzz_mqtt_cursor_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t

check_PROGRAMS += t/fuzz/ws_upgrade.t
t_fuzz_ws_upgrade_t_SOURCES = t/fuzz/ws_upgrade.c t/fuzz/replay.c t/fuzz/fuzz.h
t_fuzz_ws_upgrade_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t

check_PROGRAMS += t/fuzz/ws_frames.t
t_fuzz_ws_frames_t_SOURCES = t/fuzz/ws_frames.c t/fuzz/replay.c t/fuzz/fuzz.h \
	t/fuzz/loop.h $(ws_kit)
t_fuzz_ws_frames_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t

check_PROGRAMS += t/fuzz/proxy_header.t
t_fuzz_proxy_header_t_SOURCES = t/fuzz/proxy_header.c t/fuzz/replay.c t/fuzz/fuzz.h
t_fuzz_proxy_header_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t

check_PROGRAMS += t/fuzz/config.t
t_fuzz_config_t_SOURCES = t/fuzz/config.c t/fuzz/replay.c t/fuzz/fuzz.h
t_fuzz_config_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t

check_PROGRAMS += t/fuzz/identity_template.t
t_fuzz_identity_template_t_SOURCES = t/fuzz/identity_template.c t/fuzz/replay.c t/fuzz/fuzz.h
t_fuzz_identity_template_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t

check_PROGRAMS += t/fuzz/identity_names.t
t_fuzz_identity_names_t_SOURCES = t/fuzz/identity_names.c t/fuzz/replay.c t/fuzz/fuzz.h
t_fuzz_identity_names_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t

check_PROGRAMS += t/fuzz/identity_denylist.t
t_fuzz_identity_denylist_t_SOURCES = t/fuzz/identity_denylist.c t/fuzz/replay.c t/fuzz/fuzz.h
t_fuzz_identity_denylist_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t

check_PROGRAMS += t/fuzz/session.t
session_fuzz = t/fuzz/session.c t/fuzz/fuzz.h t/fuzz/loop.h $(identity_kit) \
	t/unit/script_stream.c t/unit/script_stream.h
t_fuzz_session_t_SOURCES = $(session_fuzz) t/fuzz/replay.c
t_fuzz_session_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t

if FUZZERS
noinst_PROGRAMS += t/fuzz/session-fuzz
t_fuzz_session_fuzz_SOURCES = $(session_fuzz)
t_fuzz_session_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t
t_fuzz_session_fuzz_LDFLAGS = $(SP_LDFLAGS) $(SP_FUZZ_FLAGS)
noinst_PROGRAMS += t/fuzz/mqtt_connect-fuzz
t_fuzz_mqtt_connect_fuzz_SOURCES = t/fuzz/mqtt_connect.c t/fuzz/fuzz.h
t_fuzz_mqtt_connect_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t
t_fuzz_mqtt_connect_fuzz_LDFLAGS = $(SP_LDFLAGS) $(SP_FUZZ_FLAGS)
noinst_PROGRAMS += t/fuzz/mqtt_connack-fuzz
t_fuzz_mqtt_connack_fuzz_SOURCES = t/fuzz/mqtt_connack.c t/fuzz/fuzz.h
t_fuzz_mqtt_connack_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t
t_fuzz_mqtt_connack_fuzz_LDFLAGS = $(SP_LDFLAGS) $(SP_FUZZ_FLAGS)
noinst_PROGRAMS += t/fuzz/mqtt_cursor-fuzz
t_fuzz_mqtt_cursor_fuzz_SOURCES = t/fuzz/mqtt_cursor.c t/fuzz/fuzz.h
t_fuzz_mqtt_cursor_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t
t_fuzz_mqtt_cursor_fuzz_LDFLAGS = $(SP_LDFLAGS) $(SP_FUZZ_FLAGS)
noinst_PROGRAMS += t/fuzz/ws_upgrade-fuzz
t_fuzz_ws_upgrade_fuzz_SOURCES = t/fuzz/ws_upgrade.c t/fuzz/fuzz.h
t_fuzz_ws_upgrade_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t
t_fuzz_ws_upgrade_fuzz_LDFLAGS = $(SP_LDFLAGS) $(SP_FUZZ_FLAGS)
noinst_PROGRAMS += t/fuzz/ws_frames-fuzz
t_fuzz_ws_frames_fuzz_SOURCES = t/fuzz/ws_frames.c t/fuzz/fuzz.h \
	t/fuzz/loop.h $(ws_kit)
t_fuzz_ws_frames_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t
t_fuzz_ws_frames_fuzz_LDFLAGS = $(SP_LDFLAGS) $(SP_FUZZ_FLAGS)
noinst_PROGRAMS += t/fuzz/proxy_header-fuzz
t_fuzz_proxy_header_fuzz_SOURCES = t/fuzz/proxy_header.c t/fuzz/fuzz.h
t_fuzz_proxy_header_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t
t_fuzz_proxy_header_fuzz_LDFLAGS = $(SP_LDFLAGS) $(SP_FUZZ_FLAGS)
noinst_PROGRAMS += t/fuzz/config-fuzz
t_fuzz_config_fuzz_SOURCES = t/fuzz/config.c t/fuzz/fuzz.h
t_fuzz_config_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t
t_fuzz_config_fuzz_LDFLAGS = $(SP_LDFLAGS) $(SP_FUZZ_FLAGS)
noinst_PROGRAMS += t/fuzz/identity_template-fuzz
t_fuzz_identity_template_fuzz_SOURCES = t/fuzz/identity_template.c t/fuzz/fuzz.h
t_fuzz_identity_template_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t
t_fuzz_identity_template_fuzz_LDFLAGS = $(SP_LDFLAGS) $(SP_FUZZ_FLAGS)
noinst_PROGRAMS += t/fuzz/identity_names-fuzz
t_fuzz_identity_names_fuzz_SOURCES = t/fuzz/identity_names.c t/fuzz/fuzz.h
t_fuzz_identity_names_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t
t_fuzz_identity_names_fuzz_LDFLAGS = $(SP_LDFLAGS) $(SP_FUZZ_FLAGS)
noinst_PROGRAMS += t/fuzz/identity_denylist-fuzz
t_fuzz_identity_denylist_fuzz_SOURCES = t/fuzz/identity_denylist.c t/fuzz/fuzz.h
t_fuzz_identity_denylist_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t
t_fuzz_identity_denylist_fuzz_LDFLAGS = $(SP_LDFLAGS) $(SP_FUZZ_FLAGS)
endif
