libsallyport_a_SOURCES += \
	src/backend/dial.h \
	src/backend/pool.h \
	src/backend/proxy_out.h
