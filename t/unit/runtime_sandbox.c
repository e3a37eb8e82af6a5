/* SPDX-License-Identifier: ISC */
/*
 * A child process enters the sandbox and tries what it must no longer be able
 * to do, and what it must.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config_kit.h"
#include "runtime/sandbox.h"
#include "tap.h"

/* Something that the child tries; `act' returns 0 if it could, else errno. */
struct attempt {
	const char *what;
	int (*act)(void);
	int expect; /* 0, or the errno of the refusal */
	enum {
		FILES,
		PORTS,
		SYSCALLS
	} by; /* what refuses it */
};

static uint16_t named_port;
static int named_socket;
static uint16_t other_port;
static int other_socket;
static char outside[] = "/tmp/sallyport-outside-XXXXXX";
static char inside[PATH_MAX];

static int
listen_somewhere(uint16_t *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == -1 ||
	    listen(fd, 8) == -1 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) == -1)
		abort();
	*port = ntohs(at.sin_port);
	return fd;
}

static int
result(long rc)
{
	return rc == -1 ? errno : 0;
}

static int
try_connect(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int rc;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	rc = result(connect(fd, (struct sockaddr *)&to, sizeof(to)));
	close(fd);
	return rc;
}

static int
read_inside(void)
{
	return result(open(inside, O_RDONLY));
}

static int
read_resolv(void)
{
	int rc = result(open("/etc/resolv.conf", O_RDONLY));

	return rc == ENOENT ? 0 : rc;
}

static int
read_outside(void)
{
	return result(open(outside, O_RDONLY));
}

static int
write_inside(void)
{
	return result(open(inside, O_WRONLY));
}

static int
write_outside(void)
{
	return result(open("/tmp/sallyport-new", O_WRONLY | O_CREAT, 0600));
}

static int
connect_named(void)
{
	return try_connect(named_port);
}

static int
connect_other(void)
{
	return try_connect(other_port);
}

static int
exec_program(void)
{
	return result(execl("/bin/true", "true", (char *)NULL));
}

static int
make_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return result(pid);
}

static void *
return_it(void *arg)
{
	return arg;
}

static int
make_thread(void)
{
	pthread_t t;
	int rc = pthread_create(&t, NULL, return_it, NULL);

	if (rc == 0)
		pthread_join(t, NULL);
	return rc;
}

static int
listen_again(void)
{
	return result(listen(named_socket, 1));
}

static int
open_netlink(void)
{
	return result(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int
signal_parent(void)
{
	return result(kill(getppid(), 0));
}

static int
map_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static void *
data_page(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int
protect_as_code(void)
{
	return result(mprotect(data_page(), 4096, PROT_READ | PROT_EXEC));
}

static int
protect_by_key(void)
{
	return result(syscall(SYS_pkey_mprotect, data_page(), 4096,
	    PROT_READ | PROT_EXEC, -1));
}

static int
map_file_as_code(void)
{
	int fd = open(inside, O_RDONLY);
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int
attach_as_code(void)
{
	int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0700);
	int rc = shmat(id, NULL, SHM_EXEC) == (void *)-1 ? errno : 0;

	shmctl(id, IPC_RMID, NULL);
	return rc;
}

static int
signal_thread_of_parent(void)
{
	return result(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int
signal_itself(void)
{
	return result(syscall(SYS_tgkill, getpid(), gettid(), 0));
}

static int
limit_parent(void)
{
	struct rlimit r;

	return result(prlimit(getppid(), RLIMIT_NOFILE, NULL, &r));
}

static int
limit_itself(void)
{
	struct rlimit r;

	return result(getrlimit(RLIMIT_NOFILE, &r));
}

static int
bind_parent_to_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	return result(sched_setaffinity(getppid(), sizeof(set), &set));
}

static int
slow_parent_down(void)
{
	return result(setpriority(PRIO_PROCESS, (id_t)getppid(), 19));
}

static int
own_descriptor(void)
{
	return result(fcntl(named_socket, F_SETOWN, getppid()));
}

static int
own_descriptor_by_ioctl(void)
{
	int pid = getppid();

	return result(ioctl(named_socket, FIOSETOWN, &pid));
}

static int
become_dumpable(void)
{
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? EPERM : 0;
}

static const struct attempt attempts[] = {
	{ "reads a file beside the named ones", read_inside, 0, FILES },
	{ "reads resolv.conf", read_resolv, 0, FILES },
	{ "reads a file elsewhere", read_outside, EACCES, FILES },
	{ "writes a file it may read", write_inside, EACCES, FILES },
	{ "makes a file", write_outside, EACCES, FILES },
	{ "connects to the broker's port", connect_named, 0, PORTS },
	{ "connects to another port", connect_other, EACCES, PORTS },
	{ "starts a thread", make_thread, 0, SYSCALLS },
	{ "forks", make_process, EPERM, SYSCALLS },
	{ "runs a program", exec_program, EPERM, SYSCALLS },
	{ "listens", listen_again, EPERM, SYSCALLS },
	{ "opens a netlink socket", open_netlink, EAFNOSUPPORT, SYSCALLS },
	{ "signals another process", signal_parent, EPERM, SYSCALLS },
	{ "signals a thread of another process", signal_thread_of_parent, EPERM,
	    SYSCALLS },
	{ "signals itself", signal_itself, 0, SYSCALLS },
	{ "changes limits of another process", limit_parent, EPERM, SYSCALLS },
	{ "reads its own limits", limit_itself, 0, SYSCALLS },
	{ "binds another process to a CPU", bind_parent_to_cpu, EPERM,
	    SYSCALLS },
	{ "changes the priority of another process", slow_parent_down, EPERM,
	    SYSCALLS },
	{ "has a descriptor signal another process", own_descriptor, EPERM,
	    SYSCALLS },
	{ "the same by ioctl", own_descriptor_by_ioctl, EPERM, SYSCALLS },
	{ "maps code that can be written", map_code, EACCES, SYSCALLS },
	{ "makes written memory code", protect_as_code, EACCES, SYSCALLS },
	{ "the same with a protection key", protect_by_key, EACCES, SYSCALLS },
	{ "maps a file as code", map_file_as_code, EACCES, SYSCALLS },
	{ "attaches shared memory as code", attach_as_code, EACCES, SYSCALLS },
	{ "can be dumped", become_dumpable, EPERM, SYSCALLS },
};

#define ATTEMPTS (sizeof(attempts) / sizeof(attempts[0]))

/* What the child found. */
struct findings {
	enum err err;
	struct sandbox in_force;
	int results[ATTEMPTS];
};

static void
be_child(struct config *cfg, int out)
{
	struct findings f = { .err = OK };
	size_t i;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	f.err = sandbox_enter(&f.in_force, cfg);
	for (i = 0; f.err == OK && i < ATTEMPTS; i++)
		f.results[i] = attempts[i].act();
	_exit(write(out, &f, sizeof(f)) == (ssize_t)sizeof(f) ? 0 : 1);
}

static void
look_in(struct config *cfg, struct findings *f)
{
	int ends[2];
	pid_t pid;

	memset(f, 0, sizeof(*f));
	f->err = ERR_SYSTEM;
	if (pipe(ends) == -1)
		abort();
	pid = fork();
	if (pid == 0)
		be_child(cfg, ends[1]);
	close(ends[1]);
	if (read(ends[0], f, sizeof(*f)) != (ssize_t)sizeof(*f))
		diag("the child said nothing");
	close(ends[0]);
	waitpid(pid, NULL, 0);
}

static void
test_shut(const struct findings *f)
{
	const struct sandbox *s = &f->in_force;
	size_t i;

	is_int(f->err, OK, "the sandbox is entered");
	for (i = 0; i < ATTEMPTS; i++) {
		bool there = attempts[i].by == FILES ? s->landlock > 0
		    : attempts[i].by == PORTS        ? s->ports
						     : s->syscalls;

		if (!there)
			ok(true, "# skip this kernel cannot: %s",
			    attempts[i].what);
		else
			is_int(f->results[i], attempts[i].expect, "%s: %s",
			    attempts[i].what,
			    attempts[i].expect == 0 ? "yes" : "no");
	}
}

static void
test_compare(struct config *cfg)
{
	struct sandbox s = { .config = cfg, .ports = true };
	char text[512];
	struct config *next;
	struct report r;

	snprintf(text, sizeof(text),
	    KIT_GOOD "[backend]\naddress = a:%u, b:%u, unix:/x\n", named_port,
	    other_port);
	next = kit_load(text);
	report_init(&r);
	sandbox_compare(&s, cfg, &r);
	is_int(r.count, 0, "the same configuration wants nothing new");
	if (ok(next != NULL, "another one loads")) {
		sandbox_compare(&s, next, &r);
		is_int(r.count, 1, "its new port is told");
	}
	report_fini(&r);
	config_put(next);
}

int
main(void)
{
	struct config *cfg;
	struct findings f;
	char text[512];
	int fd = mkstemp(outside);

	close(fd);
	named_socket = listen_somewhere(&named_port);
	other_socket = listen_somewhere(&other_port);
	snprintf(inside, sizeof(inside), "%s/beside", kit_dir());
	kit_touch("beside");
	snprintf(text, sizeof(text),
	    KIT_GOOD "[backend]\naddress = 127.0.0.1:%u\n", named_port);
	cfg = kit_load(text);
	if (!ok(cfg != NULL, "a configuration loads"))
		return done_testing();
	look_in(cfg, &f);
	test_shut(&f);
	test_compare(cfg);
	config_put(cfg);
	close(named_socket);
	close(other_socket);
	unlink(outside);
	unlink(inside);
	kit_end();
	return done_testing();
}
