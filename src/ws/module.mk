libsallyport_a_SOURCES += \
	src/ws/decoder.c \
	src/ws/decoder.h \
	src/ws/frame.h \
	src/ws/open.c \
	src/ws/open.h \
	src/ws/stream_ws.c \
	src/ws/stream_ws.h \
	src/ws/upgrade.c \
	src/ws/upgrade.h

# Two implementations of one header, instead of conditions inside one file.
if HAVE_WSLAY
libsallyport_a_SOURCES += src/ws/frame_wslay.c
else
libsallyport_a_SOURCES += src/ws/frame_plain.c
endif

check_PROGRAMS += t/unit/ws_upgrade.t
t_unit_ws_upgrade_t_SOURCES = t/unit/ws_upgrade.c

check_PROGRAMS += t/unit/ws_frame.t
t_unit_ws_frame_t_SOURCES = t/unit/ws_frame.c $(byte_kit)

check_PROGRAMS += t/unit/ws_decoder.t
t_unit_ws_decoder_t_SOURCES = t/unit/ws_decoder.c $(ws_kit)

check_PROGRAMS += t/unit/ws_stream.t
t_unit_ws_stream_t_SOURCES = t/unit/ws_stream.c $(ws_rig) $(alloc_kit)
t_unit_ws_stream_t_LDFLAGS = $(AM_LDFLAGS) $(alloc_kit_ldflags)

check_PROGRAMS += t/unit/ws_stream_end.t
t_unit_ws_stream_end_t_SOURCES = t/unit/ws_stream_end.c $(ws_rig)

check_PROGRAMS += t/unit/ws_open.t
t_unit_ws_open_t_SOURCES = t/unit/ws_open.c $(ws_kit) $(alloc_kit)
t_unit_ws_open_t_LDFLAGS = $(AM_LDFLAGS) $(alloc_kit_ldflags)
