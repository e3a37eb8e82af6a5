#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# What goes wrong or changes around the daemon while devices are connected: the
# log is stuck, names cannot be resolved, folders are replaced, signals come. In
# each row a live session survives, a deny takes effect, and a device connects.
use strict;
use warnings;
use Fcntl;
use FindBin;
use IO::Socket::UNIX;
use POSIX ();
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;
use Sallyport::Nameserver;
use Sallyport::Proc;

need_tool(qw(unshare mount ip));
plan skip_all => 'only root may have an /etc of his own' if $> != 0;
if (($ENV{SALLYPORT_SURVIVES} // '') ne $0) {
	my @own = qw(unshare -mn --propagation private);

	plan skip_all => 'no namespaces here'
	    if (Sallyport::Proc::run(10, @own, qw(ip link set lo up)))[0] != 0;
	$ENV{SALLYPORT_SURVIVES} = $0;
	exec @own, $^X, $0 or die "unshare: $!";
}

sub command
{
	my ($code, $out, $err) = Sallyport::Proc::run(10, @_);

	die "@_: $out$err" if $code != 0;
}

my $nobody = (getpwnam 'nobody')[2];

# A folder that the daemon may write.
sub own_dir
{
	my ($dir) = @_;

	mkdir $dir or die "$dir: $!";
	chmod 0755, $dir;
	chown $nobody, -1, $dir;
	return $dir;
}

# A network, an /etc and a /dev of our own.
command(qw(ip link set lo up));
my $etc = own_dir(tmp('etc'));
command('cp', '-a', (grep { -e } map { "/etc/$_" }
	qw(passwd group nsswitch.conf ssl ld.so.cache)), $etc);
command('mount', '--bind', $etc, '/etc');
my $dev = own_dir(tmp('dev'));
command('cp', '-a', (map { "/dev/$_" } qw(null zero random urandom)), $dev);
command('mount', '--bind', $dev, '/dev');

# Replaces a file by rename.
sub replace
{
	my ($path, $text) = @_;

	rename write_file("$path.new", $text), $path or die "$path: $!";
	chmod 0644, $path;
}

my $broker = peer('broker')->listen;
my ($port) = $broker->address =~ /:(\d+)$/;
my $good = "nameserver 127.0.0.51\n";
my $other = "nameserver 127.0.0.52\noptions timeout:1\n";
my $hosts = "127.0.0.1 localhost\n";

replace('/etc/hosts', $hosts);
replace('/etc/resolv.conf', $good);
nameserver('127.0.0.51', 'mq.test' => '127.0.0.1');
nameserver('127.0.0.52', 'mq.test' => '127.0.0.1');

my $run = own_dir(tmp('run'));
my $keys = own_dir(tmp('keys'));

# The server's pair in a folder.
sub put_keys
{
	my ($dir) = @_;

	own_dir($dir);
	write_file("$dir/server.crt", read_file(pki->cert('server')));
	write_file("$dir/server.key", read_file(pki->key('server')));
	chown $nobody, -1, "$dir/server.key";
}

sub remove_keys
{
	my ($dir) = @_;

	unlink glob "$dir/*";
	rmdir $dir or die "$dir: $!";
}
put_keys("$keys/pair");
put_keys("$keys/one");
symlink 'one', "$keys/current" or die $!;

my $count = 0;

# A daemon with this log, whose certificate is in this folder of keys.
sub start
{
	my ($log, $pair, %kit) = @_;

	$count++;
	chown $nobody, -1,
	    write_file("$run/deny$count.csv", "as,who,reason,until\n");
	return sallyport(kit => \%kit,
		daemon => { log => $log, admin_socket => "$run/admin$count" },
		tls => { certificate => "$keys/$pair/server.crt",
			private_key => "$keys/$pair/server.key" },
		denylist => { file => "$run/deny$count.csv" },
		timeouts => { backend => '9s' },
		backend => { address => "mq.test:$port",
			resolve_interval => '1s' });
}

my $devices = 0;

# A device that comes in, and its session at the broker.
sub arrives
{
	my ($proxy) = @_;
	my $id = 'd' . ++$devices;
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));

	$c->send(mqtt_connect(clientid => $id));
	my $b = $broker->accept(timeout => 9000);
	$b->packet;
	$b->send(mqtt_connack());
	$c->packet;
	return { c => $c, b => $b, id => $id };
}

sub lives
{
	my ($s) = @_;

	$s->{c}->send(mqtt_pingreq);
	$s->{b}->packet;
	$s->{b}->send(mqtt_pingresp);
	return hex($s->{c}->packet) eq hex(mqtt_pingresp);
}

sub leave
{
	$_->close for map { @$_{qw(c b)} } @_;
}

# Lets two devices connect, calls HAPPENS, and checks that the first lives, that
# the second can be denied, and that a third can connect.
sub row
{
	my ($proxy, $what, $happens) = @_;
	my $number = $count;
	my ($live, $denied) = (arrives($proxy), arrives($proxy));

	$happens->($proxy);
	ok(lives($live), "$what: a session lives");
	my ($code, undef, $err) = ctl("$run/admin$number", 'deny', 'clientid',
		$denied->{id});
	is("$code $err", '0 ', "$what: a deny is accepted");
	isnt($denied->{c}->ended->{status}, 'timeout', "$what: it takes force");
	my $new = arrives($proxy);
	ok(lives($new) && lives($live), "$what: a device comes in");
	leave($live, $denied, $new);
}

# Lines that do not fit into a pipe or into the queue of a socket.
sub flood
{
	my ($proxy) = @_;

	for (1 .. 40) {
		my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));
		$c->send('not a CONNECT' . 'x' x 10);
		$c->ended;
		$c->close;
	}
}

# The log is a pipe.
{
	pipe my $reader, my $writer or die $!;
	fcntl $writer, 1031, 4096; # F_SETPIPE_SZ
	my $proxy = start('stderr', 'pair',
		before => sub { open STDERR, '>&', $writer or die });
	close $writer;
	row($proxy, 'the reader of the log is stuck', \&flood);
	row($proxy, 'the reader of the log is gone', sub { close $reader });
	# It ends with a broken pipe, where it could not write.
	$proxy->stop;
}

# The log is syslogd.
sub syslogd
{
	unlink '/dev/log';
	my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM,
		Local => '/dev/log') or die "/dev/log: $!";
	chmod 0666, '/dev/log';
	return $socket;
}

{
	my $syslogd = syslogd();
	my $proxy = start('syslog', 'pair');

	row($proxy, 'syslogd does not read', \&flood);
	row($proxy, 'syslogd is stopped', sub { close $syslogd });
	row($proxy, 'its socket is removed', sub { unlink '/dev/log' });
	row($proxy, 'syslogd is back', sub { $syslogd = syslogd() });
	$proxy->stop;
}

# The log is a file, of a file system that will be full.
my $logs = own_dir(tmp('logs'));
command(qw(mount -t tmpfs -o), 'size=256k,mode=777', 'logs', $logs);
END { local $?; system("umount -l $logs 2>/dev/null") if defined $logs }
my $file = "$logs/sallyport.log";

sub log_says
{
	my ($re) = @_;

	wait_until("$re in the log", sub { read_file($file) =~ $re });
}

my $proxy = start($file, 'current');
my @happens = (
	['resolv.conf is renamed over', sub {
		replace('/etc/resolv.conf', $other);
	}],
	['resolv.conf becomes a link', sub {
		replace('/etc/stub.conf', $good);
		symlink '/etc/stub.conf', '/etc/resolv.new' or die $!;
		rename '/etc/resolv.new', '/etc/resolv.conf' or die $!;
	}],
	['the target of that link changes', sub {
		replace('/etc/stub.conf', $other);
	}],
	['resolv.conf is truncated and written', sub {
		unlink '/etc/resolv.conf';
		write_file('/etc/resolv.conf', '');
		write_file('/etc/resolv.conf', $good);
		chmod 0644, '/etc/resolv.conf';
	}],
	['resolv.conf is removed', sub {
		unlink '/etc/resolv.conf' or die $!;
	}],
	['resolv.conf cannot be read', sub {
		replace('/etc/resolv.conf', $good);
		chmod 0, '/etc/resolv.conf';
	}],
	['resolv.conf is a folder', sub {
		unlink '/etc/resolv.conf';
		mkdir '/etc/resolv.conf' or die $!;
	}],
	['the nameserver is dead', sub {
		rmdir '/etc/resolv.conf' or die $!;
		replace('/etc/resolv.conf', $good);
		nameserver_stop('127.0.0.51');
	}],
	['the nameserver is silent', sub {
		nameserver('127.0.0.51', '*' => undef);
	}],
	['the nameserver knows no such name', sub {
		nameserver_stop('127.0.0.51');
		nameserver('127.0.0.51');
		log_says(qr/event=backend_resolve_failed/);
	}],
	['hosts gets the name', sub {
		replace('/etc/hosts', "${hosts}127.0.0.1 mq.test\n");
	}],
	['hosts is removed', sub {
		unlink '/etc/hosts' or die $!;
		replace('/etc/resolv.conf', $other);
	}],
	['SIGUSR1 after a rotation', sub {
		rename $file, "$file.1" or die $!;
		$proxy->signal('USR1');
		log_says(qr/opened again/);
	}],
	['SIGUSR2', sub {
		$proxy->signal('USR2');
		log_says(qr/event=signal .*SIGUSR2/);
	}],
	(map {
		my ($what, $do, $pair) = @$_;
		["$what, and a reload", sub {
			my $from = length read_file($file);

			$do->();
			$proxy->signal('HUP');
			wait_until('the reload', sub {
				substr(read_file($file), $from)
				    =~ /event=reload .*in force/
			});
		}]
	} (
		['the link to the keys is swapped', sub {
			put_keys("$keys/two");
			symlink 'two', "$keys/next" or die $!;
			rename "$keys/next", "$keys/current" or die $!;
			remove_keys("$keys/one");
		}],
		['the folder of keys is made again', sub {
			remove_keys("$keys/two");
			put_keys("$keys/two");
		}],
		['the folder of keys is moved and replaced', sub {
			put_keys("$keys/three");
			rename "$keys/two", "$keys/old" or die $!;
			rename "$keys/three", "$keys/two" or die $!;
		}],
	)),
	['the folder of keys is gone, and a reload', sub {
		remove_keys("$keys/two");
		$proxy->signal('HUP');
		log_says(qr/event=reload_(?:failed|refused)/);
	}],
	['the disk of the log is full', sub {
		open my $fh, '>', "$logs/rest" or die $!;
		syswrite $fh, "\0" x 4096 for 1 .. 64;
	}],
	['the log is removed', sub { unlink $file or die $!; }],
);
row($proxy, @$_) for @happens;
is($proxy->stop, undef, 'and it ends as usual');
done_testing;
