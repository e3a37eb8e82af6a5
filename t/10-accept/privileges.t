#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Started as root, the daemon binds and then becomes another user for good.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

plan skip_all => 'only root can drop privileges' if $> != 0;
# LeakSanitizer cannot look into a process that was root.
local $ENV{ASAN_OPTIONS} = 'detect_leaks=0';

my $proxy = sallyport(kit => { drop => 0 }, daemon => { user => 'nobody' });
my $uid = getpwnam 'nobody';

wait_until('the ids change', sub {
	read_file("/proc/$proxy->{pid}/status") =~ /^Uid:\t$uid\t/m
});
like(read_file("/proc/$proxy->{pid}/status"),
	qr/^Uid:(\t$uid){4}$/m, 'real, effective, saved and fs user');
like(read_file("/proc/$proxy->{pid}/status"),
	qr/^Groups:\s*$/m, 'no supplementary groups');
like(read_file("/proc/$proxy->{pid}/status"),
	qr/^NoNewPrivs:\t1$/m, 'no way to more');
SKIP: {
	skip 'a sanitizer has a heap of its own', 1 if $proxy->sanitized;
	skip 'memory may not be locked here', 1
	    if $proxy->count_log(qr/event=keys /);
	my ($heap) = read_file("/proc/$proxy->{pid}/smaps")
	    =~ /^\S+ [^\n]*\[heap\]\n(.*?)^VmFlags/ms;
	my ($locked) = ($heap // '') =~ /^Locked: +(\d+) kB$/m;
	cmp_ok($locked // 0, '>', 0, 'the heap, with the keys, is locked');
}
my $c = peer->tls(port => $proxy->port('tls'), device => 'ec');
ok($c, 'and it serves');

for my $user (qw(no-such-user-here root)) {
	$proxy->write_ini(daemon => { user => $user });
	my ($code, undef, $err) = sallyport_run('-c', $proxy->{ini});
	is($code, 78, "user = $user: exit 78");
	like($err, qr/\Q$proxy->{ini}\E.*\buser\b.*\Q$user\E/,
		"user = $user: says so");
	($code, undef, $err) = sallyport_run('-t', '-c', $proxy->{ini});
	is($code, 78, "user = $user: exit 78 of -t");
	like($err, qr/\Q$proxy->{ini}\E.*\buser\b.*\Q$user\E/,
		"user = $user: with the same words");
}

# -t tries beforehand what would make the start fail.
my $any_address = !(-r '/proc/sys/net/ipv4/ip_nonlocal_bind'
	&& read_file('/proc/sys/net/ipv4/ip_nonlocal_bind') =~ /^0/);
my $nothing = write_file(tmp('a.file'), "kept\n");

for (['log', tmp('none/s.log')], ['log', tmp()], ['ports_file', tmp('none/p')],
	['ports_file', tmp()], ['ports_file', '/dev/null'],
	['admin_socket', tmp('none/admin')], ['admin_socket', tmp()],
	['admin_socket', $nothing],
	$any_address ? () : ['http_listen', '192.0.2.77:0'],
) {
	my ($option, $value) = @$_;

	$proxy->write_ini(daemon => { user => 'nobody', $option => $value });
	my @start = sallyport_run('-c', $proxy->{ini});
	my @check = sallyport_run('-t', '-c', $proxy->{ini});
	is($start[0], 78, "$option = $value: exit 78");
	is($check[0], 78, "$option = $value: exit 78 of -t");
	like($check[2], qr/\Q$proxy->{ini}\E:\d+: $option: /,
		"$option = $value: with file and line");
}
is(read_file($nothing), "kept\n", 'what is not a socket is not removed');
ok(-c '/dev/null', 'nor is a device replaced');
if (!$any_address) {
	my $address = '192.0.2.77:0';

	$proxy->write_ini(daemon => { user => 'nobody' },
		'listener tls' => { bind => $address });
	is((sallyport_run('-c', $proxy->{ini}))[0], 78,
		'the address of another machine: exit 78');
	my @check = sallyport_run('-t', '-c', $proxy->{ini});
	is($check[0], 78, 'and of -t');
	like($check[2], qr/\Q$proxy->{ini}\E:\d+: bind: \Q$address\E: /,
		'with file and line');
}

# /run is empty after a boot; the service manager creates the service's folder.
for my $folder ('/run', '/var/run') {
	my $missing = "$folder/sallyport-$$.d";

	for (['admin_socket', 'admin.sock'], ['ports_file', 'ports'],
		['log', 'log']) {
		my ($option, $name) = @$_;
		my $value = "$missing/$name";
		my $remedy = qr/RuntimeDirectory=\Qsallyport-$$.d\E\)/;

		$proxy->write_ini(daemon => { user => 'nobody',
			$option => $value });
		my ($code, undef, $err) = sallyport_run('-t', '-c',
			$proxy->{ini});
		is($code, 0, "$option = $value: no error of -t");
		like($err, qr/warning: \S+:\d+: $option: .*$remedy.*install -d -o nobody \Q$missing\E/,
			'but a warning that says who makes the folder');
		($code, undef, $err) = sallyport_run('-c', $proxy->{ini});
		is($code, 78, 'a start by hand fails');
		like($err, $remedy, 'with the same advice')
		    if $option ne 'log';
	}
}

# A key that the daemon's user cannot read: -t and the start say so.
{
	my $key = tmp('roots.key');

	write_file($key, read_file(pki->key('server')));
	chmod 0600, $key;
	my %unreadable = (
		daemon => { user => 'nobody' },
		tls => { certificate => pki->cert('server'),
			private_key => $key,
			client_ca => pki->cert('client-ca') },
	);
	$proxy->write_ini(%unreadable);
	my ($code, undef, $err) = sallyport_run('-t', '-c', $proxy->{ini});
	is($code, 0, 'an unreadable key is no error of -t');
	like($err, qr/\Q$key\E: Permission denied .*next reload/,
		'but it warns, as the user');
	my $p = sallyport(kit => { drop => 0 }, %unreadable);
	like($p->wait_log(qr/event=unreadable /), qr/\Q$key\E: Permission denied/,
		'and so does the start');
	$p->stop;

	my $closed = tmp('closed');

	mkdir $closed or die "$closed: $!";
	write_file("$closed/open.key", read_file($key));
	chmod 0644, "$closed/open.key";
	chmod 0700, $closed;
	$unreadable{tls}{private_key} = "$closed/open.key";
	$proxy->write_ini(%unreadable);
	(undef, undef, $err) = sallyport_run('-t', '-c', $proxy->{ini});
	like($err, qr/open\.key: the user .* may not enter \Q$closed\E:/,
		'the folder that is closed is named');
	write_file("$closed/open.crt", read_file(pki->cert('server')));
	$unreadable{tls}{certificate} = "$closed/open.crt";
	$proxy->write_ini(%unreadable);
	(undef, undef, $err) = sallyport_run('-t', '-c', $proxy->{ini});
	is(() = $err =~ /may not enter/g, 1, 'once');
}

# A ports file of the start belongs to the user; a link is not followed.
{
	my $ports = tmp('linked.ports');
	my $victim = write_file(tmp('victim'), "untouched\n");

	symlink $victim, $ports;
	symlink $victim, "$ports.new";
	$proxy->write_ini(daemon => { user => 'nobody', ports_file => $ports });
	my $p = owned(Sallyport::Proc->new(name => 'linked', slow => slow,
		log => tmp('linked.log')));
	$p->launch(Sallyport::Daemon::program(builddir), '-c', $proxy->{ini});
	$p->wait_log(qr/event=ready /);
	is(read_file($victim), "untouched\n", 'a link is not followed');
	ok(!-l $ports && -f $ports, 'the ports file is a file');
	is((stat $ports)[4], $uid, 'of the user');
	ok(!-e "$ports.new", 'and nothing is left behind');
	$p->stop;
}

# A deny list that cannot be written is reported before it is needed.
mkdir tmp('roots') or die "$!";
my %denylist = (
	daemon => { user => 'nobody', admin_socket => tmp('roots/admin') },
	denylist => { file => write_file(tmp('roots/denied.csv'), '') },
);
my $guarded = sallyport(kit => { drop => 0 }, %denylist);
like($guarded->wait_log(qr/event=unwritable /), qr/\Q${\tmp('roots')}\E/,
	'a deny list in a folder of root: a warning');
chown $uid, -1, tmp('roots');
$guarded->stop;
$guarded = sallyport(kit => { drop => 0 }, %denylist);
$guarded->wait_log(qr/event=ready /);
is($guarded->count_log(qr/event=unwritable /), 0, 'in one of ours: none');
done_testing;
