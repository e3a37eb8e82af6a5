# The units go where systemd looks for those of this prefix; what they say of
# places is made true when they are installed.
units = units/sallyport.service units/sallyport-mqtts.socket
fetch_units = units/sallyport-fetch.service units/sallyport-fetch.timer
if SYSTEMD_UNITS
nodist_systemdsystemunit_DATA = $(units)
nodist_pkglibexec_SCRIPTS = units/upgrade
if HAVE_LIBCURL
nodist_systemdsystemunit_DATA += $(fetch_units)
endif
endif
CLEANFILES += $(units) $(fetch_units) units/upgrade
$(units) $(fetch_units) units/upgrade: Makefile
	$(AM_V_GEN)$(MKDIR_P) units && \
	sed -e 's|/usr/sbin/|$(sbindir)/|g' \
		-e 's|/etc/sallyport/|$(sysconfdir)/sallyport/|g' \
		'$(srcdir)/contrib/systemd/'$(@F) >$@.tmp && mv $@.tmp $@
units/sallyport.service: contrib/systemd/sallyport.service
units/sallyport-mqtts.socket: contrib/systemd/sallyport-mqtts.socket
units/sallyport-fetch.service: contrib/systemd/sallyport-fetch.service
units/sallyport-fetch.timer: contrib/systemd/sallyport-fetch.timer
units/upgrade: contrib/systemd/upgrade
