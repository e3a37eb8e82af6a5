libsallyport_a_SOURCES += \
	src/identity/decide.h \
	src/identity/denyfile.h \
	src/identity/denylist.h \
	src/identity/dn.h \
	src/identity/input.h \
	src/identity/rules.h \
	src/identity/template.h \
	src/identity/text.h
