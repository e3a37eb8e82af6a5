#!/usr/bin/perl
# Started as root, the daemon binds and then becomes somebody else for good.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

plan skip_all => 'only root can drop privileges' if $> != 0;
# The checker of leaks cannot look into a process that was root.
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

# A deny list that cannot be written is told before it is needed.
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
