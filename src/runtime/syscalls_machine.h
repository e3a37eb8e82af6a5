/* SPDX-License-Identifier: ISC */
/*
 * What differs between machines for runtime/syscalls.c: the name of the
 * machine's calling convention, and calls that only some machines have. A
 * machine that is not here runs without the filter.
 */
#ifndef RUNTIME_SYSCALLS_MACHINE_H
#define RUNTIME_SYSCALLS_MACHINE_H

#include <linux/audit.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define SYSCALLS_MACHINE AUDIT_ARCH_X86_64
#define SYSCALLS_OF_MACHINE \
	SYS_fork, SYS_vfork, SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_mknod, \
	    SYS_symlink, SYS_uselib, SYS_kexec_file_load,
#elif defined(__aarch64__)
#define SYSCALLS_MACHINE AUDIT_ARCH_AARCH64
#define SYSCALLS_OF_MACHINE SYS_kexec_file_load,
#elif defined(__riscv) && __riscv_xlen == 64
#define SYSCALLS_MACHINE AUDIT_ARCH_RISCV64
#define SYSCALLS_OF_MACHINE
#else
#define SYSCALLS_MACHINE 0
#define SYSCALLS_OF_MACHINE
#endif

#endif
