#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Dialling the broker: it is down, slow, a unix socket or a name; or it crashes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = peer('broker')->listen;
my $gone = peer('broker')->listen;
my $gone_address = $gone->address;
$gone->close;
# A queue of one that is full: the kernel accepts no other connection.
my $full = peer('broker')->listen(backlog => 0);
my @queue = map { peer('broker')->try_open(port => $full->port,
	timeout => 100) } 1 .. 3;
my $socket = tmp('broker.sock');
my $unix = peer('broker')->listen(unix => $socket);
chmod 0777, $socket;

my %address = (
	gone => $gone_address, full => $full->address,
	unix => $unix->address, nounix => 'unix:' . tmp('no.sock'),
	name => 'localhost:' . $broker->port,
	noname => 'no-such-host.invalid:1883',
);
my $proxy = sallyport(
	timeouts => { backend => '400ms' },
	backend => { address => $broker->address },
	map {
		("backend $_" => { address => $address{$_} },
		"listener $_" => { bind => '127.0.0.1:0', backend => $_ })
	} keys %address);

sub guest
{
	my ($listener, %c) = @_;
	my $c = peer->tls(device => 'ec', port => $proxy->port($listener));

	return $c->send(mqtt_connect(%c));
}

for (
	['gone', 'no server listens', 'backend_unreachable'],
	['nounix', 'no such socket', 'backend_unreachable'],
	['noname', 'no such name', 'backend_(unreachable|timeout)'],
	['full', 'no answer', 'backend_(timeout|unreachable)'],
) {
	my ($listener, $what, $reason) = @$_;
	for my $version (3, 4, 5) {
		my $from = $proxy->mark;
		my $c = guest($listener, version => $version);
		my $r = $c->ended;

		is(hex($r->{bytes}),
			$version == 5 ? '2003008800' : '20020003',
			"v$version, $what: server unavailable");
		is($r->{status}, 'eof', "v$version, $what: then the end");
		ok($proxy->wait_close($reason, from => $from),
			"v$version, $what: $reason");
		$c->close;
	}
}
{
	my $c = peer->wss(device => 'ec', port => $proxy->port('wss'));
	ok($c, 'the others are served meanwhile');
	$c->close;
}
for my $listener (qw(unix name)) {
	my $c = guest($listener);
	my $b = ($listener eq 'unix' ? $unix : $broker)->accept;
	is(hex($b->packet), hex(mqtt_connect(username => 'device-001')),
		"the broker by $listener");
	$b->send(mqtt_connack());
	is(hex($c->packet), hex(mqtt_connack()), "$listener: both ways");
	$_->close for $b, $c;
}

# It crashes: before the CONNACK, and in the middle of a session.
for my $transport (qw(tls wss)) {
	for my $when ('before the CONNACK', 'in a session') {
		for my $how (qw(close reset)) {
			my $from = $proxy->mark;
			my $c = peer->device($transport, device => 'ec',
				port => $proxy->port($transport));
			$c->send(mqtt_connect());
			my $b = $broker->accept;
			$b->packet;
			if ($when eq 'in a session') {
				$b->send(mqtt_connack());
				$c->packet;
			}
			$b->$how;
			my $r = $c->ended;
			is($r->{status}, 'eof',
				"$transport: $how $when: the client hears")
			    or diag(Sallyport::Peer::said($r));
			# Half-closed so far: the client has the last word.
			$c->close;
			my $reason = $how eq 'close' ? 'closed' : 'error';
			ok($proxy->wait_close(
				"(relay_broker_$reason|backend_\\w+)",
				from => $from),
				"$transport: $how $when: the reason");
		}
	}
}

# The client leaves while the broker is being dialled.
{
	my $from = $proxy->mark;
	guest('full')->reset;
	ok($proxy->wait_close('backend_(closed|timeout|unreachable)', from => $from),
		'gone while dialling');
}
# A broker that comes back is found. A client that waits shorter than the time to
# the next try is refused, and connects again, as devices do.
{
	my ($port) = $gone_address =~ /(\d+)$/;
	my $back = peer('broker')->listen(port => $port);
	my $packet;

	for (1 .. 20) {
		my $c = guest('gone');
		(undef, $packet) = eval { $back->accept_packet(timeout => 1000) };
		$c->close;
		last if $packet;
	}
	ok($packet, 'a broker that is back is found');
}
done_testing;
