# SP_OPTIONS: what the person building may choose.
AC_DEFUN([SP_OPTIONS], [
AC_ARG_ENABLE([werror],
	[AS_HELP_STRING([--enable-werror], [warnings are errors])],
	[], [enable_werror=no])
AC_ARG_ENABLE([debug],
	[AS_HELP_STRING([--enable-debug],
		[for a debugger: no optimisation, no hardening])],
	[], [enable_debug=no])
AC_ARG_ENABLE([sanitize],
	[AS_HELP_STRING([--enable-sanitize=LIST],
		[e.g. address,undefined (which --enable-sanitize alone means)
		or thread])],
	[], [enable_sanitize=unset])
AS_IF([test "x$enable_sanitize" = xyes],
	[enable_sanitize=address,undefined])
AC_ARG_ENABLE([fuzzers],
	[AS_HELP_STRING([--enable-fuzzers],
		[libFuzzer programs of t/fuzz (CC=clang), sanitized unless
		--disable-sanitize says not to])],
	[], [enable_fuzzers=no])
dnl A fuzzer that hears of crashes alone finds half of what there is.
AS_IF([test "x$enable_fuzzers$enable_sanitize" = xyesunset],
	[enable_sanitize=address,undefined])
AS_IF([test "x$enable_sanitize" = xunset], [enable_sanitize=no])
AC_ARG_ENABLE([static],
	[AS_HELP_STRING([--enable-static],
		[programs that need no shared library, for containers and
		small systems; they know nothing of systemd])],
	[], [enable_static=no])
AC_ARG_WITH([systemd],
	[AS_HELP_STRING([--without-systemd],
		[do not tell systemd when ready (default: if it is there)])],
	[], [with_systemd=check])
AC_ARG_WITH([fleet],
	[AS_HELP_STRING([--without-fleet],
		[without hiredis, so replicas cannot share state through Valkey
		or Redis (default: if it is there)])],
	[], [with_fleet=check])
AC_ARG_WITH([fetch],
	[AS_HELP_STRING([--without-fetch],
		[without libcurl, so no sallyport-fetch, which downloads CRLs
		(default: if it is there)])],
	[], [with_fetch=check])
AC_ARG_WITH([p11-kit],
	[AS_HELP_STRING([--without-p11-kit],
		[no private keys in PKCS#11 tokens (default: if it is there)])],
	[], [with_p11_kit=check])
AC_ARG_WITH([systemdsystemunitdir],
	[AS_HELP_STRING([--with-systemdsystemunitdir=DIR],
		[where the units go, or no (default: PREFIX/lib/systemd/system
		if systemd is told)])],
	[], [with_systemdsystemunitdir=])
AC_ARG_WITH([boringssl],
	[AS_HELP_STRING([--with-boringssl=PREFIX],
		[a BoringSSL with include/ and lib/{libssl,libcrypto}.a
		(default: what contrib/boringssl/build made)])],
	[], [with_boringssl=])
AM_CONDITIONAL([FUZZERS], [test "x$enable_fuzzers" = xyes])
])
