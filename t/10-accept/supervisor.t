#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# What systemd passes and receives: sockets by the listener's name, READY,
# RELOADING, STOPPING and the watchdog. This test plays systemd.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use IO::Select;
use IO::Socket::INET;
use Socket qw(AF_UNIX SOCK_DGRAM pack_sockaddr_un);

my $made = read_file(builddir() . '/Makefile');
plan skip_all => 'built without libsystemd'
    unless $made =~ /-DHAVE_LIBSYSTEMD=1/;

my $path = tmp('notify');
socket(my $notify, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
bind($notify, pack_sockaddr_un($path)) or die "$path: $!";
chmod 0777, $path;

my $passed = IO::Socket::INET->new(Listen => 100,
	LocalAddr => '127.0.0.1:0') or die "listen: $!";
my $broker = peer('broker')->listen;

# The next thing that the daemon says about WHAT.
sub hears
{
	my ($what) = @_;
	my $end = time + 10 * slow;

	while (time < $end) {
		IO::Select->new($notify)->can_read(1) or next;
		recv $notify, my $text, 4096, 0;
		return $text if $text =~ $what;
	}
	return '';
}

# Nothing listens at the other one.
my $free = free_port();
my $proxy = sallyport(backend => { address => $broker->address },
	'listener wss' => { backend => 'spare' },
	'backend spare' => { address => "127.0.0.1:$free", probe => 'tcp',
		probe_interval => '200ms' },
	kit => { fds => [[$passed, 'tls']], env => {
		NOTIFY_SOCKET => $path, WATCHDOG_USEC => 400_000 } });

like(hears(qr/READY=1/), qr/^READY=1\nSTATUS=\w/, 'ready is told');
like(hears(qr/WATCHDOG/), qr/^WATCHDOG=1/, 'and that it lives');
is($proxy->port('tls'), $passed->sockport, 'the passed socket is used');
isnt($proxy->port('wss'), $passed->sockport, 'the other one is bound');
for my $i (1 .. 4) {
	my $c = peer->tls(device => 'ec', port => $passed->sockport);
	$c->send(mqtt_connect(clientid => "s$i"));
	my $b = $broker->accept;
	ok($b->packet, "a device comes in by it ($i)");
	$_->close for $c, $b;
}

# A status line, sent again whenever it changes.
my $down = qr/1 of 2 brokers up; \[backend spare\]: 1 of 1 broker is down: 127\.0\.0\.1:$free/;
like(hears(qr/^STATUS=.*down/), qr/^STATUS=\d sessions?, $down/,
	'sessions, brokers, and what is wrong');
my $c = peer->tls(device => 'ec', port => $passed->sockport);
$c->send(mqtt_connect(clientid => 'stays'));
my $b = $broker->accept;
$b->packet;
$b->send(mqtt_connack);
$c->packet;
like(hears(qr/^STATUS=1 session,/), $down, 'a session more');
$proxy->signal('HUP');
like(hears(qr/RELOADING/), qr/^RELOADING=1\nMONOTONIC_USEC=\d+/,
	'a reload is told, with the time');
like(hears(qr/READY/), qr/STATUS=reloaded/, 'and its end');
like(hears(qr/^STATUS=/), qr/^STATUS=1 session,/, 'then the line comes back');
$proxy->signal('TERM');
like(hears(qr/STOPPING/), qr/^STOPPING=1/, 'so is the drain');
is($proxy->wait_exit(5), 0, 'exit 0');

# Clients that connect to it would wait for ever.
my $lost = Sallyport::Proc->new(name => 'lost', log => tmp('lost.log'),
	any_exit => 1, fds => [[$passed, 'sallyport-mqtts.socket']]);
$lost->launch(Sallyport::Daemon::program(builddir), '-c', $proxy->{ini});
is($lost->wait_exit(10) >> 8, 78, 'a socket for no listener: exit 78');
like($lost->text, qr/1 of the 1 sockets .*FileDescriptorName=/,
	'and what to write is said');
done_testing;
