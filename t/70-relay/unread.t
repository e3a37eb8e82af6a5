#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Peers that do not read, and peers that are gone. The first are kept for
# [timeouts] unread, because their kernel answers; the second are found after
# two minutes without an acknowledgement.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Proc;

need_tool(qw(unshare ip));
if ($> == 0 && ($ENV{SALLYPORT_UNREAD} // '') ne $0
    && (Sallyport::Proc::run(10, qw(unshare -n ip link set lo up)))[0] == 0) {
	$ENV{SALLYPORT_UNREAD} = $0;
	exec qw(unshare -n), $^X, $0;
}
my $own = $ENV{SALLYPORT_UNREAD};

system(qw(ip link set lo up)) if $own;

# More than the kernel's own buffers, of 32 MiB at most, can swallow.
my %flood = (packets => 700, size => 65_536);
my $total = 700 * (65_536 + 4);
my %kernel = (rcvbuf => 65_536);

# A session of a device at 127.0.0.FROM.
sub session
{
	my ($proxy, $broker, %arg) = @_;
	my $from = $own && $arg{from} ? "127.0.0.$arg{from}" : '127.0.0.1';
	my $version = $arg{version} // 4;
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'),
		from => $from, %kernel);
	my $b = $broker->session($c, version => $version);
	return { c => $c, b => $b };
}

# Sends until it is held back.
sub flood
{
	my ($fast) = @_;
	my $r = $fast->pump(%flood, stall => 300, timeout => 20_000);

	is($r->{status}, 'stalled', 'held back');
}

# What was held back arrives, complete.
sub flows
{
	my ($fast, $slow, $what) = @_;

	$slow->begin_pump(expect => $total, timeout => 20_000);
	$fast->begin_pump(continue => 1, timeout => 20_000);
	my ($got, $sent) = ($slow->finish, $fast->finish);
	is($got->{status}, 'ok', $what) or diag(Sallyport::Peer::said($got));
	is($got->{received_sha256}, $sent->{sent_sha256}, "$what: intact");
}

# Ages what the kernel says of its peers by the factor of 60, so that two minutes
# are two seconds.
sub age
{
	my $c = write_file(tmp('age.c'), <<'C');
#include <dlfcn.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	int (*real)(int, int, int, void *, socklen_t *) =
	    (int (*)(int, int, int, void *, socklen_t *))
	    dlsym(RTLD_NEXT, "getsockopt");
	int rc = real(fd, level, name, value, len);
	struct tcp_info *info = value;

	if (rc == 0 && level == IPPROTO_TCP && name == TCP_INFO)
		info->tcpi_last_ack_recv *= 60;
	return rc;
}
C
	my $program = Sallyport::Daemon::program(builddir);
	my $library = tmp('age.so');

	return if read_file($program) =~ /__(?:asan|tsan|msan)_init/
	    || `file -L '$program' 2>/dev/null` !~ /dynamically linked/
	    || system("cc -w -D_GNU_SOURCE -shared -fPIC -o $library $c "
		. '-ldl 2>/dev/null') != 0;
	return $library;
}

my %limits = (limits => { relay_buffer => '32k' });
my @brokers = map { peer("broker$_")->listen(%kernel) } 0 .. 2;
my $kept = sallyport(backend => { address => $brokers[0]->address }, %limits);
my $bound = sallyport(backend => { address => $brokers[1]->address }, %limits,
	timeouts => { unread => '1s' });
my $library = $own ? age() : undef;
my ($aged, $other);

# Neither side reads, each in a session of its own, and one in which all do.
my @kept = map { session($kept, $brokers[0]) } 1, 2;
my @bound = map { session($bound, $brokers[1], version => 5) } 1 .. 3;
for my $s (\@kept, \@bound) {
	flood($s->[0]{b});
	flood($s->[1]{c});
}

# The same of peers that cannot be reached any more: packets to them are dropped.
my @gone;
if ($library) {
	my @kit = (kit => { env => { LD_PRELOAD => $library } }, %limits);
	my $address = $brokers[2]->address;
	$aged = sallyport(@kit, backend => { address => $address });
	$other = sallyport(@kit, backend => { address => $address,
		source => '127.0.0.23' });
	@gone = ((map { session($aged, $brokers[2], from => $_) } 21, 22),
		session($other, $brokers[2]));
	flood($gone[0]{b});
	for (22, 23) {
		system(qw(ip route add blackhole), "127.0.0.$_/32",
			qw(table local)) == 0 or die 'no route';
	}
	$gone[1]{b}->send(mqtt_publish(payload => 'x'));
	$gone[2]{c}->send(mqtt_publish(payload => 'x'));
}

for my $side (qw(client broker)) {
	like($bound->wait_log(qr/event=dismiss .*the $side does not read/,
		timeout => 40), qr/reason=relay_unread/,
		"a $side that reads nothing is given up");
}
is(hex($bound[1]{c}->ended->{bytes}), 'e0028900', 'the client is told so');
$bound[2]{c}->send(mqtt_pingreq);
is(hex($bound[2]{b}->packet), hex(mqtt_pingreq),
	'a session without a backlog goes on');

SKIP: {
	skip 'the kernel cannot be aged here', 5 unless $library;
	ok($aged->wait_log(qr/event=close .*reason=relay_client_error/,
		timeout => 40), 'a client that is gone is found');
	is($aged->count_log(qr/event=close/), 1, 'and no other one');
	flows(@{ $gone[0] }{qw(b c)}, 'a client that did not read is kept');
	ok($other->wait_log(qr/event=close .*reason=relay_broker_error/,
		timeout => 40), 'a broker that is gone is found');
}
is($kept->count_log(qr/event=close/), 0, 'an hour is not over');
flows(@{ $kept[0] }{qw(b c)}, 'the client reads again');
flows(@{ $kept[1] }{qw(c b)}, 'the broker reads again');
done_testing;
