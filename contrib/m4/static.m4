# SP_STATIC: what --enable-static asks of everything after it. Goes between
# SP_OPTIONS and SP_COMPILER, and sets SP_PIE, how to link a program that lies
# somewhere else each time.
AC_DEFUN([SP_STATIC], [
SP_PIE=-pie
AS_IF([test "x$enable_static" = xyes], [
	AS_IF([test "x$enable_sanitize" != xno], [AC_MSG_ERROR(
		[a sanitizer needs shared libraries: --enable-sanitize or
--enable-static, not both])])
	AS_IF([test "x$with_systemd" = xyes], [AC_MSG_ERROR(
		[libsystemd is a shared library only: --with-systemd or
--enable-static, not both])])
	AS_IF([test "x$with_p11_kit" = xyes], [AC_MSG_ERROR(
		[a static program cannot load PKCS#11 modules: --with-p11-kit
or --enable-static, not both])])
	AS_IF([test "x$with_fetch" = xyes], [AC_MSG_ERROR(
		[libcurl needs shared libraries: --with-fetch or
--enable-static, not both])])
	with_fetch=no
	with_systemd=no
	with_p11_kit=no
	SP_PIE=-static-pie
	PKG_CONFIG="$PKG_CONFIG --static"
])
AM_CONDITIONAL([STATIC], [test "x$enable_static" = xyes])
AC_SUBST([enable_static])
])

# SP_STATIC_LIBRARIES: that each library of SP_LIBS has a static form. They are
# all asked at once; the linker's own words name those that have none.
AC_DEFUN([SP_STATIC_LIBRARIES], [
AS_IF([test "x$enable_static" = xyes], [
	AC_MSG_CHECKING([for static libraries])
	sp_saved_LIBS=$LIBS
	sp_saved_LDFLAGS=$LDFLAGS
	LIBS="$SP_LIBS $LIBS"
	LDFLAGS="$LDFLAGS -pthread -static"
	AC_LINK_IFELSE([AC_LANG_PROGRAM()], [AC_MSG_RESULT([yes])], [
		AC_MSG_RESULT([no])
		sp_missing=`$GREP -o 'cannot find -l.*' config.log | sort -u`
		AC_MSG_ERROR([--enable-static:
$sp_missing
(the last lines of config.log say more)])])
	LIBS=$sp_saved_LIBS
	LDFLAGS=$sp_saved_LDFLAGS
])
])
