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
my $c = peer->tls(port => $proxy->port('tls'), device => 'ec');
ok($c, 'and it serves');

for my $user (qw(no-such-user-here root)) {
	$proxy->write_ini(daemon => { user => $user });
	my ($code, undef, $err) = sallyport_run('-c', $proxy->{ini});
	is($code, 78, "user = $user: exit 78");
	like($err, qr/\Q$proxy->{ini}\E.*\buser\b.*\Q$user\E/,
		"user = $user: says so");
}
done_testing;
