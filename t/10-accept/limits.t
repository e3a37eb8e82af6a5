#!/usr/bin/perl
# [limits]: over the limit of connections, an address's own or that of all, one
# is refused; over that of handshakes it waits in the kernel's queue. And room
# that becomes free is used.
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

	$c->send(mqtt_connect());
	my $b = $broker->accept;
	$b->packet;
	$b->send(mqtt_connack());
	$c->packet;
	return ($c, $b);
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
		daemon => { http_listen => '127.0.0.1:0', workers => 1 },
		limits => { handshakes => 1 });
	my $pauses = sub {
		my ($m) = prometheus(http($proxy->port('http_listen'), 'GET',
			'/metrics')->{body});
		$m->{'sallyport_accept_pauses_total{reason="limit"}'};
	};
	my @in = session($proxy);
	my $before = $pauses->();
	my $silent = peer->open(port => $proxy->port('tls'));
	my $c = peer->try_tls(device => 'ec', port => $proxy->port('tls'),
		timeout => 300);

	isnt($c->{tls}{status}, 'ok', 'over the limit of handshakes: waits');
	cmp_ok($pauses->(), '>', $before, 'and the metrics tell');
	$_->close for $c, $silent, @in;
	@in = session($proxy);
	ok($in[0], 'and comes in when others have shaken hands');
	$_->close for @in;
}
ok(!$broker->pending, 'none of the refused reached the broker');
done_testing;
