#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# [mqtt]: versions that are not wanted, and the bridge bit.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = peer('broker')->listen;

sub start
{
	return sallyport(backend => { address => $broker->address },
		mqtt => {@_})->port('tls');
}

sub visit
{
	my ($port, %c) = @_;

	return peer->tls(device => 'ec', port => $port)
	    ->try_send(mqtt_connect(%c));
}

sub passes
{
	my ($what, $port, %c) = @_;
	my $c = visit($port, %c);
	my $b = $broker->accept;

	is(hex($b->packet), hex(mqtt_connect(%c, username => 'device-001')),
		$what);
	$_->close for $b, $c;
}

sub refuses
{
	my ($what, $answer, $port, %c) = @_;
	my $c = visit($port, %c);

	is(hex($c->ended->{bytes}), $answer, $what);
	$c->close;
}

my $only5 = start(versions => '5');
passes('only 5: v5 passes', $only5, version => 5);
refuses('only 5: v3.1.1 is told', '20020001', $only5, version => 4);
refuses('only 5: v3.1 is told', '20020001', $only5, version => 3);
my $only3 = start(versions => '3.1, 3.1.1', bridge_bit => 'refuse');
passes('only 3: v3.1 passes', $only3, version => 3);
passes('only 3: v3.1.1 passes', $only3, version => 4);
refuses('only 3: v5 is told', '2003008400', $only3, version => 5);
refuses('bridge_bit = refuse: v3.1.1', '20020001', $only3, level => 0x84);
refuses('bridge_bit = refuse: v3.1', '20020001', $only3, version => 3,
	level => 0x83);
passes('bridge_bit = keep: v3.1.1', start(), level => 0x84);
ok(!$broker->pending, 'none of the refused reached the broker');
done_testing;
