#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# SIGTERM dismisses the sessions and exits with 0; SIGINT, or a second SIGTERM,
# ends at once. With drain_delay load balancers are told first. A client that is
# revoked meanwhile is disconnected, and commands under way are answered.
use strict;
use warnings;
use Fcntl qw(:flock);
use FindBin;
use IO::Socket::UNIX;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;
use Time::HiRes qw(time);

my $broker = peer('broker')->listen;

sub start
{
	my ($drain) = @_;

	return sallyport(backend => { address => $broker->address },
		daemon => { drain_timeout => $drain });
}

sub session
{
	my ($proxy, $transport, %c) = @_;
	my $c = peer->device($transport, device => 'ec',
		port => $proxy->port($transport));

	$c->send(mqtt_connect(%c));
	my $b = $broker->accept;
	$b->packet;
	$b->send(($c{version} || 4) == 5 ? mqtt_connack(properties => '')
		: mqtt_connack());
	$c->packet;
	return ($c, $b);
}

{
	my $proxy = start('30s');
	my $began = time;
	$proxy->signal('TERM');
	is($proxy->wait_exit(5), 0, 'TERM without sessions: exit 0');
	cmp_ok(time - $began, '<', 2 * slow, 'at once');
}
{
	my $proxy = start('2s');
	my ($c, $b) = session($proxy, 'tls');
	my ($c5, $b5) = session($proxy, 'tls', version => 5);
	my ($w5, $wb5) = session($proxy, 'wss', version => 5);
	my $began = time;
	my $last = mqtt_publish(payload => 'x' x 100_000, properties => '');

	# Data on its way is not lost.
	$b5->send($last);
	$proxy->signal('TERM');
	$proxy->wait_log(qr/event=drain /);
	wait_until('the port closes', sub {
		!peer->try_open(port => $proxy->port('tls'))
	});
	pass('TERM: no new client is let in');
	ok($c5->packet eq $last, 'what was on its way arrives');
	is(hex($c5->ended->{bytes}), 'e0028b00',
		'v5 hears that the server shuts down');
	is(hex($w5->ended->{bytes}), 'e0028b00', 'v5 over wss too');
	is(hex($c->ended->{bytes}), '', 'v4 is closed');
	is($proxy->wait_exit(5), 0, 'exit 0');
	cmp_ok(time - $began, '<', 4 * slow, 'within drain_timeout');
	is($proxy->count_log(qr/event=close .*reason=relay_drained/), 3, 'relay_drained');
	$_->close for $c, $b, $c5, $b5, $w5, $wb5;
}
{
	my $proxy = start('30s');
	my ($c, $b) = session($proxy, 'tls');
	$proxy->signal('TERM');
	$proxy->wait_log(qr/event=drain /);
	$c->send(mqtt_disconnect)->close;
	$b->ended;
	$b->close;
	is($proxy->wait_exit(5), 0, 'the last client leaves: exit 0');
}
for (['INT', 'INT'], ['TERM', 'TERM']) {
	my ($first, $second) = @$_;
	my $proxy = start('30s');
	my ($c, $b) = session($proxy, 'tls');
	my $began = time;

	$proxy->signal($first);
	if ($first eq 'TERM') {
		$proxy->wait_log(qr/event=drain /);
		$proxy->signal($second);
	}
	is($proxy->wait_exit(5), 0, "$first: exit 0");
	cmp_ok(time - $began, '<', 3 * slow, "$first: fast");
	isnt($b->ended->{status}, 'timeout', "$first: the broker hears");
	isnt($c->ended->{status}, 'timeout', "$first: the client hears");
	$_->close for $b, $c;
}
# One load balancer has seen that it is no longer ready; others may still send
# clients.
{
	my $proxy = sallyport(backend => { address => $broker->address },
		daemon => { drain_delay => '2s', http_listen => '127.0.0.1:0' });
	my $http = $proxy->port('http_listen');
	my ($before, $b) = session($proxy, 'tls');
	is(http($http, 'GET', '/readyz')->{status}, 200, 'ready');
	$proxy->signal('TERM');
	$proxy->wait_log(qr/event=leave /);
	my $readyz = http($http, 'GET', '/readyz');
	is("$readyz->{status} $readyz->{body}", "503 draining\n",
		'TERM: no longer ready');
	like(http($http, 'GET', '/status')->{body}, qr/"state": ?"leaving"/,
		'leaving');
	my ($c, $b2) = session($proxy, 'tls');
	pass('but who comes is let in');
	is($proxy->count_log(qr/event=(?:drain|close) /), 0,
		'and no client is sent away');
	$proxy->wait_log(qr/event=drain /);
	isnt($_->ended->{status}, 'timeout', 'then all leave')
	    for $before, $c;
	is($proxy->wait_exit(5), 0, 'exit 0');
	$_->close for $before, $b, $c, $b2;
}
# A drain that sallyportctl began (a preStop hook does that) is not cut short by
# the SIGTERM that follows; a device that is denied meanwhile is disconnected.
{
	my $deny = tmp('deny.csv');
	write_file($deny, "as,who,reason,until\n");
	my $socket = tmp('admin.sock');
	my $proxy = sallyport(backend => { address => $broker->address },
		denylist => { file => $deny },
		daemon => { drain_timeout => '1h', admin_socket => $socket });
	my @in = map { [session($proxy, 'tls', version => 5,
		clientid => "c$_")] } 1 .. 40;
	is((ctl($socket, 'drain'))[0], 0, 'drain');
	$proxy->signal('TERM');
	# One leaves every 100 ms: the last one's turn is 4 s away.
	my ($code, $out, $err) = ctl($socket, 'deny', 'clientid', 'c40');
	is($code, 0, 'deny while draining') or diag($out, $err);
	is(hex($in[39][0]->ended->{bytes}), 'e0029800',
		'is obeyed: thrown out, not sent away');
	is(hex($in[38][0]->ended->{bytes}), 'e0028b00', 'the others drain');
	$proxy->wait_close('relay_drained');
	is($proxy->wait_exit(10), 0, 'exit 0');
	for (@in) {
		$_->close for @$_;
	}
}
# The log file is opened again.
{
	my $log = tmp('own.log');
	my %log = (daemon => { log => $log });
	my $proxy = sallyport(%log);
	wait_until('the log is there', sub { -s $log });
	rename $log, "$log.1";
	$proxy->signal('HUP');
	wait_until('the log is there again', sub { -s $log });
	pass('SIGHUP opens the log file anew');
}
{
	# The deny list is locked, so the change waits, and the reload after it.
	my $socket = tmp('admin.sock');
	my $file = write_file(tmp('deny.csv'), "as,who\n");
	my $proxy = sallyport(backend => { address => $broker->address },
		daemon => { admin_socket => $socket },
		denylist => { file => $file });
	my @calls;

	open my $lock, '>>', $file or die "$file: $!";
	flock $lock, LOCK_EX or die "$file: $!";
	syswrite $lock, "\n"; # so that a reload reads it
	for my $request ('deny?as=cn&who=x', 'reload') {
		my $call = IO::Socket::UNIX->new(Peer => $socket) or die $!;
		syswrite $call, "POST /$request HTTP/1.1\r\nHost: x\r\n\r\n";
		push @calls, $call;
	}
	is(http($socket, 'GET', '/status')->{status}, 200, 'both have come in');
	$proxy->signal('QUIT');
	$proxy->wait_log(qr/event=stop /);
	close $lock;
	like(readline($_) // 'closed', qr/^HTTP/,
		'a command under way is answered at the end') for @calls;
	is($proxy->wait_exit(5), 0, 'exit 0');
}

done_testing;
