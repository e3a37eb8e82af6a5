# The units go where systemd looks for those of this prefix; what they say of
# places is made true when they are installed.
if SYSTEMD_UNITS
nodist_systemdsystemunit_DATA = units/sallyport.service \
	units/sallyport-mqtts.socket
endif
CLEANFILES += units/sallyport.service units/sallyport-mqtts.socket
units/sallyport.service units/sallyport-mqtts.socket: Makefile
	$(AM_V_GEN)$(MKDIR_P) units && \
	sed -e 's|/usr/sbin/|$(sbindir)/|g' \
		-e 's|/etc/sallyport/|$(sysconfdir)/sallyport/|g' \
		'$(srcdir)/contrib/systemd/'$(@F) >$@.tmp && mv $@.tmp $@
units/sallyport.service: contrib/systemd/sallyport.service
units/sallyport-mqtts.socket: contrib/systemd/sallyport-mqtts.socket
