#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The units: free of errors, as restricted as they claim to be, and under a real
# systemd: started when ready, as a dynamic user, keys as credentials, a deny
# list that outlives it, reload, watchdog, socket activation, drain.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
BEGIN { $ENV{SALLYPORT_TEST_LIMIT} ||= 120 }
use Sallyport;
use Sallyport::Admin;

use File::Copy;

need_tool('systemd-analyze');
my $unit = read_file(srcdir . '/contrib/systemd/sallyport.service');
my $socket = read_file(srcdir . '/contrib/systemd/sallyport-mqtts.socket');
my $program = Sallyport::Daemon::program(builddir);

# As it is, but for the program that is not installed.
my $here = write_file(tmp('sallyport.service'),
	$unit =~ s{/usr/sbin/sallyport}{$program}gr);
write_file(tmp('sallyport-mqtts.socket'), $socket);
my ($code, $out, $err) = Sallyport::Proc::run(20, 'systemd-analyze', 'verify',
	'--man=no', '--recursive-errors=no', $here,
	tmp('sallyport-mqtts.socket'));
is("$code $out$err", '0 ', 'systemd-analyze verify has nothing to say');
($code, $out, $err) = Sallyport::Proc::run(20, 'systemd-analyze', 'security',
	'--offline=true', '--no-pager', $here);
like($out, qr/Overall exposure level for \S+: (\d+\.\d+)/, 'its exposure');
my ($exposure) = $out =~ /exposure level for \S+: (\d+\.\d+)/;
cmp_ok($exposure, '<=', 1.1, "is $exposure");
for my $name (qw(service timer)) {
	my $file = "sallyport-fetch.$name";
	my $text = read_file(srcdir . "/contrib/systemd/$file");

	# Any program will do: it may not be built, and it is not started.
	$text =~ s{^ExecStart=\S+}{ExecStart=$program}m;
	$here = write_file(tmp($file), $text);
}
($code, $out, $err) = Sallyport::Proc::run(20, 'systemd-analyze', 'verify',
	'--man=no', '--recursive-errors=no', $here, tmp('sallyport-fetch.service'));
is("$code $out$err", '0 ', 'nor of sallyport-fetch');
($code, $out, $err) = Sallyport::Proc::run(20, 'systemd-analyze', 'security',
	'--offline=true', '--no-pager', tmp('sallyport-fetch.service'));
($exposure) = $out =~ /exposure level for \S+: (\d+\.\d+)/;
cmp_ok($exposure, '<=', 1.5, "whose exposure is $exposure");


sub why_no_guest
{
	return 'only root can make a guest' if $> != 0;
	return 'not with a sanitizer: its memory may not be executed'
	    if Sallyport::Daemon->new(program => $program)->sanitized;
	for my $tool (qw(unshare nsenter ip mosquitto)) {
		return "$tool is not installed" unless has_tool($tool);
	}
	return;
}

my $why = why_no_guest();
if (defined $why) {
	diag("no guest: $why");
	done_testing;
	exit 0;
}

# The guest, and commands in it.
mkdir tmp('guest');
my $guest = owned(Sallyport::Proc->new(name => 'guest', slow => slow,
	log => tmp('guest.log'), stop_signal => 'KILL', any_exit => 1));
$guest->launch('unshare', '-pfmCuin', '--kill-child',
	srcdir . '/t/lib/systemd_guest', tmp('guest'));
my $init;

sub in_guest
{
	my (@command) = @_;

	return Sallyport::Proc::run(40 * slow, 'nsenter', '-a', '-t', $init,
		@command);
}

sub said
{
	my (@command) = @_;
	my (undef, $said) = in_guest(@command);

	chomp $said;
	return $said;
}

sub property
{
	my ($name, $of) = @_;

	return said('systemctl', 'show', '-P', $name, $of // 'sallyport');
}

sub good
{
	my ($what, @command) = @_;
	my ($bad, $said, $complaint) = in_guest(@command);

	is($bad, 0, $what) or diag($said, $complaint, said(qw(journalctl -n 40
		-u sallyport)));
}

# A file of the guest.
sub put
{
	my ($path, $text, $mode) = @_;

	write_file("/proc/$init/root$path", $text);
	chmod $mode // 0644, "/proc/$init/root$path";
}

sub waits
{
	my ($what, $check) = @_;

	ok(eval { wait_until($what, $check, 20) }, $what)
	    or diag(said(qw(journalctl -n 40 -u sallyport)));
}

my $up = eval {
	wait_until('the guest is up', sub {
		die "it has ended\n" unless $guest->alive;
		my $pid = $guest->{pid};
		($init) = split ' ', read_file("/proc/$pid/task/$pid/children");
		return $init && said(qw(systemctl is-active basic.target))
		    eq 'active';
	}, 20);
};
if (!$up) {
	diag("no guest: $@", $guest->text);
	done_testing;
	exit 0;
}

# This machine may have a user sallyport; the guest has none at first.
for my $file (qw(passwd group shadow gshadow)) {
	my $path = "/proc/$init/root/etc/$file";

	next unless -e $path;
	write_file($path, read_file($path) =~ s/^sallyport:.*\n//mgr);
	chmod 0640, $path if $file =~ /shadow/;
	chmod 0644, $path if $file !~ /shadow/;
}

# What an operator would do.
mkdir "/proc/$init/root/etc/sallyport";
copy($program, "/proc/$init/root/usr/sbin/sallyport") or die "$!";
copy(Sallyport::Admin::program(), "/proc/$init/root/usr/bin/sallyportctl")
    or die "$!";
chmod 0755, "/proc/$init/root/usr/sbin/sallyport",
    "/proc/$init/root/usr/bin/sallyportctl";
put('/etc/systemd/system/sallyport.service', $unit);
put('/etc/systemd/system/sallyport-mqtts.socket', $socket);
mkdir "/proc/$init/root/etc/systemd/system/sallyport.service.d";
put('/etc/systemd/system/sallyport.service.d/key.conf', <<'INI');
[Service]
LoadCredential=server.key:/etc/sallyport/server.key
INI
put("/etc/sallyport/$_.crt", read_file(pki->cert($_)))
    for qw(server client-ca server-ca ec);
put("/etc/sallyport/$_.key", read_file(pki->key($_)), 0600)
    for qw(server ec);
my $ini = <<'INI';
[daemon]
admin_socket = /run/sallyport/admin.sock
[listener mqtts]
bind = 0.0.0.0:8883
[tls]
certificate = server.crt
private_key = ${env:CREDENTIALS_DIRECTORY}/server.key
client_ca = client-ca.crt
[identity]
username = ${cn}
[backend]
address = 127.0.0.1:1883
[denylist]
file = /var/lib/sallyport/deny.csv
INI
put('/etc/sallyport/sallyport.ini', $ini);
mkdir "/proc/$init/root/var/lib/sallyport";
put('/var/lib/sallyport/deny.csv', "as,who,reason,until\n");
put('/etc/mosquitto.conf', "listener 1883 127.0.0.1\nallow_anonymous true\n");

# A device that publishes, through systemd's port or the daemon's: an exit
# code of mosquitto_pub.
sub publishes
{
	my ($port) = @_;

	return (in_guest(qw(mosquitto_pub -h localhost -V 5 -t x -m y -q 1),
		'--cafile', '/etc/sallyport/server-ca.crt',
		'--cert', '/etc/sallyport/ec.crt',
		'--key', '/etc/sallyport/ec.key', '-p', $port // 8883))[0];
}

sub ctl_guest
{
	return (in_guest('sallyportctl', @_))[0];
}

good('a broker', qw(systemd-run -q mosquitto -c /etc/mosquitto.conf));
good('the unit is read', qw(systemctl daemon-reload));
good('it starts', qw(systemctl start sallyport));
is(property('ActiveState'), 'active', 'systemd knows that it is ready');
like(property('StatusText'), qr/\S/, 'and has words: '
	. property('StatusText'));
my $pid = property('MainPID');
like(said('ps', '-o', 'uid=', '-p', $pid), qr/^\s*6[1-5]\d\d\d$/,
	'it is a user of its own, made for it');
waits('a device publishes through it', sub { publishes() == 0 });
my ($sandbox) = said('journalctl', '-u', 'sallyport') =~ /(event=sandbox .*)/;
SKIP: {
	skip $sandbox, 1 if $sandbox =~ /this kernel cannot/;
	like($sandbox, qr/ files=on ports=on syscalls=on /,
		'the unit lets it enter its sandbox, whole');
}
is(ctl_guest('status'), 0, 'sallyportctl needs no -s');
waits('systemctl status says how it is', sub {
	property('StatusText') eq '0 sessions, 1 of 1 broker up';
});

# Out means out, and stays so.
is(ctl_guest(qw(deny cn device-001 --reason stolen)), 0, 'deny');
isnt(publishes(), 0, 'the device is out');
good('it starts anew', qw(systemctl restart sallyport));
isnt(publishes(), 0, 'the device is still out');
like(read_file("/proc/$init/root/var/lib/sallyport/deny.csv"),
	qr/^cn,device-001,stolen,/m, 'the list is where state belongs');
is(ctl_guest(qw(allow cn device-001)), 0, 'allow');
is(publishes(), 0, 'and in again');

# Reload, also of a bad file.
good('it reloads', qw(systemctl reload sallyport));
waits('the reload is done', sub {
	said('journalctl', '-u', 'sallyport') =~ /event=reload /;
});
put('/etc/sallyport/sallyport.ini', "$ini\nnonsense = 1\n");
good('a bad file is no reason to stop', qw(systemctl reload sallyport));
waits('it is refused', sub {
	said('journalctl', '-u', 'sallyport') =~ /event=reload_refused/;
});
is(property('ActiveState'), 'active', 'it goes on');
my $warnings = said('journalctl', '-p', 'warning', '-u', 'sallyport');
like($warnings, qr/ level=error event=reload_refused/,
	'journalctl -p warning shows it');
unlike($warnings, qr/level=info/, 'and nothing below');
isnt((in_guest(qw(systemctl restart sallyport)))[0], 0,
	'but does not start anew with it');
put('/etc/sallyport/sallyport.ini', $ini);
good('mended', qw(systemctl restart sallyport));

# Stop is a drain.
good('it stops', qw(systemctl stop sallyport));
is(property('Result'), 'success', 'as it should');
like(said('journalctl', '-u', 'sallyport'), qr/event=drain /, 'by a drain');

# systemd holds the port, below 1024 too, whether it runs or not.
put('/etc/systemd/system/sallyport-mqtts.socket',
	$socket =~ s/^ListenStream=.*/ListenStream=8883\nListenStream=443/mr);
good('the socket is read', qw(systemctl daemon-reload));
good('the socket', qw(systemctl start sallyport-mqtts.socket));
is(property('ActiveState'), 'inactive', 'no client came yet');
is(publishes(443), 0, 'a device wakes it, at port 443');
is(property('ActiveState'), 'active', 'it runs');
is(publishes(), 0, 'and serves the other port');
good('it starts anew', qw(systemctl restart sallyport));
is(publishes(), 0, 'no client noticed');

# Another program takes over, with the sockets of systemd and with the key as a
# credential; what systemd watches is the new process.
mkdir "/proc/$init/root$_" for '/usr/libexec', '/usr/libexec/sallyport';
my $upgrade = '/usr/libexec/sallyport/upgrade';
put($upgrade, read_file(srcdir . '/contrib/systemd/upgrade'), 0755);
good('a device stays', qw(systemd-run -q --unit=stays mosquitto_sub),
	qw(-h localhost -p 8883 -V 5 -t t --cafile),
	'/etc/sallyport/server-ca.crt', qw(--cert /etc/sallyport/ec.crt),
	qw(--key /etc/sallyport/ec.key));
waits('it is in', sub { property('StatusText') =~ /^1 session,/ });
my $before = property('MainPID');
good('another program takes over', $upgrade);
my $after = property('MainPID');
isnt($after, $before, 'the main process is another');
is(property('ActiveState'), 'active', 'of a service that is active');
like(said('ps', '-o', 'args=', '-p', $after), qr/--take-over/, 'the new one');
is(publishes($_), 0, "and serves port $_") for 8883, 443;
like(said('sallyportctl', 'status'), qr/ serving, ready/, 'and is in charge');
like(said('sallyportctl', '-s', "/run/sallyport/admin.sock.$before", 'status'),
	qr/ replaced,/, 'the old one has its sessions');
is(property('ActiveState', 'stays'), 'active', 'the device did not notice');
waits('systemctl status is about the new one', sub {
	property('StatusText') eq '0 sessions, 1 of 1 broker up';
});
put('/etc/sallyport/sallyport.ini', "$ini\nnonsense = 1\n");
isnt((in_guest($upgrade))[0], 0, 'one that does not become ready');
put('/etc/sallyport/sallyport.ini', $ini);
is(property('MainPID') . ' ' . property('ActiveState'), "$after active",
	'changes nothing');
is(publishes(), 0, 'for no device');
is(said(qw(ls /run/systemd/system/sallyport.service.d)), '',
	'a reload is a reload again');
good('it stops', qw(systemctl stop stays sallyport));
is(said('ps', '-o', 'pid=', '-p', "$before,$after"), '', 'both have ended');
is(publishes(), 0, 'a device wakes it');

# A daemon that hangs is replaced.
put('/etc/systemd/system/sallyport.service.d/watchdog.conf',
	"[Service]\nWatchdogSec=1s\nRestartSec=0\n");
good('a short watchdog', qw(systemctl daemon-reload));
good('it starts anew', qw(systemctl restart sallyport));
$pid = property('MainPID');
good('it hangs', qw(systemctl kill --kill-whom=main -s STOP sallyport));
waits('systemd has noticed', sub {
	my $now = property('MainPID');
	return $now != 0 && $now != $pid
	    && property('ActiveState') eq 'active';
});
is(property('NRestarts'), 1, 'once');
is(publishes(), 0, 'and all is well');

# Where there is a user of this name, systemd takes that one.
good('it stops', qw(systemctl stop sallyport sallyport-mqtts.socket));
good('a user sallyport', qw(useradd --system --no-create-home sallyport));
good('it starts', qw(systemctl start sallyport));
is(said('ps', '-o', 'user=', '-p', property('MainPID')), 'sallyport',
	'as that user');
is(publishes(), 0, 'and serves');
is(ctl_guest(qw(deny cn device-002)), 0, 'and can write the deny list');
done_testing;
