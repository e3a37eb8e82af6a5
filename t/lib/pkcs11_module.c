/* SPDX-License-Identifier: ISC */
/*
 * A PKCS#11 module for the tests: SoftHSM, with the faults that a real token
 * has. Files in the folder $TOKEN_FAULTS switch them on:
 *
 *   gone    no token is present, and sessions are invalid
 *   hang    a signature waits until the file is removed
 *   slow    a signature takes a quarter of a second
 *   locked  the token says that its PIN is locked
 *   false   signatures are wrong
 *
 * Each login is noted in the file "logins", and each signature that begins in
 * "signatures", a byte each. $TOKEN_MODULE is SoftHSM's module.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST list;

static void
path_of(char out[4096], const char *name)
{
	const char *folder = getenv("TOKEN_FAULTS");

	snprintf(out, 4096, "%s/%s", folder == NULL ? "" : folder, name);
}

static bool
has_fault(const char *name)
{
	char path[4096];

	path_of(path, name);
	return access(path, F_OK) == 0;
}

static void
note(const char *name)
{
	char path[4096];
	int fd;

	path_of(path, name);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd == -1)
		return;
	if (write(fd, "x", 1) != 1)
		abort();
	close(fd);
}

static void
wait_ms(long ms)
{
	const struct timespec t = { 0, ms * 1000000 };

	nanosleep(&t, NULL);
}

static CK_RV
get_slot_list(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count)
{
	if (!has_fault("gone"))
		return real->C_GetSlotList(present, slots, count);
	*count = 0;
	return CKR_OK;
}

static CK_RV
get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV rv = real->C_GetTokenInfo(slot, info);

	if (rv == CKR_OK && has_fault("locked"))
		info->flags |= CKF_USER_PIN_LOCKED;
	return rv;
}

static CK_RV
login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin,
    CK_ULONG len)
{
	note("logins");
	return real->C_Login(session, user, pin, len);
}

static CK_RV
sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *out,
    CK_ULONG *out_len)
{
	CK_RV rv;

	if (has_fault("gone"))
		return CKR_DEVICE_REMOVED;
	note("signatures");
	if (has_fault("slow"))
		wait_ms(250);
	while (has_fault("hang"))
		wait_ms(5);
	rv = real->C_Sign(session, data, len, out, out_len);
	if (rv == CKR_OK && has_fault("false"))
		out[*out_len - 1] ^= 1;
	return rv;
}

CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	const char *path = getenv("TOKEN_MODULE");
	void *module = dlopen(path == NULL ? "" : path, RTLD_NOW);
	CK_C_GetFunctionList get = NULL;

	if (module != NULL)
		*(void **)&get = dlsym(module, "C_GetFunctionList");
	if (get == NULL || get(&real) != CKR_OK)
		return CKR_GENERAL_ERROR;
	list = *real;
	list.C_GetFunctionList = C_GetFunctionList;
	list.C_GetSlotList = get_slot_list;
	list.C_GetTokenInfo = get_token_info;
	list.C_Login = login;
	list.C_Sign = sign;
	*out = &list;
	return CKR_OK;
}
