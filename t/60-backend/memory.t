#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The CONNECTs of all clients that wait for a broker have a limit in bytes, and so
# have those that are not complete; what is refused or leaves gives its bytes back.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $port = free_port;
# One worker, so that the clients are judged in the order in which they came.
my $proxy = sallyport(
	daemon => { workers => 1 },
	backend => { address => "127.0.0.1:$port" },
	timeouts => { backend => '20s' },
	limits => { connect_memory => '100k' });

sub wait_there
{
	my ($clientid, $len) = @_;
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));

	$c->send(mqtt_connect(version => 5, clientid => $clientid,
		will => { topic => 't', payload => 'w' x $len,
			properties => '' }));
	return $c;
}

my $from = $proxy->mark;
my @c = map { wait_there("c$_", 60_000) } 1 .. 2;
is(hex($c[1]->ended->{bytes}), '2003008900', 'the second is one too many');
my $line = $proxy->wait_close('backend_busy', from => $from);
like($line, qr/connect_memory/, 'the log names the option');
my $small = wait_there('small', 10);
my $broker = peer('broker')->listen(port => $port);
for (1 .. 2) {
	my ($b, $packet) = $broker->accept_packet(timeout => 15000);
	like($packet, qr/c1|small/,
		'those for which there was room come to the broker');
	$b->close;
}
my $again = wait_there('again', 60_000);
my ($b, $packet) = $broker->accept_packet(timeout => 15000);
like($packet, qr/again/, 'and there is room again');
$_->close for $again, $b, $small, $c[0];

# So have those that do not finish their CONNECT.
$from = $proxy->mark;
my @unfinished = map {
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));
	$c->send(substr(mqtt_connect(version => 5, clientid => 'half',
		will => { topic => 't', payload => 'w' x 60_000,
			properties => '' }), 0, 50_000));
	$c;
} 1 .. 3;
$line = $proxy->wait_close('accept_resource', from => $from);
like($line, qr/unfinished CONNECTs.*connect_memory/, 'three are too many');
$small = wait_there('other', 10);
($b, $packet) = $broker->accept_packet(timeout => 15000);
like($packet, qr/other/, 'a small CONNECT comes in');
$_->close for $b, $small, @unfinished;
done_testing;
