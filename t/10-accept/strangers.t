#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Strangers in 16 networks open connections and stay silent, send half a
# handshake, or send what is not TLS. A device in another network comes in within
# a second all the while, also with few descriptors and little memory, and where
# certificates are optional. Others have a certificate, but send no CONNECT.
use strict;
use warnings;
use FindBin;
use IO::Socket::INET;
use Time::HiRes qw(time);
use lib "$FindBin::Bin/../lib";
use Sallyport;

need_tool('prlimit');
my @networks = map { "127.1.$_.1" } 1 .. 16;
my $broker = peer('broker')->listen;
my @strangers;

# Room for some 80 connections.
my $few_files = sub { system 'prlimit', "--pid=$$", '--nofile=256:256' };

# A connection from the Nth network.
sub stranger
{
	my ($proxy, $n) = @_;
	my $s = peer('strangers')->open(port => $proxy->port('tls'),
		from => $networks[$n % @networks]);

	push @strangers, $s;
	return $s;
}

sub half_a_hello
{
	return "\x16\x03\x01\x02\x00\x01\x00\x01\xfc" . 'x' x 99;
}

# How long a device needs from connect() to CONNACK, in seconds.
sub device
{
	my ($proxy) = @_;
	my $began = time;
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));

	$c->send(mqtt_connect());
	my $b = $broker->accept;
	$b->packet;
	$b->send(mqtt_connack());
	my $connack = hex($c->packet);
	my $took = time - $began;
	$_->close for $c, $b;
	return $connack eq '20020000' ? $took : 99;
}

# The strangers come, twice as many as there is room for; then five devices.
sub besieged
{
	my ($what, $proxy, $come) = @_;
	my $room = 2 * 120;
	my @took;

	for my $n (1 .. $room) {
		$come->($proxy, $n);
		push @took, device($proxy) if $n % ($room / 5) == 0;
	}
	my ($most) = sort { $b <=> $a } @took;
	cmp_ok($most, '<', 1 * slow,
		sprintf '%s: devices come in, the last after %.0f ms', $what,
		1000 * $most);
	$_->close for @strangers;
	@strangers = ();
}

my %kinds = (
	'silent' => sub { stranger(@_) },
	'half a ClientHello' => sub { stranger(@_)->send(half_a_hello()) },
	'TLS without a certificate, and no CONNECT' => sub {
		my ($proxy, $n) = @_;
		push @strangers, peer('strangers')->try_tls(
			port => $proxy->port('tls'),
			from => $networks[$n % @networks]);
	},
	'a certificate, and no CONNECT' => sub {
		my ($proxy, $n) = @_;
		push @strangers, peer('strangers')->try_tls(
			device => 'ec', port => $proxy->port('tls'),
			from => $networks[$n % @networks]);
	},
	'not TLS' => sub { stranger(@_)->try_send('GET / HTTP/1.1' . 'x' x 99) },
);
for my $kind (sort keys %kinds) {
	my $proxy = sallyport(backend => { address => $broker->address },
		daemon => { log_level => 'info' },
		tls => { client_certificate => 'optional' },
		kit => { before => $few_files });

	besieged($kind, $proxy, $kinds{$kind});
	$proxy->stop;
}

# Who connects and leaves as health checks do is in the log all the same, if
# this happens more often than health checks do.
{
	my $proxy = sallyport(backend => { address => $broker->address },
		daemon => { workers => 1, log_level => 'info' });
	my $n = 0;
	my $connect = sub {
		IO::Socket::INET->new(PeerAddr => '127.0.0.1',
			PeerPort => $proxy->port('tls'))->close;
	};

	$connect->() for 1 .. 5;
	stranger($proxy, 1)->try_send('GET / HTTP/1.1');
	$proxy->wait_log(qr/event=refuse .*reason=tls_not_tls/);
	is($proxy->count_log(qr/reason=tls_check/), 0, 'a few checks: no line');
	wait_until('a line', sub {
		$connect->() for 1 .. 100;
		$n += 100;
		return $proxy->count_log(qr/event=refuse .*reason=tls_check/);
	}, 20);
	pass("many: the log names their address (after $n)");
}
done_testing;
