libsallyport_a_SOURCES += \
	src/mqtt/connack.c \
	src/mqtt/connack.h \
	src/mqtt/connect.c \
	src/mqtt/connect.h \
	src/mqtt/connect_edit.c \
	src/mqtt/connect_edit.h \
	src/mqtt/connect_read.c \
	src/mqtt/connect_read.h \
	src/mqtt/disconnect.c \
	src/mqtt/disconnect.h \
	src/mqtt/packet.c \
	src/mqtt/packet.h \
	src/mqtt/property.c \
	src/mqtt/property.h

check_PROGRAMS += t/unit/mqtt_connack.t
t_unit_mqtt_connack_t_SOURCES = t/unit/mqtt_connack.c $(byte_kit)

check_PROGRAMS += t/unit/mqtt_connect.t
t_unit_mqtt_connect_t_SOURCES = t/unit/mqtt_connect.c $(mqtt_kit)

check_PROGRAMS += t/unit/mqtt_connect_bad.t
t_unit_mqtt_connect_bad_t_SOURCES = t/unit/mqtt_connect_bad.c $(byte_kit)

check_PROGRAMS += t/unit/mqtt_connect_edit.t
t_unit_mqtt_connect_edit_t_SOURCES = t/unit/mqtt_connect_edit.c $(mqtt_kit) $(alloc_kit)
t_unit_mqtt_connect_edit_t_LDFLAGS = $(AM_LDFLAGS) $(alloc_kit_ldflags)

check_PROGRAMS += t/unit/mqtt_cursor.t
t_unit_mqtt_cursor_t_SOURCES = t/unit/mqtt_cursor.c $(byte_kit)

check_PROGRAMS += t/unit/mqtt_packet.t
t_unit_mqtt_packet_t_SOURCES = t/unit/mqtt_packet.c $(byte_kit)

check_PROGRAMS += t/unit/mqtt_connect_read.t
t_unit_mqtt_connect_read_t_SOURCES = t/unit/mqtt_connect_read.c $(mqtt_kit) $(alloc_kit) \
	$(net_kit) t/unit/script_stream.c t/unit/script_stream.h
t_unit_mqtt_connect_read_t_LDFLAGS = $(AM_LDFLAGS) $(alloc_kit_ldflags)
