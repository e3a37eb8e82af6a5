#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# [timeouts] idle ends a session that transfers nothing, and no other session.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = peer('broker')->listen;
my $proxy = sallyport(backend => { address => $broker->address },
	timeouts => { idle => int(1000 * slow) . 'ms' });
my $from = $proxy->mark;

# version, client, broker
my @sessions = map {
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));
	$c->send(mqtt_connect(version => $_));
	my $b = $broker->accept;
	$b->packet;
	$b->send($_ == 5 ? mqtt_connack(properties => '') : mqtt_connack());
	$c->packet;
	[$_, $c, $b]
} 4, 5;

for (1 .. 3) {
	$sessions[0][1]->command('recv', n => 1, timeout => 500);
	for (@sessions) {
		my (undef, $c, $b) = @$_;
		$c->send(mqtt_pingreq);
		$b->packet;
	}
}
ok(!defined $proxy->find_log(qr/relay_idle/, $from), 'pings keep them alive');
for (@sessions) {
	my ($version, $c, $b) = @$_;
	is(hex($c->ended->{bytes}), $version == 5 ? 'e0028d00' : '',
		"v$version: silence does not");
	is($b->ended->{status}, 'eof', "v$version: the broker hears");
	$_->close for $b, $c;
}
ok($proxy->wait_close('relay_idle', from => $from), 'relay_idle');
done_testing;
