libsallyport_a_SOURCES += \
	src/ctl/client.c \
	src/ctl/client.h \
	src/ctl/command.c \
	src/ctl/command.h \
	src/ctl/show.c \
	src/ctl/show.h \
	src/ctl/table.c \
	src/ctl/table.h \
	src/ctl/watch.c \
	src/ctl/watch.h

bin_PROGRAMS += sallyportctl
sallyportctl_SOURCES = src/ctl/main.c

dist_man_MANS += etc/sallyportctl.1
bashcompdir = $(datadir)/bash-completion/completions
dist_bashcomp_DATA = contrib/bash-completion/sallyportctl

check_PROGRAMS += t/unit/ctl_table.t
t_unit_ctl_table_t_SOURCES = t/unit/ctl_table.c
