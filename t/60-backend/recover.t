#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Without probes, a broker that was down and is back is found without a client:
# a load balancer that asks /readyz sends none until the proxy is ready.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;

# Each worker has its own view; /readyz tells the worst.
sub check
{
	my ($what, %broker) = @_;
	my $broker = peer('broker')->listen(%broker);

	chmod 0777, $broker{unix} if $broker{unix};
	%broker = (port => $broker->port) if !$broker{unix};
	my $proxy = sallyport(
		daemon => { http_listen => '127.0.0.1:0', workers => 2 },
		backend => { address => $broker->address, hold => 'off',
			probe_interval => '200ms' });
	my $at = $proxy->port('http_listen');
	my $is_ready = sub {
		http($at, 'GET', '/readyz')->{status} == 200;
	};

	ok($is_ready->(), "$what: ready at first");
	$broker->close;
	unlink $broker{unix} if $broker{unix};
	wait_until("$what: not ready once a client was refused", sub {
		my $c = peer->tls(port => $proxy->port('tls'), device => 'ec');
		$c->send(mqtt_connect());
		$c->ended;
		$c->close;
		return !$is_ready->();
	});
	my $from = $proxy->mark;
	$broker = peer('broker')->listen(%broker);
	chmod 0777, $broker{unix} if $broker{unix};
	wait_until("$what: ready again, without a client", $is_ready);
	ok($proxy->wait_log(qr/event=backend_up /, from => $from),
		"$what: logged");

	# The attempts were only connections: no bytes were sent.
	my $trial = $broker->accept;
	my $said = $trial->ended;
	is($said->{status}, 'eof', "$what: a connection, closed again");
	is(hex($said->{bytes}), '', "$what: which said nothing");
	$trial->close;
	$broker->close;
	$proxy->stop;
}

check('tcp');
check('unix', unix => tmp('broker.sock'));
done_testing;
