#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The Debian package in a minimal system: installed where nothing runs, then
# under a systemd of its own, where it starts, reloads, is upgraded, and goes.
#     contrib/debian/build -o FOLDER && make check-local \
#         T=t/97-contrib/debian.t SALLYPORT_DEB=FOLDER/sallyport_X.deb
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
BEGIN { $ENV{SALLYPORT_TEST_LIMIT} ||= 300 }
use File::Basename qw(dirname);
use Sallyport;
use Sallyport::Fetch;

my $deb = $ENV{SALLYPORT_DEB} or plan skip_all => 'no SALLYPORT_DEB';
# The package of sallyport-fetch, built with the other.
my ($fetcher) = glob dirname($deb) . '/sallyport-fetch_*.deb';
need_tool(qw(mmdebstrap dpkg-deb unshare nsenter ip mosquitto mosquitto_pub));
plan skip_all => 'only root can boot a system' if $> != 0;
sub command
{
	my ($code, $out, $err) = Sallyport::Proc::run(200 * slow, @_);

	die "@_: exit $code\n$out$err" if $code != 0;
	chomp $out;
	return $out;
}

# The one thing that may need a real network.
if (!$ENV{SALLYPORT_CHROOT}) {
	$ENV{SALLYPORT_CHROOT} =
	    command(srcdir() . '/contrib/debian/chroot', $deb,
		$fetcher // ());
	exec 'unshare', '-mn', '--propagation', 'private', $^X, $0;
}

# A version that comes after, by the same maintainer scripts; with another
# program, or with the same.
sub newer
{
	my ($from, $version, $program) = @_;
	my ($folder, $to) = (tmp("newer$version"), tmp("newer$version.deb"));

	command('dpkg-deb', '-R', $from, $folder);
	my $control = read_file("$folder/DEBIAN/control");
	$control =~ s/^(Version: .*)$/$1+newer$version/m or die 'no version';
	write_file("$folder/DEBIAN/control", $control);
	if ($program) {
		open my $fh, '>>', "$folder/usr/sbin/sallyport" or die $!;
		print $fh "\0"; # behind all that is loaded
		close $fh or die $!;
	}
	command('dpkg-deb', '-b', $folder, $to);
	return $to;
}

my $root = tmp('root');
my $same = newer($deb, 1);
my $later = newer($deb, 2, 'another program');
mkdir $root;
command('tar', '-C', $root, '-xf', $ENV{SALLYPORT_CHROOT});
command('cp', $deb, "$root/first.deb");
command('cp', $same, "$root/same.deb");
command('cp', $later, "$root/later.deb");
command('cp', $fetcher, "$root/fetch.deb") if $fetcher;

# All that carries our name, but for the two packages' own files here.
sub traces
{
	return command('find', "$root/", '-xdev', '-name', '*sallyport*');
}

# Where no systemd runs, as in an image that is being made.
my @bare = ('chroot', $root, 'env', 'DEBIAN_FRONTEND=noninteractive');
command(@bare, 'dpkg', '-i', '/first.deb');
pass('installed where nothing runs');
like(read_file("$root/etc/passwd"), qr/^sallyport:.*:\/nonexistent:.*nologin$/m,
	'its user is made');
like(command(@bare, 'sallyport', '-V'), qr/^sallyport \d/, 'it runs');
command(@bare, 'dpkg', '-i', '/later.deb');
command(@bare, 'dpkg', '-P', 'sallyport');
is(traces(), '', 'upgraded and purged there: nothing stays behind');

# A system of its own: processes, cgroups and mounts; the network is ours.
mkdir tmp($_) for qw(cgroup guest);
my $cgroup = tmp('cgroup') . "/sallyport-$$";
command('mount', '-t', 'cgroup2', 'cgroup2', tmp('cgroup'));
mkdir $cgroup or die "$cgroup: $!";
my $machine = Sallyport::Proc->new(name => 'systemd', slow => slow,
	log => tmp('systemd.log'), any_exit => 1,
	before => sub { write_file("$cgroup/cgroup.procs", "$$\n") });
$machine->launch('/usr/bin/unshare', '-mpfiuC', '--kill-child',
	srcdir() . '/t/lib/systemd_guest', tmp('guest'), $root);
END {
	local $?;
	if ($machine) {
		$machine->signal('KILL');
		$machine->wait_exit(10);
		# The kernel may still be removing them.
		eval {
			wait_until('its cgroups are empty', sub {
				system "find $cgroup -depth -type d -exec " .
				    'rmdir {} \; 2>/dev/null';
				!-d $cgroup;
			});
		};
		system 'umount', tmp('cgroup');
	}
}
my $init;
wait_until('a process 1', sub {
	($init) = split ' ',
	    read_file("/proc/$machine->{pid}/task/$machine->{pid}/children");
	$init && read_file("/proc/$init/comm") eq "systemd\n";
});

# Runs something in there: (exit code, stdout, stderr).
sub inside
{
	return Sallyport::Proc::run(60 * slow, 'nsenter', '-a', '-t', $init,
		'/usr/bin/env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
		'LC_ALL=C', 'DEBIAN_FRONTEND=noninteractive', @_);
}

sub good
{
	my ($what, @argv) = @_;
	my ($code, $out, $err) = inside(@argv);

	is($code, 0, $what) or diag($out, $err,
		(inside('journalctl', '-n', 50, '-u', 'sallyport'))[1]);
	return $out;
}

sub unit
{
	my ($property, $of) = @_;
	my (undef, $out) = inside('systemctl', 'show', '--value',
		'-P', $property, $of // 'sallyport.service');

	chomp $out;
	return $out;
}
wait_until('the system is up', sub {
	(inside('systemctl', 'is-active', 'basic.target'))[0] == 0
}, 60);
$root = "/proc/$init/root";

# Installed: there, and quiet.
like(good('dpkg -i', 'dpkg', '-i', '/first.deb'),
	qr{/etc/sallyport/server\.crt.*not started.*README\.Debian}s,
	'it says what it has to be given');
ok(-f "$root/usr/share/$_", $_) for
    'bash-completion/completions/sallyportctl',
    'fish/vendor_completions.d/sallyportctl.fish',
    'zsh/vendor-completions/_sallyportctl';
is(unit('ActiveState'), 'inactive', 'not started');
is(unit('UnitFileState'), 'disabled', 'not enabled');
isnt((inside('systemctl', 'start', 'sallyport'))[0], 0,
	'without certificates it does not start');
like((inside('journalctl', '-u', 'sallyport'))[1],
	qr{/etc/sallyport/server\.crt}, 'and the journal names what is missing');
is(unit('NRestarts'), 0, 'and it is not tried again, since it would not help');
inside('systemctl', 'reset-failed', 'sallyport');

# What README.Debian says.
my $etc = "$root/etc/sallyport";
my %file = ('server.crt' => pki->cert('server'),
	'server.key' => pki->key('server'),
	'client-ca.crt' => pki->cert('client-ca'));
write_file("$etc/$_", read_file($file{$_})) for keys %file;
good('chown the key', 'chown', 'root:sallyport', '/etc/sallyport/server.key');
chmod 0640, "$etc/server.key";
my $ini = read_file("$etc/sallyport.ini");
$ini =~ s/^;log_level = info$/log_level = debug/m or die 'no log_level';
write_file("$etc/sallyport.ini", $ini);
my $broker = mosquitto(port => sub { 1883 });
good('systemctl enable --now', 'systemctl', 'enable', '--now', 'sallyport');

sub serves
{
	my ($what) = @_;
	my $from = $broker->mark;
	my ($code, undef, $err) = Sallyport::Proc::run(20 * slow,
		'mosquitto_pub', '-h', '127.0.0.1', '-p', 8883, '-q', 1,
		'--cafile', pki->cert('server-ca'), '--cert', pki->cert('ec'),
		'--key', pki->key('ec'), '-i', 'd', '-t', 't', '-m', 'm');

	is($code, 0, "$what: a device publishes") or diag($err);
	ok($broker->wait_log(qr/ as device-001\/d .*u'device-001'/, from => $from),
		"$what: under its certified name");
	good("$what: sallyportctl", 'sallyportctl', 'status');
}

is(unit('ActiveState'), 'active', 'it is active');

# The deny list exists, is configured, and can be written.
my $denied = '/var/lib/sallyport/deny.csv';
like((inside('cat', $denied))[1], qr/^as,who,reason,until$/m,
	'there is a deny list');
good('deny', 'sallyportctl', 'deny', 'cn', 'stolen-1');
like((inside('cat', $denied))[1], qr/^cn,stolen-1,/m,
	'a denial is written to it');
good('allow', 'sallyportctl', 'allow', 'cn', 'stolen-1');
unlike((inside('cat', $denied))[1], qr/^cn,stolen-1,/m,
	'and taken out');
my $pid = unit('MainPID');
my ($uid) = read_file("$root/etc/passwd") =~ /^sallyport:x:(\d+):/m;
like((inside('cat', "/proc/$pid/status"))[1], qr/^Uid:(\t$uid){4}$/m,
	'as the user the package made');
serves('started');
good('reload', 'systemctl', 'reload', 'sallyport');
is(unit('MainPID'), $pid, 'reload: the same process');

# Upgraded to the same program: no client notices.
my $client = peer->tls(device => 'ec', port => 8883);
$client->send(mqtt_connect(clientid => 'stays'));
$client->packet;
good('upgrade, the same program', 'dpkg', '-i', '/same.deb');
is(unit('MainPID'), $pid, 'the same process');
like((inside('journalctl', '-u', 'sallyport'))[1], qr/generation 3 in force/,
	'which has reloaded');
$client->send(mqtt_pingreq);
is(hex($client->packet), 'd000', 'and who is in stays in');
$client->close;

# Upgraded: a new process, by the same words, behind the same socket.
my $socket = 'sallyport-mqtts.socket';
good('stop for the socket', 'systemctl', 'stop', 'sallyport');
good('the socket', 'systemctl', 'enable', '--now', $socket);
good('start behind it', 'systemctl', 'start', 'sallyport');
serves('behind its socket');
$pid = unit('MainPID');
my $bound = unit('InvocationID', $socket);
$client = peer->tls(device => 'ec', port => 8883);
$client->send(mqtt_connect(clientid => 'stays'));
$client->packet;
good('upgrade', 'dpkg', '-i', '/later.deb');
like((inside('journalctl', '-u', 'sallyport'))[1],
	qr/event=take_over .*process $pid accepts no more/,
	'another program has taken over');
$client->send(mqtt_pingreq);
is(hex($client->packet), 'd000', 'and who is in stays in');
$client->close;
is(unit('ActiveState', $socket), 'active', 'upgraded: the socket is there');
is(unit('InvocationID', $socket), $bound, 'upgraded: it always was');
is(unit('ActiveState'), 'active', 'upgraded: active');
isnt(unit('MainPID'), $pid, 'upgraded: another process');
is(unit('UnitFileState'), 'enabled', 'upgraded: still enabled');
is(read_file("$etc/sallyport.ini"), $ini, 'upgraded: what was edited stays');
serves('upgraded');

# Who stopped it wants it stopped.
good('stop', 'systemctl', 'stop', $socket, 'sallyport');
good('install again', 'dpkg', '-i', '/later.deb');
is(unit('ActiveState'), 'inactive', 'stopped: an upgrade does not start it');
good('start', 'systemctl', 'start', 'sallyport');

# sallyport-fetch: a package, a user and a folder of its own.
SKIP: {
	skip 'no package of sallyport-fetch', 16 unless $fetcher;
	my ($list, $web) = ('/var/lib/sallyport-fetch/ca.crl', tmp('web'));

	mkdir $web;
	pki->crl("$web/ca.crl", 'client-ca');
	my $url = http_server($web)->{url} . '/file/ca.crl';
	good('the fetcher', 'dpkg', '-i', '/fetch.deb');
	is(unit('UnitFileState', 'sallyport-fetch.timer'), 'disabled',
		'its timer waits until it is wanted');
	my $now = $ini;
	$now =~ s/^;crl =$/crl = $list/m or die 'no crl';
	$now =~ s/^;url =$/url = $url/m or die 'no url';
	$now =~ s/(^url = .*)^;file =$/$1file = $list/ms or die 'no file';
	write_file("$etc/sallyport.ini", $now);
	my ($code, $out, $err) = inside('systemctl', 'start',
		'sallyport-fetch.service');
	is($code, 0, 'it fetches') or diag((inside('journalctl', '-n', 50,
		'-u', 'sallyport-fetch'))[1]);
	is((inside('stat', '-c', '%U %a', $list))[1], "sallyport-fetch 644\n",
		'as its own user');
	good('reload with the list', 'systemctl', 'reload', 'sallyport');
	serves('with the list');
	good('the timer', 'systemctl', 'enable', '--now',
		'sallyport-fetch.timer');
	is(unit('ActiveState', 'sallyport-fetch.timer'), 'active', 'it runs');
	write_file("$etc/sallyport.ini", $ini);
	good('purge the fetcher', 'dpkg', '-P', 'sallyport-fetch');
	isnt(unit('ActiveState', 'sallyport-fetch.timer'), 'active',
		'its timer is stopped');
	good('reload without the list', 'systemctl', 'reload', 'sallyport');
	serves('without the list');
}

good('remove', 'dpkg', '-r', 'sallyport');
isnt(unit('ActiveState', $_), 'active', "removed: $_ is stopped")
    for 'sallyport.service', $socket;
is(read_file("$etc/sallyport.ini"), $ini, 'removed: the configuration stays');
good('purge', 'dpkg', '-P', 'sallyport');
ok(!-e "$etc/sallyport.ini", 'purged: the configuration is gone');
ok(-e "$etc/server.key", 'purged: a key that is not ours is not');
unlink map { "$etc/$_" } keys %file;
rmdir $etc;
is(traces(), '', 'and nothing else stays behind');

# As configuration management does it: first the files, then the package.
mkdir $etc or die "$etc: $!";
write_file("$etc/$_", read_file($file{$_})) for keys %file;
chmod 0644, "$etc/server.key";
good('dpkg -i over certificates', 'dpkg', '-i', '/first.deb');
is(unit('ActiveState'), 'active', 'where all is in place it starts');
is(unit('UnitFileState'), 'enabled', 'and will at every boot');
serves('started by its installation');
good('and is purged', 'dpkg', '-P', 'sallyport');
isnt(unit('ActiveState'), 'active', 'and stopped');
unlink map { "$etc/$_" } keys %file;
rmdir $etc;
is(traces(), '', 'and again nothing stays behind');
done_testing;
