#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Malicious clients, each beside a good one: what they use is freed when they
# leave, and the good one does not notice them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = peer('broker')->listen;
my $proxy = sallyport(backend => { address => $broker->address },
	daemon => { log_level => 'info' },
	timeouts => { map { $_ => '2s' } qw(tls ws mqtt) });

sub fds
{
	my @fds = glob "/proc/$proxy->{pid}/fd/*";

	return scalar @fds;
}

# Pages that were ever used count, also after they were freed: this bounds the
# memory that it may take.
sub grows
{
	my ($most, $name, $code) = @_;
	my ($before, $fds) = ($proxy->rss, fds());

	$code->();
	my $grown = $proxy->rss - $before;
	cmp_ok($grown, '<', $most, "$name: it takes less than $most KiB")
	    unless $proxy->sanitized;
	wait_until("$name: descriptors come back", sub { fds() <= $fds });
	pass("$name: descriptors come back");
	is(works(), 1, "$name: the good one gets in");
}

sub come
{
	my ($transport, %c) = @_;
	my $c = peer->device($transport, device => 'ec',
		port => $proxy->port($transport), %c);
	my $b = $broker->session($c);
	return ($c, $b);
}

sub works
{
	my ($c, $b) = come('tls');

	$c->send(mqtt_pingreq);
	my $good = $b->packet eq mqtt_pingreq;
	$_->close for $c, $b;
	return $good;
}

works(); # what the first one costs is not the attack's
# 12 MB of pings, whose pongs are not read: the socket to the client is soon
# full.
grows(1024, 'pings without end', sub {
	my ($c, $b) = come('wss', rcvbuf => 4096);
	my $ping = ws_frame(op => 9, payload => 'p' x 125);

	$c->try_send($ping x 4000, raw => 1, timeout => 3000) for 1 .. 24;
	$c->reset;
	isnt($b->ended->{status}, 'timeout', 'the broker hears of its end');
	$b->close;
});
# 30 clients with a tiny receive window; the broker sends them much.
grows(30 * 200, 'readers that do not read', sub {
	my @c = map { [come($_ % 2 ? 'tls' : 'wss', rcvbuf => 2048)] } 1 .. 30;

	for my $two (@c) {
		my $sent = $two->[1]->pump(packets => 60, size => 65_536,
			stall => 50, timeout => 5000);
		$two->[0]->reset;
		isnt($two->[1]->ended->{status}, 'timeout', 'ended')
		    if $two == $c[0];
		$two->[1]->close;
	}
});
# 60 CONNECTs of the largest size, each without its last byte.
grows(60 * 80, 'large CONNECTs that stay unfinished', sub {
	my $large = mqtt_connect(will => { topic => 't',
		payload => 'x' x 65_000 });
	my @c = map { peer->tls(device => 'ec', port => $proxy->port('tls')) }
	    1 .. 60;

	chop $large;
	$_->try_send($large) for @c;
	isnt($_->ended->{status}, 'timeout', 'ended at its deadline')
	    for @c[0, -1];
	$_->close for @c;
});

# A reset at each point of the way.
my %cut = (
	'TCP' => sub { peer->open(port => $proxy->port($_[0])) },
	'half a ClientHello' => sub {
		peer->open(port => $proxy->port($_[0]))
		    ->send("\x16\x03\x01\x02\x00\x01\x00\x01" . 'x' x 99);
	},
	'TLS' => sub {
		peer->tls(device => 'ec', port => $proxy->port($_[0]));
	},
	'half an upgrade' => sub {
		peer->tls(device => 'ec', port => $proxy->port('wss'))
		    ->send("GET /mqtt HTTP/1.1\r\nHost: x\r\n");
	},
	'half a CONNECT' => sub {
		peer->device($_[0], device => 'ec',
			port => $proxy->port($_[0]))
		    ->send(substr mqtt_connect(), 0, 9);
	},
	'half a PUBLISH' => sub {
		my ($c, $b) = come($_[0]);
		$c->send(substr mqtt_publish(payload => 'x' x 999), 0, 500);
		return ($c, $b);
	},
);
for my $where (sort keys %cut) {
	grows(1024, "a reset after $where", sub {
		for (1 .. 20) {
			my ($c, $b) = $cut{$where}->($_ % 2 ? 'tls' : 'wss');

			$c->reset;
			$b->ended, $b->close if $b;
		}
	});
}
done_testing;
