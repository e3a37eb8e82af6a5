libsallyport_a_SOURCES += \
	src/mqtt/connack.c \
	src/mqtt/connack.h \
	src/mqtt/connect.c \
	src/mqtt/connect.h \
	src/mqtt/connect_edit.c \
	src/mqtt/connect_edit.h \
	src/mqtt/cursor.c \
	src/mqtt/cursor.h \
	src/mqtt/disconnect.c \
	src/mqtt/disconnect.h \
	src/mqtt/greet.c \
	src/mqtt/greet.h \
	src/mqtt/packet.c \
	src/mqtt/packet.h \
	src/mqtt/policy.c \
	src/mqtt/policy.h \
	src/mqtt/property.c \
	src/mqtt/property.h \
	src/mqtt/reader.c \
	src/mqtt/reader.h \
	src/mqtt/utf8.c \
	src/mqtt/utf8.h
