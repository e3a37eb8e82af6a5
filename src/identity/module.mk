libsallyport_a_SOURCES += \
	src/identity/decide.c \
	src/identity/decide.h \
	src/identity/deny_edit.c \
	src/identity/deny_edit.h \
	src/identity/deny_file.c \
	src/identity/deny_file.h \
	src/identity/deny_key.c \
	src/identity/deny_key.h \
	src/identity/deny_pattern.c \
	src/identity/deny_pattern.h \
	src/identity/deny_table.c \
	src/identity/deny_table.h \
	src/identity/denylist.c \
	src/identity/denylist.h \
	src/identity/template.c \
	src/identity/template.h \
	src/identity/text.c \
	src/identity/text.h

check_PROGRAMS += t/unit/identity_text.t t/unit/identity_dn.t \
	t/unit/identity_template.t t/unit/identity_cert.t \
	t/unit/identity_rules.t t/unit/identity_decide.t \
	t/unit/identity_deny_file.t t/unit/identity_deny_key.t \
	t/unit/identity_denylist.t t/unit/identity_deny_edit.t \
	t/unit/identity_alloc.t
t_unit_identity_text_t_SOURCES = t/unit/identity_text.c $(identity_kit)
t_unit_identity_dn_t_SOURCES = t/unit/identity_dn.c $(identity_kit)
t_unit_identity_template_t_SOURCES = t/unit/identity_template.c $(identity_kit)
t_unit_identity_cert_t_SOURCES = t/unit/identity_cert.c $(identity_kit)
t_unit_identity_rules_t_SOURCES = t/unit/identity_rules.c $(identity_kit)
t_unit_identity_decide_t_SOURCES = t/unit/identity_decide.c \
	t/unit/mqtt_kit.c t/unit/mqtt_kit.h $(identity_kit)
t_unit_identity_deny_file_t_SOURCES = t/unit/identity_deny_file.c $(identity_kit)
t_unit_identity_deny_key_t_SOURCES = t/unit/identity_deny_key.c $(identity_kit)
t_unit_identity_denylist_t_SOURCES = t/unit/identity_denylist.c t/lib/denylist.h \
	$(identity_kit)
t_unit_identity_deny_edit_t_SOURCES = t/unit/identity_deny_edit.c
t_unit_identity_alloc_t_SOURCES = t/unit/identity_alloc.c $(identity_kit)
t_unit_identity_alloc_t_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
