#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# How many sessions one certificate may have, over all workers, and the event
# when it is used from two addresses at once.
use strict;
use warnings;
use FindBin;
use Time::HiRes qw(time);
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = peer('broker')->listen;

sub config
{
	my ($excess, $most, %daemon) = @_;

	return (daemon => { workers => 2, %daemon },
		backend => { address => $broker->address },
		tls => {
			client_ca => pki->cert('client-ca'),
			sessions_per_certificate => $most // 2,
			on_excess => $excess,
		});
}

sub start
{
	return sallyport(config(@_));
}

# An open session, or the answer that the client got instead.
sub try_session
{
	my ($proxy, $transport, $version, $id) = @_;
	my $c = peer->device($transport, device => 'ec',
		port => $proxy->port($transport));

	$c->send(mqtt_connect(version => $version, clientid => $id));
	return $c;
}

sub session
{
	my ($proxy, $transport, $version, $id) = @_;
	my $c = try_session($proxy, $transport, $version, $id);
	my $b = $broker->accept;

	$b->packet;
	$b->send($version == 5 ? mqtt_connack(properties => '')
		: mqtt_connack());
	$c->packet;
	return { c => $c, b => $b };
}

sub lives
{
	my ($s, $what) = @_;

	$s->{c}->send(mqtt_pingreq);
	is(hex($s->{b}->packet), hex(mqtt_pingreq), $what);
}

{
	my $proxy = start('refuse');
	my @in = map { session($proxy, 'tls', 4, "c$_") } 1 .. 2;
	my $c5 = try_session($proxy, 'tls', 5, 'c3');
	is(hex($c5->ended->{bytes}), '2003009700',
		'refuse: a third one hears 0x97 in MQTT 5');
	my $c4 = try_session($proxy, 'wss', 4, 'c3');
	is(hex($c4->ended->{bytes}), '20020003', 'and 3 in 3.1.1, over wss');
	ok($proxy->wait_close('identity_sessions'), 'identity_sessions');
	lives($_, 'refuse: those who are in stay') for @in;

	# Another certificate has a count of its own.
	my $other = peer->device('tls', device => 'rsa',
		port => $proxy->port('tls'));
	$other->send(mqtt_connect(clientid => 'o'));
	my $b = $broker->accept;
	ok($b->packet, 'another certificate comes in');
	$_->close for $other, $b;

	my $gone = shift @in;
	my $from = $proxy->mark;
	$gone->{c}->send(mqtt_disconnect)->close;
	$gone->{b}->ended;
	$gone->{b}->close;
	$proxy->wait_log(qr/event=close .*client_id=c1 /, from => $from);
	push @in, session($proxy, 'tls', 5, 'c4');
	lives($_, 'a place that is left can be taken') for @in;
	$_->{c}->close, $_->{b}->close for @in;
}
{
	my $proxy = start('kick_oldest');
	my @in = map { session($proxy, 'tls', 5, "c$_") } 1 .. 2;
	my $new = session($proxy, 'wss', 5, 'c3');
	is(hex($in[0]{c}->ended->{bytes}), 'e0028e00',
		'kick_oldest: the oldest hears 0x8E');
	is(hex($in[0]{b}->ended->{bytes}), 'e000',
		'its broker hears DISCONNECT, so no Will is published');
	ok($proxy->wait_close('relay_replaced'), 'relay_replaced');
	lives($_, 'the others stay') for $in[1], $new;

	# The limit is lowered: the next session ends all that are above it.
	$proxy->write_ini(config('kick_oldest', 1));
	my $from = $proxy->mark;
	$proxy->signal('HUP');
	$proxy->wait_log(qr/event=reload /, from => $from);
	my $last = session($proxy, 'tls', 5, 'c4');
	is(hex($_->{c}->ended->{bytes}), 'e0028e00',
		'one instead of two: both go for the next one')
	    for $in[1], $new;
	lives($last, 'who stays');
	$_->{c}->close, $_->{b}->close for @in, $new, $last;
	is($proxy->count_log(qr/event=clone_suspect/), 0,
		'one address is no suspect');
}
{
	my $proxy = start('refuse');
	my $first = session($proxy, 'tls', 4, 'c1');
	my $c = peer->device('tls', device => 'ec',
		port => $proxy->port('tls'),
		from => '127.0.0.2');
	$c->send(mqtt_connect(clientid => 'c2'));
	my $line = $proxy->wait_log(qr/event=clone_suspect /);
	like($line, qr/peer=127\.0\.0\.2:\d+ .*also_from=127\.0\.0\.1:\d+ /,
		'another address is told, with both');
	$c->close;
}
{
	# A device that comes and goes beside its clone does not fill the log:
	# there are 50 lines at once, 50 a second, and the first of each second.
	$broker = peer('another broker')->listen;
	my $proxy = start('refuse', undef, workers => 1);
	my $first = session($proxy, 'tls', 4, 'c1');
	my $began = time;

	for my $n (1 .. 400) {
		my $c = peer->device('tls', device => 'ec',
			port => $proxy->port('tls'), from => '127.0.0.2');
		$c->send(mqtt_connect(clientid => "n$n"));
		$c->reset;
	}
	my $n = $proxy->count_log(qr/event=clone_suspect/);
	cmp_ok($n, '>=', 50, 'clone_suspect is logged');
	SKIP: {
		my $most = 50 + 51 * (2 + time - $began);
		skip 'too slow to come to the limit', 1 if $most >= 400;
		cmp_ok($n, '<=', $most, 'and has a limit');
	}
}
done_testing;
