#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The process stands still for longer than a stage may take (a frozen machine, no
# CPU). A client that sent its bytes in time is admitted.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Time::HiRes qw(time);

# Deadlines: they also have to suffice where the machine is busy.
my ($short, $long) = (slow, 2 * slow);

# The daemon stands still while this is done, and for a second longer than a
# deadline.
sub stand_still
{
	my ($proxy, $seconds, $meanwhile) = @_;
	my $until = time + $seconds + 1;

	$proxy->signal('STOP');
	my $got = $meanwhile->();
	wait_until('it has stood still', sub { time > $until });
	$proxy->signal('CONT');
	return $got;
}

my $broker = peer('broker')->listen;
my $proxy = sallyport(
	backend => { address => $broker->address },
	timeouts => { map { $_ => "${short}s" } qw(tls ws mqtt) });

my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));
my $silent = peer->open(port => $proxy->port('tls'));
my $from = $proxy->mark;
stand_still($proxy, $short, sub { $c->send(mqtt_connect()) });
my $b = $broker->accept;
is(hex($b->packet), hex(mqtt_connect(username => 'device-001')),
	'a CONNECT that waited in the socket arrives');
$b->send(mqtt_connack());
is(hex($c->packet), hex(mqtt_connack()), 'and is answered');
ok($proxy->wait_close('tls_timeout', from => $from),
	'a silent client is still sent away');
$_->close for $c, $b, $silent;

# The other stages: what a client sends while the daemon stands still counts.
{
	my $late = peer->open(port => $proxy->port('tls'));

	stand_still($proxy, $short, sub {
		peer->begin('tls', $late->{name}, cert => pki->cert('ec'),
			key => pki->key('ec'));
	});
	is(peer->finish->{status}, 'ok', 'a handshake');
	$late->send(mqtt_connect());
	$b = $broker->accept;
	$_->close for $late, $b;

	my $ws = peer->tls(device => 'ec', port => $proxy->port('wss'));
	stand_still($proxy, $short, sub {
		$ws->send(Sallyport::Ws::ws_request(path => '/mqtt'))
	});
	like(pack('H*', $ws->command('head')->{hex} // ''),
		qr{^HTTP/1\.1 101 }, 'an upgrade');
	$ws->close;
}
$proxy->stop;

# Many that wait at once: more than the loop may see in its first look.
{
	my $crowd = sallyport(workers_one(), backend => {
		address => $broker->address }, timeouts => { mqtt => "${long}s" });
	my @c = map { peer->tls(device => 'ec', port => $crowd->port('tls')) }
	    1 .. 40;

	stand_still($crowd, $long, sub { $_->send(mqtt_connect()) for @c });
	my @b = map { $broker->accept } @c;
	is(scalar @b, 40, 'many that waited at once');
	is($crowd->count_log(qr/reason=mqtt_timeout/), 0, 'none is refused');
	$_->close for @c, @b;
	$crowd->stop;
}

# A client that is held until the broker is back, and a session's silence.
{
	my $port = free_port();
	my ($wait, $idle) = (4 * slow, 3 * slow);
	my $held = sallyport(workers_one(),
		backend => { address => "127.0.0.1:$port", hold => 'on' },
		timeouts => { backend => "${wait}s", idle => "${idle}s" });
	my $c = peer->tls(device => 'ec', port => $held->port('tls'));
	$c->send(mqtt_connect());
	$held->wait_log(qr/event=backend_down/);
	my $back = stand_still($held, $wait, sub {
		peer('later')->listen(port => $port)
	});
	my ($b) = $back->accept_packet(timeout => 9000);
	$b->send(mqtt_connack());
	is(hex($c->packet), hex(mqtt_connack()),
		'a client that was held for the broker');
	stand_still($held, $idle, sub { $c->send(mqtt_pingreq) });
	is(hex($b->packet), hex(mqtt_pingreq), 'an idle session is not closed');
	ok($held->wait_close('relay_idle', timeout => 20), 'but when it stays silent');
	$_->close for $c, $b, $back;
	$held->stop;
}
done_testing;

sub workers_one
{
	return (daemon => { workers => 1 });
}
