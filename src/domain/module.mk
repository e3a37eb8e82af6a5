libsallyport_a_SOURCES += \
	src/domain/cert.h \
	src/domain/reason.c \
	src/domain/reason.h \
	src/domain/stage.c \
	src/domain/stage.h
