#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The sandbox of the running daemon: the kernel reports it, and what an operator
# does every day still works; a reload to files or brokers out of its reach is
# refused or reported, and ends no session.
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

# Folders that are replaced as a whole, and links that are changed: the names in
# the configuration stay the same.
sub put
{
	my ($dir, $name) = @_;

	mkdir $dir or die "$dir: $!";
	chmod 0755, $dir;
	for (['crt', $pki->cert($name)], ['key', $pki->key($name)]) {
		my ($as, $from) = @$_;

		write_file("$dir/server.$as", read_file($from));
		chmod 0640, "$dir/server.$as";
		chown $nobody, -1, "$dir/server.$as" if $> == 0;
	}
}

sub clear
{
	my ($dir) = @_;

	unlink glob "$dir/*";
	rmdir $dir or die "$dir: $!";
}

$proxy->stop;
my $deep = tmp('deep');
mkdir $deep;
for (
	['rm and mkdir', 'pk', sub { put("$deep/pk", 'server') },
		sub { clear("$deep/pk"); put("$deep/pk", 'server') }],
	['mv', 'mv', sub { put("$deep/mv", 'server') },
		sub {
			put("$deep/mv.new", 'server');
			rename "$deep/mv", "$deep/mv.old";
			rename "$deep/mv.new", "$deep/mv";
		}],
	['a link to generations', 'current', sub {
			mkdir "$deep/gen.d";
			put("$deep/gen.d/1", 'server');
			symlink 'gen.d/1', "$deep/current";
		}, sub {
			put("$deep/gen.d/2", 'server');
			symlink 'gen.d/2', "$deep/next";
			rename "$deep/next", "$deep/current";
			clear("$deep/gen.d/1");
		}],
	['links to files, as in a Kubernetes volume', 'vol', sub {
			mkdir "$deep/vol";
			put("$deep/vol/..1", 'server');
			symlink '..1', "$deep/vol/..data";
			symlink "..data/server.$_", "$deep/vol/server.$_"
			    for qw(crt key);
		}, sub {
			put("$deep/vol/..2", 'server');
			symlink '..2', "$deep/vol/..next";
			rename "$deep/vol/..next", "$deep/vol/..data";
			clear("$deep/vol/..1");
		}],
) {
	my ($what, $dir, $before, $replace) = @$_;
	my %tls = (certificate => "$deep/$dir/server.crt",
		private_key => "$deep/$dir/server.key",
		client_ca => $pki->cert('client-ca'));

	$before->();
	my $p = sallyport(backend => { address => $broker->address },
		tls => \%tls);
	$p->wait_log(qr/event=ready/);
	is($p->count_log(qr/event=unreadable/), 0, "$what: all can be read");
	$replace->();
	my $from = $p->mark;
	$p->signal('HUP');
	like($p->wait_log(qr/event=reload(?:_refused)? /, from => $from),
		qr/event=reload .*in force/, "$what: a reload reads the new");
	$p->stop;
}
done_testing;
