dist_man_MANS += etc/sallyport.8 etc/sallyport.ini.5 etc/sallyport-pki.1

# The sample is installed beside the guides, and as the configuration only
# where there is none: what an operator wrote is never touched.
dist_doc_DATA = \
	etc/sallyport.ini \
	etc/doc/alerts.md \
	etc/doc/brokers.md \
	etc/doc/clients.md \
	etc/doc/compare.md \
	etc/doc/crl.md \
	etc/doc/devices.md \
	etc/doc/fleet.md \
	etc/doc/faq.md \
	etc/doc/sizing.md \
	etc/doc/threats.md \
	etc/doc/tokens.md \
	etc/doc/upgrade.md
confdir = $(sysconfdir)/sallyport

install-data-hook:
	$(MKDIR_P) '$(DESTDIR)$(confdir)'
	test -e '$(DESTDIR)$(confdir)/sallyport.ini' || \
		$(INSTALL_DATA) '$(srcdir)/etc/sallyport.ini' \
		'$(DESTDIR)$(confdir)/sallyport.ini'

uninstall-hook:
	! cmp -s '$(srcdir)/etc/sallyport.ini' \
		'$(DESTDIR)$(confdir)/sallyport.ini' || \
		rm -f '$(DESTDIR)$(confdir)/sallyport.ini'
	rmdir '$(DESTDIR)$(confdir)' 2>/dev/null || :
