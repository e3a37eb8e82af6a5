#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# How a session ends: half-close in both directions, errors of either side, and
# packets that the relay must not forward.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = peer('broker')->listen;
my $proxy = sallyport(backend => { address => $broker->address });

sub session
{
	my ($transport, %c) = @_;
	my $c = peer->device($transport, device => 'ec',
		port => $proxy->port($transport));
	$c->send(mqtt_connect(%c));
	my $b = $broker->accept;
	$b->packet;
	$b->send($c{version} && $c{version} == 5
		? mqtt_connack(properties => '') : mqtt_connack());
	$c->packet;
	return ($c, $b);
}

my $large = mqtt_publish(payload => 'y' x 300_000);

# The client has sent all and closed its direction, but still wants the answer.
{
	my ($c, $b) = session('tls');
	my $from = $proxy->mark;

	$c->send($large);
	$c->eof;
	my $r = $b->ended;
	ok($r->{bytes} eq $large, 'half-close up: all before it arrives');
	is($r->{status}, 'eof', 'half-close up: then the end');
	$b->send($large);
	$b->eof;
	$r = $c->ended;
	ok($r->{bytes} eq $large, 'half-close up: the answer arrives');
	is($r->{how}, 'notify', 'half-close up: close_notify');
	ok($proxy->wait_close('relay_client_closed', from => $from),
		'half-close up: the client ended it');
	$_->close for $b, $c;
}
# The broker has sent all and closed its direction.
{
	my ($c, $b) = session('tls');
	my $from = $proxy->mark;

	$b->send($large);
	$b->eof;
	my $r = $c->ended;
	ok($r->{bytes} eq $large, 'half-close down: all before it arrives');
	is($r->{how}, 'notify', 'half-close down: close_notify');
	$c->try_send(mqtt_disconnect);
	$c->close;
	is(hex($b->ended->{bytes}), hex(mqtt_disconnect),
		'half-close down: what the client still says arrives');
	ok($proxy->wait_close('relay_broker_closed', from => $from),
		'half-close down: the broker ended it');
	$b->close;
}
# Connections that are reset or closed without a DISCONNECT.
for my $transport (qw(tls wss)) {
	my ($c, $b) = session($transport);
	my $from = $proxy->mark;
	$c->send(mqtt_pingreq);
	is(hex($b->packet), hex(mqtt_pingreq), "$transport: in a session");
	$c->reset;
	isnt($b->ended->{status}, 'timeout',
		"$transport: the client is gone: the broker hears");
	ok($proxy->wait_close('relay_client_error', from => $from),
		"$transport: relay_client_error");
	$b->close;

	$from = $proxy->mark;
	($c, $b) = session($transport);
	$c->send(mqtt_disconnect);
	$c->eof(notify => 0);
	my $r = $b->ended;
	is("$r->{status} " . hex($r->{bytes}), 'eof ' . hex(mqtt_disconnect),
		"$transport: FIN without close_notify: the broker hears");
	$_->close for $b, $c;
	$proxy->wait_close('relay_client_closed', from => $from);

	# A DISCONNECT, and then data and close in one write.
	($c, $b) = session($transport);
	$from = $proxy->mark;
	$c->send($large . mqtt_disconnect);
	$c->close;
	ok($b->ended->{bytes} eq $large . mqtt_disconnect,
		"$transport: sent and closed at once: all arrives");
	$b->close;
	like($proxy->wait_close('relay_client_(closed|error)',
		from => $from), qr/ up=3000\d\d /,
		"$transport: the log counts the bytes");
}

# A second CONNECT: in one piece, in several, after data. A v3 client is closed,
# a v5 client gets a DISCONNECT.
for my $transport (qw(tls wss)) {
	for my $version (4, 5) {
		for my $chunk (1, 1000) {
			my $what = "$transport, v$version, chunks of $chunk";
			my ($c, $b) = session($transport,
				version => $version);
			my $from = $proxy->mark;

			# Bytes inside a payload that look like a CONNECT do not matter.
			my $inside = mqtt_publish(payload => mqtt_connect(),
				properties => $version == 5 ? '' : undef);
			$c->send($inside . mqtt_pingreq, chunk => $chunk);
			$c->try_send(mqtt_connect(version => $version,
				clientid => 'second', username => 'root'),
				chunk => $chunk);
			my $r = $b->ended;
			is(hex($r->{bytes}), hex($inside . mqtt_pingreq),
				"$what: what came before it passes, no more");
			is(hex($c->ended->{bytes}),
				$version == 5 ? 'e0028200' : '',
				"$what: what the client hears");
			ok($proxy->wait_close('relay_second_connect',
				from => $from), "$what: the reason");
			$_->close for $b, $c;
		}
	}
}
# A fixed header that no version of MQTT allows.
{
	my ($c, $b) = session('tls');
	my $from = $proxy->mark;
	$c->try_send(mqtt_pingreq . "\x30\xff\xff\xff\xff\x7f" . 'x' x 100);
	like(hex($b->ended->{bytes}), qr/^c000/,
		'a length of five bytes: what came before it passes');
	ok($proxy->wait_close('relay_malformed', from => $from),
		'a length of five bytes: relay_malformed');
	$_->close for $b, $c;
}
done_testing;
