#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# By default a device cannot take over another one's session by its ClientID: it
# cannot end it, get what is stored for it, or delete that. Tested with a real
# mosquitto.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = mosquitto();
my $proxy = sallyport(backend => { address => $broker->address },
	identity => { username => '${cn}', clientid => undef });

# A session that the broker has accepted, and its CONNACK.
sub session
{
	my ($device, %c) = @_;
	my $c = peer->tls(device => $device, port => $proxy->port('tls'));

	$c->send(mqtt_connect(%c));
	return ($c, hex($c->packet));
}

my %own = (clientid => 'first', clean => 0);
my ($first, $connack) = session('ec', %own);
is($connack, '20020000', 'a device begins a stored session');
$first->send(mqtt_subscribe(topic => 'to/first', qos => 1));
is(hex($first->packet), '9003000101', 'and subscribes');

# While it is there.
my ($other, $answer) = session('rsa', %own);
is($answer, '20020000', 'another device with its ClientID has its own session');
$first->send(mqtt_pingreq);
is(hex($first->packet), 'd000', 'the first one stays');
$_->send(mqtt_disconnect), $_->ended, $_->close for $other;

# While it is away.
$first->send(mqtt_disconnect);
$first->ended;
$first->close;
my ($sender) = session('rsa', clientid => 'sender');
$sender->send(mqtt_publish(topic => 'to/first', payload => 'news', qos => 1,
	id => 7));
is(hex($sender->packet), '40020007', 'a message waits for it');
$sender->close;
for my $clean (0, 1) {
	my ($c, $answer) = session('rsa', clientid => 'first', clean => $clean);

	is($answer, $clean ? '20020000' : '20020100',
		"clean $clean: a session of its own");
	$c->send(mqtt_disconnect);
	is($c->ended->{bytes}, '', 'nor a message');
	$c->close;
}
($first, $connack) = session('ec', %own);
is($connack, '20020100', 'its session is still there');
like($first->packet, qr/to\/first.*news/s, 'with the message');

# A device may have several sessions, each with a ClientID of its own.
my ($second, $another) = session('ec', clientid => 'second');
is($another, '20020000', 'a second session of the device');
$first->send(mqtt_pingreq);
is(hex($first->packet), 'd000', 'beside its first one');

# A client that sends none gets one from the broker, so two of them are no
# conflict either.
my @none = map { (session('ec', clientid => ''))[0] } 1 .. 2;
for my $c (@none, $second) {
	$c->send(mqtt_pingreq);
	is(hex($c->packet), 'd000', 'sessions without a ClientID are apart');
	$c->close;
}
$broker->wait_log(qr/ as \S+\/second /);
$first->close;
done_testing;
