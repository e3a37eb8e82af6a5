#!/usr/bin/perl
# [timeouts] idle ends a session that moves nothing, and no other.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = peer('broker')->listen;
my $proxy = sallyport(backend => { address => $broker->address },
	timeouts => { idle => '1s' });

for my $version (4, 5) {
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));
	my $from = $proxy->mark;

	$c->send(mqtt_connect(version => $version));
	my $b = $broker->accept;
	$b->packet;
	$b->send($version == 5 ? mqtt_connack(properties => '')
		: mqtt_connack());
	$c->packet;
	for (1 .. 4) {
		$c->command('recv', n => 1, timeout => 400);
		$c->send(mqtt_pingreq);
		$b->packet;
	}
	ok(!defined $proxy->find_log(qr/relay_idle/, $from),
		"v$version: pings keep it alive");
	is(hex($c->ended->{bytes}), $version == 5 ? 'e0018d' : '',
		"v$version: silence does not");
	ok($proxy->wait_close('relay_idle', from => $from),
		"v$version: relay_idle");
	is($b->ended->{status}, 'eof', "v$version: the broker hears");
	$_->close for $b, $c;
}
done_testing;
