#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The environments in which daemons are started: strict umask, no /proc, no
# /dev/log, no resolv.conf, a read-only folder, closed descriptors, no IPv6, any
# number of files. In each of them a device connects, a reload works, and a
# denied device is disconnected.
use strict;
use warnings;
use Config;
use FindBin;
use IO::Socket::IP;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(AF_INET6);
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;

# A network of our own, for its IPv6. Each row mounts in a namespace of its own.
if ($> == 0 && ($ENV{SALLYPORT_OWN_NET} // '') ne $0
    && (Sallyport::Proc::run(10, qw(unshare -mn --propagation private
	ip link set lo up)))[0] == 0) {
	$ENV{SALLYPORT_OWN_NET} = $0;
	exec 'unshare', '-mn', '--propagation', 'private', $^X, $0;
}
my $own = $ENV{SALLYPORT_OWN_NET};

system('ip', 'link', 'set', 'lo', 'up') if $own;
# LeakSanitizer cannot look into a process that was root.
$ENV{ASAN_OPTIONS} = 'detect_leaks=0';
my $broker = peer('broker')->listen;
my $rows = 0;

# Returns a command that changes the mounts and then executes the daemon.
sub mounted
{
	my ($script) = @_;

	return [qw(unshare -m --propagation private sh -c),
		"$script; exec \"\$@\"", 'sh'];
}

# A folder that the daemon may write.
sub own_dir
{
	my $dir = tmp('row' . ++$rows);

	mkdir $dir or die "$dir: $!";
	chmod 0755, $dir;
	chown +(getpwnam 'nobody')[2], -1, $dir if $> == 0;
	return $dir;
}

sub arrives
{
	my ($proxy, %arg) = @_;
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'), %arg);
	my $b = $broker->session($c);
	return ($c, $b);
}

# Starts the daemon in an environment, and does what operators do with it.
# Fields: kit for Sallyport::Proc, over (sections), as_root (it changes to
# nobody itself, as it must where only root can make the environment), and
# check, called with the daemon and its folder.
sub row
{
	my ($what, %row) = @_;
	my $dir = own_dir();
	my %over = %{ $row{over} // {} };
	my $proxy = sallyport(
		kit => { drop => !$row{as_root}, %{ $row{kit} // {} } },
		%over,
		daemon => { admin_socket => "$dir/admin", user => 'nobody',
			http_listen => '127.0.0.1:0',
			%{ $over{daemon} // {} } },
		denylist => { file => denylist($dir) },
		backend => { address => $broker->address,
			%{ $over{backend} // {} } });
	my ($c, $b) = arrives($proxy, %{ $row{peer} // {} });

	$c->send(mqtt_pingreq);
	is(hex($b->packet), hex(mqtt_pingreq), "$what: a device comes in");
	is((ctl("$dir/admin", 'reload'))[0], 0, "$what: a reload works");
	$row{check}->($proxy, $dir) if $row{check};
	is((ctl("$dir/admin", qw(deny clientid c)))[0], 0, "$what: deny");
	isnt($c->ended->{status}, 'timeout', "$what: the denied device is out");
	$_->close for $c, $b;
	$proxy->stop;
}

sub denylist
{
	my ($dir) = @_;
	my $file = write_file("$dir/deny.csv", "as,who,reason,until\n");

	chown +(getpwnam 'nobody')[2], -1, $file if $> == 0;
	return $file;
}

sub mode
{
	return sprintf '%o', (stat $_[0])[2] & 07777;
}

# A strict umask. Both a user's daemon and one that root started.
for my $as_root (0, $> == 0 ? 1 : ()) {
	my $dir = own_dir();
	my $who = $as_root ? 'root' : 'a user';
	my $group = getgrgid($> == 0 ? (getpwnam 'nobody')[3] : (POSIX::getgid));

	row("umask 077, started by $who",
		as_root => $as_root,
		kit => { before => sub { umask 077 } },
		over => { daemon => { log => "$dir/log",
			admin_group => $group } },
		check => sub {
			my (undef, $admin) = @_;

			is(mode("$admin/admin"), '660', 'the admin socket '
				. 'has the mode of its options');
			is(mode("$dir/log"), '600', 'the log that of umask');
			is((stat "$dir/log")[4], $> == 0
				? (getpwnam 'nobody')[2] : $>,
				"and it is the daemon's");
		});
}

# A working directory in which no file can be created.
{
	my $gone = tmp('gone');
	my $locked = tmp('locked');

	mkdir $_ or die $! for $gone, $locked;
	chmod 0555, $locked;
	row('a read-only folder', kit => { before => sub {
		chdir $locked or die;
	} });
	row('a folder that is gone', kit => { before => sub {
		chdir $gone or die;
		rmdir $gone;
	} });
}
SKIP: {
	skip 'no namespaces here', 4 unless $own;
	my $etc = tmp('etc');

	mkdir $etc or die $!;
	row('a read-only file system', as_root => 1, kit => { wrap => mounted(
		"mount -t tmpfs -o ro,mode=755 none $etc && cd $etc") });
}

# Standard descriptors.
for my $closed ([0], [1], [2], [0, 1], [1, 2], [0, 1, 2]) {
	my $dir = own_dir();

	# The kit starts another user's program from a descriptor.
	row("closed: @$closed", as_root => $> == 0,
		kit => { before => sub { POSIX::close($_) for @$closed } },
		over => { daemon => { log => "$dir/log" } },
		check => sub {
			my ($proxy) = @_;
			my $fd = "/proc/$proxy->{pid}/fd";

			is(scalar(grep { (readlink "$fd/$_" // '')
				ne '/dev/null' } @$closed), 0,
				'nothing else has got their numbers')
			    if -r $fd;
		});
}

# What a CRL folder may contain.
{
	my $crls = own_dir();

	pki->crl("$crls/one.pem", 'client-ca');
	chmod 0644, "$crls/one.pem";
	POSIX::mkfifo("$crls/fifo", 0644) or die $!;
	mkdir "$crls/lost+found", 0700 or die $!;
	my $socket = IO::Socket::UNIX->new(Local => "$crls/socket", Listen => 1)
	    or die $!;
	symlink "$crls/fifo", "$crls/link" or die $!;
	row('a FIFO, a socket and lost+found in a CRL folder',
		over => { tls => { crl => $crls } },
		check => sub {
			my ($proxy) = @_;

			like($proxy->text, qr/\Q$crls\E\/$_\b/,
				"it tells that $_ is not read")
			    for 'fifo', 'socket', 'link';
		});
}

# Limits of descriptors. Only a kernel with changed settings allows billions, so
# a changed C library reports that limit.
SKIP: {
	my $c = write_file(tmp('limit.c'), <<'C');
#include <sys/resource.h>
static int tell(int what, struct rlimit *r)
{
	(void)what;
	r->rlim_cur = 1073741816;
	r->rlim_max = 1073741816;
	return 0;
}
int getrlimit(__rlimit_resource_t what, struct rlimit *r)
{
	return tell((int)what, r);
}
int getrlimit64(__rlimit_resource_t what, struct rlimit64 *r)
{
	return tell((int)what, (struct rlimit *)r);
}
C
	my $program = Sallyport::Daemon::program(builddir);
	skip 'the limit cannot be told', 4
	    if read_file($program) =~ /__asan_init|__tsan_init/
	    || `file -L '$program' 2>/dev/null` !~ /dynamically linked/
	    || system("cc -w -D_GNU_SOURCE -shared -fPIC -o ${\tmp('limit.so')} $c "
		. '2>/dev/null') != 0;
	row('a billion descriptors',
		kit => { env => { LD_PRELOAD => tmp('limit.so') } });
}

SKIP: {
	skip 'no namespaces here', 12 unless $own;
	my $dev = tmp('dev');
	row('no /dev/log, and a log to syslog',
		as_root => 1,
		kit => { wrap => mounted("mkdir $dev && cp -a /dev/null "
			. "/dev/zero /dev/random /dev/urandom $dev && "
			. "mount --bind $dev /dev") },
		over => { daemon => { log => 'syslog' } },
		check => sub {
			my ($proxy) = @_;

			ok($proxy->wait_log(qr{warning: log: .*/dev/log}),
				'it warns on stderr');
		});
	row('an empty /dev', as_root => 1,
		kit => { wrap => mounted('mount -t tmpfs none /dev') });
	my $etc = tmp('etc-without');
	mkdir $etc or die $!;
	system("cp -a /etc/passwd /etc/group /etc/ld.so.cache $etc 2>/dev/null");
	write_file("$etc/hosts", "127.0.0.1 localhost mq.hosts\n");
	my ($port) = $broker->address =~ /(\d+)$/;
	for my $name ('127.0.0.1', 'mq.hosts') {
		row("no /etc/resolv.conf, the broker is $name", as_root => 1,
			kit => { wrap => mounted("mount --bind $etc /etc") },
			over => { backend => { address => "$name:$port" } });
	}
	my $empty = tmp('etc-empty');
	mkdir $empty or die $!;
	system("cp -a /etc/passwd /etc/group $empty");
	row('an /etc with users only', as_root => 1,
		kit => { wrap => mounted("mount --bind $empty /etc") });
}
SKIP: {
	skip 'no namespaces here', 4 unless $own;
	skip 'a sanitizer needs /proc', 4
	    if read_file(Sallyport::Daemon::program(builddir))
		=~ /__asan_init|__tsan_init/;
	row('no /proc', as_root => 1,
		kit => { wrap => mounted('mount -t tmpfs none /proc') },
		check => sub {
			my ($proxy) = @_;
			my $metrics = http($proxy->port('http_listen'), 'GET',
				'/metrics')->{body};

			unlike($metrics, qr/^process_\w+ 0$/m,
				'no metric says 0 of what is unknown');
		});
}

# IPv6 is off: by sysctl, when addresses cannot be had; and in the kernel, when
# there are no such sockets. The second is done by a filter of system calls.
my %off = (
	'by sysctl' => { as_root => 1 },
	'in the kernel' => { kit => { before => \&forbid_ipv6 } },
);

# seccomp(SECCOMP_SET_MODE_FILTER): socket(AF_INET6) fails with EAFNOSUPPORT.
sub forbid_ipv6
{
	my $arm = (POSIX::uname)[4] eq 'aarch64';
	my $filter = join '', map { pack 'SCCL', @$_ } (
		[0x20, 0, 0, 0],			# the call's number
		[0x15, 0, 3, $arm ? 198 : 41],		# socket?
		[0x20, 0, 0, 16],			# its first argument
		[0x15, 0, 1, AF_INET6],
		[0x06, 0, 0, 0x00050000 | POSIX::EAFNOSUPPORT()],
		[0x06, 0, 0, 0x7fff0000],
	);
	my $program = pack 'S x![P] P', 6, $filter;

	syscall($arm ? 167 : 157, 38, 1, 0, 0, 0) == 0
	    or POSIX::_exit(126);
	syscall($arm ? 277 : 317, 1, 0, $program) == 0
	    or POSIX::_exit(126);
}

my $etc_both = tmp('etc-both');
mkdir $etc_both or die $!;
system("cp -a /etc/passwd /etc/group $etc_both");
write_file("$etc_both/hosts", "127.0.0.1 localhost mq.both\n::1 mq.both\n");

for my $how (sort keys %off) {
SKIP: {
	my %row = %{ $off{$how} };
	my $all = '/proc/sys/net/ipv6/conf/all/disable_ipv6';

	if ($row{as_root}) {
		skip 'no network of our own', 8 unless $own;
		open my $fh, '>', $all or skip 'IPv6 cannot be turned off', 8;
		print $fh "1\n";
		close $fh or skip 'IPv6 cannot be turned off', 8;
	} else {
		skip 'no such filter here', 8
		    if (POSIX::uname)[4] !~ /^(?:x86_64|aarch64)$/;
	}
	my ($port) = $broker->address =~ /(\d+)$/;
	row("IPv6 off $how", %row, over => {
		# Both families, of which one is missing.
		'listener tls' => { bind => '0' },
		# The first of them cannot even be dialled.
		backend => { address => "[::1]:$port, 127.0.0.1:$port" } });
	row("IPv6 off $how, a name with both addresses", %row,
		kit => { %{ $row{kit} // {} }, wrap => mounted(
			"mount --bind $etc_both /etc") },
		as_root => 1,
		over => { backend => { address => "mq.both:$port" } })
	    if $own;
}
}
done_testing;
