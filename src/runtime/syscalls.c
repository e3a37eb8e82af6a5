/* SPDX-License-Identifier: ISC */
#include "runtime/syscalls.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/syscalls_machine.h"

/* The bit that x32 programs set in a call's number on x86-64. */
#define OTHER_CONVENTION 0x40000000

/* Newer than the oldest headers we build with; the same on every machine. */
#define CALL_MEMFD_SECRET 447
#define CALL_CLONE3 435

static const uint32_t denied[] = {
	/* other programs, other processes */
	SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv,
	SYS_process_vm_writev, SYS_kcmp, SYS_kill, SYS_tkill,
	SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_pidfd_open,
	SYS_pidfd_getfd, SYS_pidfd_send_signal,
	/* another user, other namespaces, other file systems */
	SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid,
	SYS_setresgid, SYS_setfsuid, SYS_setfsgid, SYS_setgroups, SYS_capset,
	SYS_personality, SYS_unshare, SYS_setns, SYS_chroot, SYS_pivot_root,
	SYS_mount, SYS_umount2, SYS_open_tree, SYS_move_mount, SYS_fsopen,
	SYS_fsconfig, SYS_fsmount, SYS_fspick, SYS_mount_setattr,
	SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_mknodat,
	SYS_symlinkat, SYS_quotactl, SYS_acct, SYS_swapon, SYS_swapoff,
	/* the machine */
	SYS_reboot, SYS_kexec_load, SYS_init_module, SYS_finit_module,
	SYS_delete_module, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex,
	SYS_clock_adjtime, SYS_sethostname, SYS_setdomainname, SYS_syslog,
	SYS_vhangup,
	/* wide doors into the kernel */
	SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_io_uring_setup,
	SYS_io_uring_enter, SYS_io_uring_register, SYS_keyctl, SYS_add_key,
	SYS_request_key,
	/* code that came from elsewhere, and ears that stay behind */
	SYS_memfd_create, CALL_MEMFD_SECRET, SYS_listen, SYSCALLS_OF_MACHINE
};

#define DENIED (sizeof(denied) / sizeof(denied[0]))

#define FIELD(name) ((uint32_t)offsetof(struct seccomp_data, name))
/* The half of an argument that flags are in; these machines are all little
 * endian. */
#define ARGUMENT(n) (FIELD(args) + 8 * (n))

#define LOAD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define UNLESS_EQUAL(k, skip) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), 0, (skip))
#define IF_EQUAL(k, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), (skip), 0)
#define IF_ANY_BIT(k, skip) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (k), (skip), 0)
#define FAIL(error) (SECCOMP_RET_ERRNO | (error))

/* Calls that depend on their arguments. Each block leaves the number loaded,
 * or returns. */
static const struct sock_filter beginning[] = {
	LOAD(FIELD(arch)),
	IF_EQUAL(SYSCALLS_MACHINE, 1),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	LOAD(FIELD(nr)),
	/* x32: the same calls by other numbers */
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, OTHER_CONVENTION, 0, 1),
	RETURN(FAIL(ENOSYS)),
	/* clone3 hides its flags behind a pointer: glibc goes on to clone */
	UNLESS_EQUAL(CALL_CLONE3, 1),
	RETURN(FAIL(ENOSYS)),
	/* clone makes threads, no processes */
	UNLESS_EQUAL(SYS_clone, 4),
	LOAD(ARGUMENT(0)),
	IF_ANY_BIT(CLONE_THREAD, 1),
	RETURN(FAIL(EPERM)),
	RETURN(SECCOMP_RET_ALLOW),
	/* sockets to brokers, nameservers and syslog: no raw ones, no netlink
	 */
	UNLESS_EQUAL(SYS_socket, 6),
	LOAD(ARGUMENT(0)),
	IF_EQUAL(AF_UNIX, 3),
	IF_EQUAL(AF_INET, 2),
	IF_EQUAL(AF_INET6, 1),
	RETURN(FAIL(EAFNOSUPPORT)),
	RETURN(SECCOMP_RET_ALLOW),
	/* nothing that was written becomes code */
	IF_EQUAL(SYS_mmap, 1),
	UNLESS_EQUAL(SYS_mprotect, 5),
	LOAD(ARGUMENT(2)),
	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, PROT_WRITE | PROT_EXEC),
	UNLESS_EQUAL(PROT_WRITE | PROT_EXEC, 1),
	RETURN(FAIL(EACCES)),
	RETURN(SECCOMP_RET_ALLOW),
};

#define BEGINNING (sizeof(beginning) / sizeof(beginning[0]))

static size_t
write_filter(struct sock_filter out[BEGINNING + DENIED + 2])
{
	struct sock_filter allow = RETURN(SECCOMP_RET_ALLOW);
	struct sock_filter fail = RETURN(FAIL(EPERM));
	size_t n = 0;
	size_t i;

	for (i = 0; i < BEGINNING; i++)
		out[n++] = beginning[i];
	for (i = 0; i < DENIED; i++) {
		struct sock_filter test =
		    IF_EQUAL(denied[i], (uint8_t)(DENIED - i));

		out[n++] = test;
	}
	out[n++] = allow;
	out[n++] = fail;
	return n;
}

enum err
syscalls_restrict(void)
{
	struct sock_filter filter[BEGINNING + DENIED + 2];
	struct sock_fprog program = { .filter = filter };

	if (SYSCALLS_MACHINE == 0)
		return ERR_NOT_FOUND;
	program.len = (unsigned short)write_filter(filter);
	/* The filter is no reason to slow the process down with a guard
	 * against leaks to itself, as kernels before 5.16 would. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		&program) != 0)
		return ERR_NOT_FOUND;
	return OK;
}
