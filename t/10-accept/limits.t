#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# [limits]: above the limit of connections, of one address or in all, a client
# is refused; above that of unfinished handshakes the oldest one is ended. Room
# that becomes free is used again.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;

my $broker = peer('broker')->listen;

sub session
{
	my ($proxy, %arg) = @_;
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'), %arg);
	my $b = $broker->session($c);
	return ($c, $b);
}

# Waits until so many connections were ended for newer ones. A worker may accept
# the device before another worker accepts what came earlier, and then the device
# is the oldest.
sub evicted
{
	my ($proxy, $count) = @_;

	wait_until("$count are evicted", sub {
		$proxy->count_log(qr/reason=accept_evicted/) >= $count
	});
}

{
	my $proxy = sallyport(backend => { address => $broker->address },
		limits => { connections_per_address => 3 });
	my @in = map { [session($proxy)] } 1 .. 3;
	my $from = $proxy->mark;
	my $c = peer->open(port => $proxy->port('tls'));

	is($c->ended->{bytes}, '', 'the fourth of an address is closed');
	$c->close;
	ok($proxy->wait_close('accept_address_limit', from => $from),
		'accept_address_limit');
	$in[0][0]->close;
	$in[0][1]->ended;
	$in[0][1]->close;
	wait_until('there is room', sub {
		peer->try_tls(device => 'ec', port => $proxy->port('tls'))
		    ->{tls}{status} eq 'ok'
	});
	pass('room that becomes free is used');
}
{
	my $proxy = sallyport(backend => { address => $broker->address },
		limits => { connections => 2 });
	my @in = map { [session($proxy)] } 1, 2;
	my $from = $proxy->mark;
	my $c = peer->try_tls(device => 'ec', port => $proxy->port('tls'));

	isnt($c->{tls}{status}, 'ok', 'over the limit for all: refused');
	ok($proxy->wait_close('accept_limit', from => $from), 'accept_limit');
	$c->close;
	for (@in) {
		$_->[0]->close;
		$_->[1]->ended;
		$_->[1]->close;
	}
	my ($late, $b) = session($proxy);
	ok($late, 'and comes in when others have left');
	$_->close for $late, $b;
}
{
	my $proxy = sallyport(backend => { address => $broker->address },
		limits => { handshakes => 3 });
	my @silent = map { peer->open(port => $proxy->port('tls')) } 1 .. 5;
	evicted($proxy, 2);
	my @in = session($proxy);

	ok($in[0], 'a device comes in beside silent connections');
	ok($proxy->wait_close('accept_evicted'), 'of which the oldest ended');
	is($silent[0]->ended->{bytes}, '', 'without a byte');
	$_->close for @silent, @in;
}
{
	my $proxy = sallyport(backend => { address => $broker->address },
		limits => { connections => 3 });
	my @in = session($proxy);
	my @silent = map { peer->open(port => $proxy->port('tls')) } 1 .. 4;
	evicted($proxy, 2);
	my @more = session($proxy);

	ok($more[0], 'nor do silent ones keep a device out at the limit for all');
	$_->close for @silent, @in, @more;
}
{
	my $proxy = sallyport(backend => { address => $broker->address },
		limits => { handshake_rate => 2 });
	my @silent = map { peer->open(port => $proxy->port('tls')) } 1 .. 20;
	my @half = map {
		my $c = peer->open(port => $proxy->port('tls'));
		$c->send("\x16\x03\x01\x02\x00\x01");
		$c
	} 1 .. 20;
	my $began = time;
	my @in = session($proxy);

	cmp_ok(time - $began, '<', 5, 'silent and half a ClientHello: no tokens');
	$_->close for @silent, @half, @in;
}
ok(!$broker->pending, 'none of the refused reached the broker');
done_testing;
