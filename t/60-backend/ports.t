#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# An operator is warned once when the local ports for a broker run out, while
# devices can still connect, and told what helps.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
BEGIN {
	# A network of its own, with few ports.
	if (!$ENV{SALLYPORT_FEW_PORTS} && $> == 0 &&
	    system('unshare -n true 2>/dev/null') == 0) {
		$ENV{SALLYPORT_FEW_PORTS} = 1;
		exec 'unshare', '-n', $^X, $0;
	}
}
use Sallyport;
use Sallyport::Admin;

plan skip_all => 'not root, or no unshare' if !$ENV{SALLYPORT_FEW_PORTS};
need_tool('ip');
system('ip link set lo up') == 0 or die 'no loopback';
write_file('/proc/sys/net/ipv4/ip_local_port_range', "61001 61040\n");

my $broker = peer('broker')->listen;
my $proxy = sallyport(backend => { address => $broker->address },
	daemon => { http_listen => '127.0.0.1:0', log_level => 'info' });
my $warning = qr/event=backend_ports /;
my @open;

sub come
{
	my $c = peer->device('tls', device => 'ec',
		port => $proxy->port('tls'));

	$c->send(mqtt_connect());
	my $b = $broker->accept;
	$b->packet;
	push @open, [$c, $b];
}

sub leave
{
	$_->close for @{ shift @open };
}

sub metric
{
	my ($name) = @_;
	my $text = http($proxy->port('http_listen'), 'GET', '/metrics')->{body};
	my $labels = 'source="127.0.0.1",endpoint="' . $broker->address . '"';

	return $text =~ /^sallyport_backend_$name\{\Q$labels\E\} (\d+)$/m
	    ? $1 : -1;
}

come() for 1 .. 31;
is(metric('flows'), 31, 'metrics: so many');
is(metric('ports'), 40, 'of so many');
is($proxy->count_log($warning), 0, 'less than four fifths: nothing is said');
come();
like($proxy->wait_log($warning),
	qr/ 32 of 40 local ports .*source more addresses.*unix:PATH/,
	'four fifths: a warning, and what helps');
come();
is($proxy->count_log($warning), 1, 'once');
leave() for 1 .. 6;
wait_until('they are not counted any more', sub { metric('flows') == 27 });
come() for 1 .. 5;
is($proxy->count_log($warning), 2, 'again after it was better');
leave() while @open;
done_testing;
