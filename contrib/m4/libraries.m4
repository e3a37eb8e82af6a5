# SP_NEED(NAME, MODULES, PACKAGE): a library by pkg-config, or the package
# that has it, remembered until all are known.
AC_DEFUN([SP_NEED], [
PKG_CHECK_MODULES([$1], [$2], [
	AS_VAR_APPEND([SP_LIBS], [" $$1_LIBS"])
	AS_VAR_APPEND([SP_CPPFLAGS], [" $$1_CFLAGS"])
], [
	AS_VAR_APPEND([sp_missing], [" $3"])
])
])

# SP_WSLAY: by its .pc file or, since Debian's comes without, by linking. A
# static program does without where there is no libwslay.a, as on Debian.
AC_DEFUN([SP_WSLAY], [
sp_wslay=yes
PKG_CHECK_EXISTS([libwslay], [SP_NEED([WSLAY], [libwslay], [libwslay-dev])], [
	sp_saved_LIBS=$LIBS
	sp_saved_LDFLAGS=$LDFLAGS
	LIBS="-lwslay $LIBS"
	AS_IF([test "x$enable_static" = xyes], [LDFLAGS="$LDFLAGS -static"])
	AC_MSG_CHECKING([for wslay])
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <wslay/wslay.h>]],
		[[wslay_frame_context_free(0);]])],
		[AS_VAR_APPEND([SP_LIBS], [" -lwslay"])], [sp_wslay=no])
	AC_MSG_RESULT([$sp_wslay])
	AS_IF([test "$sp_wslay$enable_static" = nono],
		[AS_VAR_APPEND([sp_missing], [" libwslay-dev"])])
	LIBS=$sp_saved_LIBS
	LDFLAGS=$sp_saved_LDFLAGS
])
AM_CONDITIONAL([HAVE_WSLAY], [test $sp_wslay = yes])
])

# SP_LIBRARIES: all but BoringSSL. Every missing one is named in one run.
AC_DEFUN([SP_LIBRARIES], [
SP_LIBS=
sp_missing=
AS_IF([test -z "$PKG_CONFIG"], [AC_MSG_ERROR(
	[pkg-config is missing; apt-get install pkg-config])])

SP_NEED([LIBEVENT], [libevent_core >= 2.1
	libevent_pthreads >= 2.1], [libevent-dev])
SP_NEED([INIH], [inih], [libinih-dev])
SP_NEED([JANSSON], [jansson >= 2.10], [libjansson-dev])
SP_NEED([PCRE2], [libpcre2-8], [libpcre2-dev])

SP_WSLAY

sp_pkcs11=no
AS_IF([test "x$with_p11_kit" != xno], [
	PKG_CHECK_MODULES([P11_KIT], [p11-kit-1 >= 0.23.20], [
		sp_pkcs11=yes
		AS_VAR_APPEND([SP_LIBS], [" $P11_KIT_LIBS"])
		AS_VAR_APPEND([SP_CPPFLAGS], [" $P11_KIT_CFLAGS"])
	], [AS_IF([test "x$with_p11_kit" = xyes],
		[AS_VAR_APPEND([sp_missing], [" libp11-kit-dev"])])])
])
AM_CONDITIONAL([HAVE_P11_KIT], [test "x$sp_pkcs11" = xyes])

sp_systemd=no
AS_IF([test "x$with_systemd" != xno], [
	PKG_CHECK_MODULES([SYSTEMD], [libsystemd], [
		sp_systemd=yes
		AC_DEFINE([HAVE_LIBSYSTEMD], [1], [sd_notify() is there])
		AS_VAR_APPEND([SP_LIBS], [" $SYSTEMD_LIBS"])
	], [AS_IF([test "x$with_systemd" = xyes],
		[AS_VAR_APPEND([sp_missing], [" libsystemd-dev"])])])
])
AM_CONDITIONAL([HAVE_LIBSYSTEMD], [test "x$sp_systemd" = xyes])
dnl Replicas that share state through Valkey or Redis ([fleet]) need it.
sp_fleet=no
AS_IF([test "x$with_fleet" != xno], [
	PKG_CHECK_MODULES([HIREDIS], [hiredis >= 0.14], [
		sp_fleet=yes
		AC_DEFINE([HAVE_HIREDIS], [1], [hiredis is there])
		AS_VAR_APPEND([SP_LIBS], [" $HIREDIS_LIBS"])
		AS_VAR_APPEND([SP_CPPFLAGS], [" $HIREDIS_CFLAGS"])
	], [AS_IF([test "x$with_fleet" = xyes],
		[AS_VAR_APPEND([sp_missing], [" libhiredis-dev"])])])
])
AM_CONDITIONAL([HAVE_HIREDIS], [test "x$sp_fleet" = xyes])
dnl sallyport-fetch alone links it. PROTOCOLS_STR came with 7.85.
sp_fetch=no
AS_IF([test "x$with_fetch" != xno], [
	PKG_CHECK_MODULES([LIBCURL], [libcurl >= 7.85], [sp_fetch=yes],
		[AS_IF([test "x$with_fetch" = xyes],
		[AS_VAR_APPEND([sp_missing], [" libcurl4-gnutls-dev"])])])
])
AM_CONDITIONAL([HAVE_LIBCURL], [test "x$sp_fetch" = xyes])
AS_CASE([$with_systemdsystemunitdir],
	[no], [sp_units=no],
	[yes | ''], [sp_units=$sp_systemd
		systemdsystemunitdir='${prefix}/lib/systemd/system'],
	[sp_units=yes; systemdsystemunitdir=$with_systemdsystemunitdir])
AM_CONDITIONAL([SYSTEMD_UNITS], [test $sp_units = yes])
AC_SUBST([systemdsystemunitdir])

AS_IF([test -n "$sp_missing"], [AC_MSG_ERROR([libraries are missing; on Debian:
    apt-get install$sp_missing
or ./bootstrap, which does all that])])
AC_SUBST([SP_LIBS])
])
