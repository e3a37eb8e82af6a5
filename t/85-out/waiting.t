#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# A device that waits for a broker is judged by a changed deny list, too, and by
# the end of its certificate: no connection is made for it afterwards. Other
# devices continue to wait.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $pki = pki;
$pki->make($_, subject => "/CN=$_") for qw(target other);
my $deny = write_file(tmp('deny.csv'), "as,who,reason,until\n");
my $port = free_port;
my $proxy = sallyport(
	backend => { address => "127.0.0.1:$port", proxy_protocol => 'v2' },
	timeouts => { backend => '30s' },
	identity => { clientid => '${cn}' },
	denylist => { file => $deny });

sub wait_there
{
	my ($device, $at) = @_;
	my $c = peer->tls(device => $device,
		port => ($at // $proxy)->port('tls'));

	$c->send(mqtt_connect(version => 5, clientid => ''));
	return $c;
}

my ($target, $other) = map { wait_there($_) } qw(target other);
write_file($deny, "as,who,reason,until\ncn,target,stolen,\n");
my $from = $proxy->mark;
$proxy->signal('HUP');
$proxy->wait_log(qr/event=reload /, from => $from);
my $line = $proxy->wait_close('relay_denied', from => $from);
like($line, qr/stage=backend .*user=target/, 'it is refused while it waits');
like(hex($target->ended->{bytes}), qr/^20..008a/, 'and is told: banned');

# When it is denied, it is in stage mqtt, with the snapshot from its accept.
write_file($deny, "as,who,reason,until\n");
$from = $proxy->mark;
$proxy->signal('HUP');
$proxy->wait_log(qr/event=reload /, from => $from);
my $early = peer->tls(device => 'target', port => $proxy->port('tls'));
write_file($deny, "as,who,reason,until\ncn,target,stolen,\n");
$from = $proxy->mark;
$proxy->signal('HUP');
$proxy->wait_log(qr/event=reload /, from => $from);
$early->send(mqtt_connect(version => 5, clientid => ''));
# Or in stage tls, if the list was quicker than the end of its handshake.
ok($proxy->wait_close('relay_denied|tls_denied', from => $from),
	'one that was denied before its CONNECT');

my $broker = peer('broker')->listen(port => $port);
# The trial whether it is back may come first, without a byte.
my ($b, $header);
for (1 .. 8) {
	$b = $broker->accept(timeout => 15000);
	$header = eval { hex($b->recv(16)) };
	last if defined $header;
	$b->close;
}
like($header, qr/^0d0a0d0a000d0a51/, 'the broker is back: the other one comes');
$b->send(mqtt_connack(version => 5, properties => ''));
isnt($other->packet, '', 'and is in');
ok(!$broker->pending, 'the denied ones do not');

# No broker comes back here.
my $alone = sallyport(
	backend => { address => '127.0.0.1:' . free_port },
	timeouts => { backend => '60s' });
$pki->make('brief', subject => '/CN=brief', end_at => time + 8 * slow);
my $brief = wait_there('brief', $alone);
$line = $alone->wait_close('relay_expired', timeout => 12 * slow);
like($line, qr/stage=backend .*user=brief/,
	'one whose certificate ends while it waits');
like(hex($brief->ended->{bytes}), qr/^20..0087/, 'is told: not authorized');
done_testing;
