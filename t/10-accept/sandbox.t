#!/usr/bin/perl
# The sandbox around the running daemon: the kernel says it is there, and what
# an operator does every day still works; a reload to files or brokers out of
# its reach is refused or told, and harms nobody.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

mkdir tmp('log');
mkdir tmp('etc');
my $nobody = (getpwnam 'nobody')[2];
for my $dir (tmp('log'), tmp('etc')) {
	chown $nobody, -1, $dir if $> == 0;
}

my $pki = pki;
my $broker = peer('broker')->listen;
my $log = tmp('log') . '/sallyport.log';
my %base = (
	backend => { address => $broker->address },
	daemon => { log => $log },
);
my $proxy = sallyport(%base);

plan skip_all => 'a sanitizer wants what the sandbox takes'
    if $proxy->sanitized;
# From here on the lines are in the file.
$proxy->{log} = $log;
my $line = $proxy->wait_log(qr/event=sandbox/);
$proxy->wait_log(qr/event=ready/);

sub session
{
	my ($what) = @_;
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));

	$c->send(mqtt_connect());
	my $b = $broker->accept;
	is(hex($b->packet), hex(mqtt_connect(username => 'device-001')), $what);
	$_->close for $c, $b;
}

sub reload
{
	my ($event, %over) = @_;
	my $from = $proxy->mark;

	$proxy->write_ini(%base, %over);
	$proxy->signal('HUP');
	return $proxy->wait_log(qr/event=$event /, from => $from);
}

SKIP: {
	skip 'no seccomp here', 2 unless $line =~ /syscalls=on/;
	my $status = read_file("/proc/$proxy->{pid}/status");

	like($status, qr/^Seccomp:\t2$/m, 'the filter is in force');
	like($status, qr/^NoNewPrivs:\t1$/m, 'and so is no_new_privs');
}
like(read_file("/proc/$proxy->{pid}/limits"),
	qr/^Max core file size\s+0\s+0\s/m, 'no core files')
    if -r "/proc/$proxy->{pid}/limits";
session('it serves');

ok(reload('reload', identity => { username => 'device-${serial}' }),
	'a reload reads the files again');
ok(reload('reload'), 'and again');
session('and it serves');

rename $log, "$log.1" or die "$log: $!";
$proxy->signal('HUP');
wait_until('a new log file', sub {
	-f $log && read_file($log) =~ /event=reload /
});
pass('the log is rotated, and written');

# Renewed by rename, as every tool does it.
{
	my ($cert, $key) = map { $pki->$_('server-rsa') } qw(cert key);

	for my $pair ([$cert, $pki->cert('server')],
	    [$key, $pki->key('server')]) {
		rename $pair->[0], $pair->[1] or die "rename: $!";
	}
	ok(reload('reload'), 'new files in the old folder are read');
	session('and used');
}

SKIP: {
	skip 'no Landlock here', 2 unless $line =~ /files=on/;
	my $elsewhere = tempdir('sallyport-XXXXXX', TMPDIR => 1, CLEANUP => 1);

	chmod 0755, $elsewhere;
	write_file("$elsewhere/ca.crt", read_file($pki->cert('client-ca')));
	chmod 0644, "$elsewhere/ca.crt";
	my $refused = reload('reload_refused',
		tls => { client_ca => "$elsewhere/ca.crt",
			certificate => $pki->cert('server'),
			private_key => $pki->key('server') });
	like($refused, qr/ca\.crt: the permissions allow it, but the sandbox .*restart/,
		'a file in a folder not named at the start is refused, with the cause');
	session('and the old configuration serves');
}
SKIP: {
	skip 'no ports in this Landlock', 1 unless $line =~ /ports=on/;
	like(reload('restart_needed', backend => { address => 'x:7777' }),
		qr/port 7777/, 'a port not named at the start is told');
	reload('reload');
}
done_testing;
