# SP_TRY_FLAG(VARIABLE, FLAG): appends FLAG if compiler and linker take it.
AC_DEFUN([SP_TRY_FLAG], [
sp_saved_CFLAGS=$CFLAGS
CFLAGS="$CFLAGS -Werror $2"
AC_MSG_CHECKING([for $2])
AC_LINK_IFELSE([AC_LANG_PROGRAM()],
	[AC_MSG_RESULT([yes])
	AS_VAR_APPEND([$1], [" $2"])],
	[AC_MSG_RESULT([no])])
CFLAGS=$sp_saved_CFLAGS
])

# SP_COMPILER: warnings, and either hardening, sanitizers or a debug build.
# Sets SP_CPPFLAGS, SP_CFLAGS, SP_LDFLAGS, what the tests' deadlines are
# multiplied by in SP_TEST_SLOW, and sp_build to say which.
AC_DEFUN([SP_COMPILER], [
SP_CPPFLAGS=
SP_CFLAGS="-pthread -fno-common"
SP_LDFLAGS=-pthread
SP_TEST_SLOW=1

m4_foreach_w([flag], [-Wall -Wextra -Wshadow -Wstrict-prototypes
	-Wmissing-prototypes -Wold-style-definition -Wpointer-arith
	-Wwrite-strings -Wundef -Wvla -Wformat=2
	-Wdeclaration-after-statement -Wjump-misses-init
	-Wimplicit-fallthrough],
	[SP_TRY_FLAG([SP_CFLAGS], flag)])
AS_IF([test "x$enable_werror" = xyes], [AS_VAR_APPEND([SP_CFLAGS],
	[" -Werror"])])

AS_IF([test "x$enable_sanitize" != xno], [
	sp_build="sanitized: $enable_sanitize"
	SP_TEST_SLOW=4
	sp_flag="-fsanitize=$enable_sanitize -fno-sanitize-recover=all"
	sp_saved_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS $sp_flag"
	AC_LINK_IFELSE([AC_LANG_PROGRAM()], [], [AC_MSG_ERROR(
		[$CC cannot link with $sp_flag; for clang apt-get install
		libclang-rt-dev])])
	CFLAGS=$sp_saved_CFLAGS
	AS_VAR_APPEND([SP_CFLAGS],
		[" $sp_flag -fno-omit-frame-pointer"])
	AS_IF([test $sp_own_CFLAGS = yes], [CFLAGS="-O1 -g"])
	AS_VAR_APPEND([SP_LDFLAGS], [" $sp_flag"])
], [test "x$enable_debug" = xyes], [
	sp_build="debug"
	AS_IF([test "x$enable_static" = xyes], [SP_LDFLAGS="-pthread -static"])
	AS_IF([test $sp_own_CFLAGS = yes], [CFLAGS="-O0 -g3"])
], [
	sp_build="release, hardened"
	SP_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"
	m4_foreach_w([flag], [-fPIE -fstack-protector-strong
		-fstack-clash-protection -fcf-protection -fno-plt],
		[SP_TRY_FLAG([SP_CFLAGS], flag)])
	m4_foreach([flag], [$SP_PIE, [-Wl,-z,relro], [-Wl,-z,now],
		[-Wl,-z,noexecstack], [-Wl,--as-needed], [-Wl,--gc-sections]],
		[SP_TRY_FLAG([SP_LDFLAGS], [flag])])
])

SP_FUZZ_FLAGS=
AS_IF([test "x$enable_fuzzers" = xyes], [
	SP_FUZZ_FLAGS=-fsanitize=fuzzer
	AS_VAR_APPEND([SP_CFLAGS], [" -fsanitize=fuzzer-no-link"])
	sp_saved_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -fsanitize=fuzzer"
	AC_MSG_CHECKING([for libFuzzer])
	AC_LINK_IFELSE([AC_LANG_SOURCE([[
		#include <stddef.h>
		#include <stdint.h>
		int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
		int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
		{ return p == 0 && n == 0; }]])],
		[AC_MSG_RESULT([yes])],
		[AC_MSG_ERROR([$CC has none: configure with CC=clang
		(apt-get install clang)])])
	CFLAGS=$sp_saved_CFLAGS
])
AC_SUBST([SP_CPPFLAGS])
AC_SUBST([SP_CFLAGS])
AC_SUBST([SP_LDFLAGS])
AC_SUBST([SP_FUZZ_FLAGS])
AC_SUBST([SP_TEST_SLOW])
])
