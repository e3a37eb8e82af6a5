#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# A drain lets a client complete the packet that it has begun, and receive the
# answer; idle sessions leave first; at the end of the time all leave.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Time::HiRes qw(time);

my $broker = peer('broker')->listen;

sub session
{
	my ($proxy) = @_;
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));
	my $b = $broker->session($c, version => 5);
	return ($c, $b);
}

my $publish = mqtt_publish(payload => 'x' x 1000, properties => '');
my $puback = "\x40\x02\x00\x01";
{
	my $proxy = sallyport(backend => { address => $broker->address },
		daemon => { drain_timeout => '20s' });
	my ($busy, $busy_b) = session($proxy);
	my ($idle, $idle_b) = session($proxy);

	$busy->send(substr $publish, 0, 500);
	$busy_b->recv(500);
	$proxy->signal('TERM');
	is(hex($idle->ended->{bytes}), 'e0028b00', 'the idle one leaves first');
	$_->close for $idle, $idle_b;
	$busy->send(substr $publish, 500);
	is($busy_b->recv(length($publish) - 500), substr($publish, 500),
		'the other one completes its packet');
	$busy_b->send($puback);
	is(hex($busy->packet), hex($puback), 'and hears the answer');
	is(hex($busy->ended->{bytes}), 'e0028b00', 'then it is sent away');
	$_->close for $busy, $busy_b;
	is($proxy->wait_exit(10), 0, 'and the daemon ends before its time');
}
{
	my $proxy = sallyport(backend => { address => $broker->address },
		daemon => { drain_timeout => '1s' });
	my ($c, $b) = session($proxy);
	my $began = time;

	$c->send(substr $publish, 0, 500);
	$b->recv(500);
	$proxy->signal('TERM');
	isnt($c->ended(timeout => 8000)->{status}, 'timeout',
		'a packet that is never completed is not waited for');
	$_->close for $c, $b;
	is($proxy->wait_exit(10), 0, 'the daemon ends');
	cmp_ok(time - $began, '<', 6 * slow, 'in its time');
}
done_testing;
