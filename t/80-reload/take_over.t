#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Another program takes over: the old one keeps its sessions, the new one gets
# all connections, and both heed what is revoked until the old one has ended. A
# program that does not become ready changes nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use IO::Socket::UNIX;
use Sallyport;
use Sallyport::Admin;
use Sallyport::Live;

my $socket = tmp('admin.sock');
my $denied = write_file(tmp('deny.csv'), "as,who,reason,until\n");
my $crl = pki->crl(tmp('crl.pem'), 'client-ca');
chown +(getpwnam 'nobody')[2, 3], $denied if $> == 0;
pki->make($_, subject => "/CN=$_") for qw(honest thief stolen lost);
my $broker = peer('broker')->listen;
my @common = (
	tls => { crl => $crl },
	denylist => { file => $denied },
	backend => { address => $broker->address },
);
my %aside = map { $_ => free_port() } 1, 2;
my %daemon = (admin_socket => $socket, http_listen => '127.0.0.1:0',
	take_over_drain => '1h',
	take_over_http => "127.0.0.1:$aside{1}, 127.0.0.1:$aside{2}");

sub live
{
	return Sallyport::Live->new(peer, $_[0], $broker);
}

sub session
{
	my ($proxy, $device, %arg) = @_;

	return live($proxy)->begin(transport => 'tls', version => 5,
		device => $device, clientid => $device, %arg);
}

# A program that takes over from the one that runs, once it is ready.
sub successor
{
	my (%own) = @_;
	my $next = sallyport(@common, daemon => { %daemon, %own },
		kit => { args => ['--take-over'] });

	$next->wait_log(qr/event=ready /, timeout => 20);
	return $next;
}

sub pid_at
{
	my ($code, $status) = ctl_json($_[0], 'status');

	return "$status->{process}{pid} $status->{state}";
}

my $old = sallyport(@common, daemon => { %daemon, workers => 3 });
my $aside = "$socket.$old->{pid}";

# What does not become ready.
my $from = $old->mark;
my ($code, $out);
{
	my $bad = write_file(tmp('bad.ini'),
		read_file($old->{ini}) =~ s/^username = .*/usrname = x/mr);
	($code) = sallyport_run('--take-over', '-c', $bad);
	is($code, 78, 'a configuration with an error: exit 78');
	my $taken = IO::Socket::INET->new(Listen => 1,
		LocalAddr => '127.0.0.1:0') or die "listen: $!";
	write_file($bad, read_file($old->{ini}) . "[listener more]\n" .
		'bind = 127.0.0.1:' . $taken->sockport . "\n");
	($code, undef, $out) = sallyport_run('--take-over', '-c', $bad);
	is($code, 78, 'a port that is taken: exit 78');
	like($out, qr/another program listens there/, 'and it is said');
	$old->wait_log(qr/event=successor .*has not taken over; this one goes on/,
		from => $from);
	($code, undef, $out) = sallyport_run('--take-over=' . tmp('none.sock'), '-c',
		$old->{ini});
	is($code, 78, 'nothing runs there: exit 78');
	like($out, qr/no program listens at \S+none\.sock/, 'and it is said');
}

# Asks for the sockets and reads what is said about them.
sub ask
{
	my $s = IO::Socket::UNIX->new(Peer => $socket) or die "$socket: $!";
	my $answer = '';

	$s->print("POST /take-over HTTP/1.1\r\n\r\n");
	until ($answer =~ /^end$/m || $answer =~ m{^HTTP/1.1 4.*\}$}s) {
		sysread $s, $answer, 65536, length $answer or last;
	}
	return ($s, $answer);
}

my ($asks, $answer) = ask();
is(scalar(() = $answer =~ /^socket listener bound (?:tls|wss)$/mg), 6,
	'three workers have two sockets each');
like($answer, qr/^pid $old->{pid}$/m, 'and the process is named');
(undef, my $second) = ask();
like($second, qr/409 .*is taking over already/s, 'one program at a time');
$from = $old->mark;
$old->signal('STOP');
$asks->print("serve 1000\n");
close $asks;
$old->signal('CONT');
$old->wait_log(qr/event=successor .*has not taken over/, from => $from);
is(pid_at($socket), "$old->{pid} serving",
	'it was killed as it became ready: nothing has changed');

# One that does.
my %early = map { $_ => session($old, $_) } qw(honest thief stolen lost);
my $wss = live($old)->begin(transport => 'wss', version => 4, device => 'ec',
	clientid => 'early', ticket => 'early');
my $new = successor(workers => 2);
is($new->port($_), $old->port($_), "$_: the same port")
    for qw(tls wss http_listen);
live($old)->lives('the old program keeps it', $wss, values %early);
is(pid_at($socket), "$new->{pid} serving", 'the admin socket is the new one\'s');
is(pid_at($aside), "$old->{pid} replaced", 'the old one has another');
like(raw_http($new->port('http_listen'), "GET /readyz HTTP/1.0\r\n\r\n"),
	qr/ready/, 'the new one is ready');
like(raw_http($aside{1}, "GET /metrics HTTP/1.0\r\n\r\n"),
	qr/^sallyport_draining 1$/m, 'the old one has its metrics elsewhere');
my %late = map { $_ => session($new, $_) } qw(honest thief stolen lost);
$late{$_} = session($new, 'ec', clientid => "late$_") for 1 .. 8;
live($new)->lives('the new one has it', values %late);
is($old->find_log(qr/client_id=late/), undef, 'none came to the old one');
my $again = peer->tls(port => $new->port('tls'), session => 'early');
is($again->{tls}{resumed}, 1, 'a ticket of the old one resumes');
$again->close;

# A third program takes over while the first still drains.
my $third = successor(workers => 4);
is(pid_at($socket), "$third->{pid} serving", 'a third program takes over');
like(raw_http($aside{2}, "GET /metrics HTTP/1.0\r\n\r\n"),
	qr/^sallyport_draining 1$/m, 'metrics, where they are free');
live($old)->lives('the first two keep theirs', values %early, values %late);
my $last = session($third, 'ec', clientid => 'last');

# What is revoked.
ctl($socket, 'deny', 'cn', 'stolen');
live($old)->is_out('98', 'denied', map { delete $_->{stolen} } \%early, \%late);
ctl($aside, 'deny', 'cn', 'lost');
live($old)->is_out('98', 'denied at the oldest', map { delete $_->{lost} }
    \%early, \%late);
pki->crl($crl, 'client-ca', revoked => ['thief'], number => '02');
write_file($old->{ini}, read_file($old->{ini}) . "[later]\n");
($code) = ctl($socket, 'reload');
is($code, 0, 'a reload');
like($old->wait_log(qr/event=reload_warning /), qr/options stay as they are/,
	'the first one does not know an option of its successor');
live($old)->is_out('87', 'revoked', map { delete $_->{thief} } \%early, \%late);
live($old)->lives('the others', $wss, $last, values %early, values %late);

# The end of each.
$new->signal('KILL');
$new->wait_exit(10);
delete $new->{pid};
$third->wait_log(qr/event=predecessor .*has ended/);
live($old)->lives('one that drains was killed', $wss, $last, values %early);
$from = $old->mark;
($code) = ctl($aside, 'drain');
is($code, 0, 'the oldest is drained by command');
is($old->wait_exit(10), 0, 'and ends');
ok(!-e $aside, 'its socket is gone');
live($third)->lives('the newest goes on', $last);
is(pid_at($socket), "$third->{pid} serving", 'and is in charge');
$third->signal('TERM');
is($third->wait_exit(10), 0, 'until it is ended');
ok(!-e $socket, 'its socket is gone');
done_testing;
