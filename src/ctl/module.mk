libsallyport_a_SOURCES += \
	src/ctl/client.c \
	src/ctl/client.h \
	src/ctl/command.c \
	src/ctl/command.h \
	src/ctl/list.c \
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
dist_bashcomp_DATA = \
	contrib/bash-completion/sallyport \
	contrib/bash-completion/sallyport-pki \
	contrib/bash-completion/sallyportctl
zshcompdir = $(datadir)/zsh/site-functions
dist_zshcomp_DATA = \
	contrib/zsh-completion/_sallyport \
	contrib/zsh-completion/_sallyport-pki \
	contrib/zsh-completion/_sallyportctl
fishcompdir = $(datadir)/fish/vendor_completions.d
dist_fishcomp_DATA = \
	contrib/fish-completion/sallyport.fish \
	contrib/fish-completion/sallyport-pki.fish \
	contrib/fish-completion/sallyportctl.fish

check_PROGRAMS += t/unit/ctl_table.t
t_unit_ctl_table_t_SOURCES = t/unit/ctl_table.c

# A small PKI for sallyport init, and for operators without one.
bin_SCRIPTS = contrib/pki/sallyport-pki
CLEANFILES += contrib/pki/sallyport-pki
contrib/pki/sallyport-pki: contrib/pki/pki
	$(AM_V_GEN)$(MKDIR_P) contrib/pki && cp '$(srcdir)/contrib/pki/pki' $@ \
		&& chmod +x $@
