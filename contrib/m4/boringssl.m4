# SP_BORINGSSL: finds BoringSSL, makes sure that it is one and a fast one,
# and how it links. Sets BORINGSSL_CPPFLAGS and BORINGSSL_LIBS.
AC_DEFUN([SP_BORINGSSL], [
AC_MSG_CHECKING([for BoringSSL])
AS_CASE([$with_boringssl],
	[no | yes], [AC_MSG_ERROR([--with-boringssl wants a PREFIX])],
	[''], [with_boringssl=`"$srcdir/contrib/boringssl/build" \
		--prefix-only 2>/dev/null`])
AS_IF([test -z "$with_boringssl"], [AC_MSG_RESULT([no])
	AC_MSG_ERROR([run contrib/boringssl/build first (or ./bootstrap, which
does), or say --with-boringssl=PREFIX])])
sp_boringssl=$with_boringssl
AC_MSG_RESULT([$sp_boringssl])

sp_ssl_include=$sp_boringssl/include
for sp_ssl_lib in "$sp_boringssl/lib" "$sp_boringssl/lib64" ""; do
	test -f "$sp_ssl_lib/libssl.a" && break
done
AS_IF([test ! -f "$sp_ssl_include/openssl/ssl.h"], [AC_MSG_ERROR(
	[$sp_ssl_include/openssl/ssl.h is not there])])
BORINGSSL_CPPFLAGS="-isystem $sp_ssl_include"
sp_saved_CPPFLAGS=$CPPFLAGS
CPPFLAGS="$CPPFLAGS $BORINGSSL_CPPFLAGS"

AC_MSG_CHECKING([for BORINGSSL_API_VERSION])
AC_COMPUTE_INT([sp_boringssl_api], [BORINGSSL_API_VERSION],
	[[#include <openssl/base.h>]], [sp_boringssl_api=none])
AC_MSG_RESULT([$sp_boringssl_api])
AS_IF([test "$sp_boringssl_api" = none], [AC_MSG_ERROR(
	[$sp_boringssl is not BoringSSL (OpenSSL or LibreSSL?); sallyport uses
what only BoringSSL has. contrib/boringssl/build makes one.])])
AS_IF([test "$sp_boringssl_api" -lt 17], [AC_MSG_ERROR(
	[BoringSSL API version 17 is the oldest that will do])])
AS_IF([test -z "$sp_ssl_lib" || test ! -f "$sp_ssl_lib/libcrypto.a"],
	[AC_MSG_ERROR([$sp_boringssl/lib must hold libssl.a and libcrypto.a])])


dnl Newer ones need a C++ runtime; find the least that links.
AC_MSG_CHECKING([what libssl needs to link])
sp_saved_LIBS=$LIBS
sp_boringssl_cxx=none
for sp_try in "" " -lstdc++" " -lc++"; do
	BORINGSSL_LIBS="$sp_ssl_lib/libssl.a $sp_ssl_lib/libcrypto.a$sp_try"
	LIBS="$BORINGSSL_LIBS -pthread $sp_saved_LIBS"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <openssl/ssl.h>]],
		[[SSL *ssl = SSL_new(SSL_CTX_new(TLS_method()));
		return SSL_accept(ssl);]])],
		[sp_boringssl_cxx=$sp_try; break])
done
AS_IF([test "x$sp_boringssl_cxx" = xnone], [AC_MSG_RESULT([unknown])
	AC_MSG_ERROR([cannot link $sp_ssl_lib/libssl.a, not even with a C++
runtime (apt-get install g++); config.log has the linker's words])])
AC_MSG_RESULT([${sp_boringssl_cxx:-nothing more}])

dnl The fast P-256 code carries a table that the small one lacks. Only x86-64
dnl and ARM have it, so elsewhere this question is not asked.
AC_MSG_CHECKING([whether it is built small (OPENSSL_SMALL)])
AS_CASE([`$CC -dumpmachine`],
	[x86_64-* | aarch64-*], [
	AS_IF([nm "$sp_ssl_lib/libcrypto.a" 2>/dev/null |
			$GREP ecp_nistz256_precomputed >/dev/null],
		[sp_boringssl_small=no], [sp_boringssl_small=yes])],
	[sp_boringssl_small=unknown])
AC_MSG_RESULT([$sp_boringssl_small])
AS_IF([test $sp_boringssl_small = yes], [AC_MSG_WARN(
	[this BoringSSL seems to be built small or without assembly: the ECDSA
P-256 signature of a handshake takes three times as long.
contrib/boringssl/build makes a fast one.])])

LIBS=$sp_saved_LIBS
CPPFLAGS=$sp_saved_CPPFLAGS
sp_boringssl_source=`sed -n '1s/,@<:@^,@:>@*$//p' "$sp_boringssl/VERSION" 2>/dev/null`
AC_DEFINE_UNQUOTED([SP_BORINGSSL_SOURCE],
	["${sp_boringssl_source:-$sp_boringssl}"],
	[where BoringSSL comes from: a package and its version, or a folder])
AC_SUBST([sp_boringssl])
AC_SUBST([BORINGSSL_CPPFLAGS])
AC_SUBST([BORINGSSL_LIBS])
])
