/* SPDX-License-Identifier: ISC */
#include "runtime/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The name of the machine's calling convention, and calls that only this
 * machine has. On other machines there is no filter. */
#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#define DENIED_OF_MACHINE \
	SYS_fork, SYS_vfork, SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_mknod, \
	    SYS_symlink, SYS_uselib, SYS_kexec_file_load,
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#define DENIED_OF_MACHINE SYS_kexec_file_load,
#elif defined(__riscv) && __riscv_xlen == 64
#define MACHINE AUDIT_ARCH_RISCV64
#define DENIED_OF_MACHINE
#else
#define MACHINE 0
#define DENIED_OF_MACHINE
#endif

/* The bit that x32 programs set in a call's number on x86-64. */
#define OTHER_CONVENTION 0x40000000

/* Newer than the oldest headers we build with; the same on every machine. */
#define CALL_MEMFD_SECRET 447
#define CALL_CLONE3 435

static const uint32_t denied[] = {
	/* other programs */
	SYS_execve, SYS_execveat,
	/* other processes */
	SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp,
	SYS_kill, SYS_tkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
	SYS_pidfd_open, SYS_pidfd_getfd, SYS_pidfd_send_signal,
	SYS_process_madvise, SYS_setpriority, SYS_ioprio_set, SYS_setpgid,
	SYS_sched_setparam, SYS_sched_setscheduler, SYS_sched_setattr,
	SYS_migrate_pages, SYS_move_pages, SYS_get_robust_list,
	/* other users, namespaces and file systems */
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
	/* large interfaces of the kernel */
	SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_io_uring_setup,
	SYS_io_uring_enter, SYS_io_uring_register, SYS_keyctl, SYS_add_key,
	SYS_request_key,
	/* files in memory, and new listening sockets */
	SYS_memfd_create, CALL_MEMFD_SECRET, SYS_listen, DENIED_OF_MACHINE
};

#define DENIED (sizeof(denied) / sizeof(denied[0]))

/* A jump has eight bits for the number of instructions to skip. */
_Static_assert(DENIED <= UINT8_MAX, "too many denied calls");

#define FIELD(name) ((uint32_t)offsetof(struct seccomp_data, name))
/* The low half of argument `n'; all these machines are little endian. */
#define ARGUMENT(n) (FIELD(args) + 8 * (n))

#define LOAD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define ALLOW RETURN(SECCOMP_RET_ALLOW)
#define FAIL(error) RETURN(SECCOMP_RET_ERRNO | (error))
#define UNLESS_EQUAL(k, skip) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), 0, (skip))
#define IF_EQUAL(k, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), (skip), 0)
#define IF_ANY_BIT(k, skip) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (k), (skip), 0)

/* Instructions for the calls that depend on their arguments, at most. */
#define BEGINNING_MAX 80

/*
 * Writes the checks of the calling convention and of arguments. Each block
 * compares the call's number, which is loaded, and skips itself or returns.
 */
static size_t
write_beginning(struct sock_filter *out)
{
	const uint32_t own = (uint32_t)getpid();
	const struct sock_filter beginning[] = {
		LOAD(FIELD(arch)),
		IF_EQUAL(MACHINE, 1),
		RETURN(SECCOMP_RET_KILL_PROCESS),
		LOAD(FIELD(nr)),
		/* x32 has the same calls under other numbers */
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, OTHER_CONVENTION, 0, 1),
		FAIL(ENOSYS),
		/* clone3 takes its flags by a pointer; without it glibc uses
		 * clone */
		UNLESS_EQUAL(CALL_CLONE3, 1),
		FAIL(ENOSYS),
		/* clone: threads, but no processes */
		UNLESS_EQUAL(SYS_clone, 4),
		LOAD(ARGUMENT(0)),
		IF_ANY_BIT(CLONE_THREAD, 1),
		FAIL(EPERM),
		ALLOW,
		/* socket: for brokers, nameservers and syslog; no raw sockets,
		 * no netlink */
		UNLESS_EQUAL(SYS_socket, 6),
		LOAD(ARGUMENT(0)),
		IF_EQUAL(AF_UNIX, 3),
		IF_EQUAL(AF_INET, 2),
		IF_EQUAL(AF_INET6, 1),
		FAIL(EAFNOSUPPORT),
		ALLOW,
		/* memory: none becomes executable, whatever it contains */
		IF_EQUAL(SYS_mmap, 2),
		IF_EQUAL(SYS_mprotect, 1),
		UNLESS_EQUAL(SYS_pkey_mprotect, 4),
		LOAD(ARGUMENT(2)),
		IF_ANY_BIT(PROT_EXEC, 1),
		ALLOW,
		FAIL(EACCES),
		UNLESS_EQUAL(SYS_shmat, 4),
		LOAD(ARGUMENT(2)),
		IF_ANY_BIT(SHM_EXEC, 1),
		ALLOW,
		FAIL(EACCES),
		/* signals, limits and affinity: of this process only */
		UNLESS_EQUAL(SYS_tgkill, 4),
		LOAD(ARGUMENT(0)),
		IF_EQUAL(own, 1),
		FAIL(EPERM),
		ALLOW,
		UNLESS_EQUAL(SYS_prlimit64, 5),
		LOAD(ARGUMENT(0)),
		IF_EQUAL(0, 2),
		IF_EQUAL(own, 1),
		FAIL(EPERM),
		ALLOW,
		UNLESS_EQUAL(SYS_sched_setaffinity, 4),
		LOAD(ARGUMENT(0)),
		IF_EQUAL(0, 1),
		FAIL(EPERM),
		ALLOW,
		/* a descriptor that sends signals to another process */
		UNLESS_EQUAL(SYS_fcntl, 6),
		LOAD(ARGUMENT(1)),
		IF_EQUAL(F_SETOWN, 3),
		IF_EQUAL(F_SETOWN_EX, 2),
		IF_EQUAL(F_SETSIG, 1),
		ALLOW,
		FAIL(EPERM),
		/* the same by ioctl, and input to the terminal's shell */
		UNLESS_EQUAL(SYS_ioctl, 7),
		LOAD(ARGUMENT(1)),
		IF_EQUAL(FIOSETOWN, 4),
		IF_EQUAL(SIOCSPGRP, 3),
		IF_EQUAL(TIOCSTI, 2),
		IF_EQUAL(TIOCLINUX, 1),
		ALLOW,
		FAIL(EPERM),
	};
	size_t n;

	_Static_assert(sizeof(beginning) / sizeof(beginning[0]) <=
		BEGINNING_MAX,
	    "BEGINNING_MAX");
	for (n = 0; n < sizeof(beginning) / sizeof(beginning[0]); n++)
		out[n] = beginning[n];
	return n;
}

static size_t
write_filter(struct sock_filter out[BEGINNING_MAX + DENIED + 2])
{
	const struct sock_filter allow = ALLOW;
	const struct sock_filter fail = FAIL(EPERM);
	size_t n = write_beginning(out);
	size_t i;

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
	struct sock_filter filter[BEGINNING_MAX + DENIED + 2];
	struct sock_fprog program = { .filter = filter };

	if (MACHINE == 0)
		return ERR_NOT_FOUND;
	program.len = (unsigned short)write_filter(filter);
	/* SPEC_ALLOW: kernels before 5.16 would otherwise slow the process
	 * down with a mitigation against leaks to itself. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		&program) == 0)
		return OK;
	return errno == EPERM ? ERR_SYSTEM : ERR_NOT_FOUND;
}
