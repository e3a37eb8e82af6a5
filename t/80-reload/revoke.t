#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# A CRL, the deny list, a CA that is removed, or a certificate that expires ends
# exactly the sessions concerned. They cannot come back, not by a ticket either.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $pki = pki;
my $crl = tmp('client.crl');
my $deny = tmp('deny.csv');
my $broker = peer('broker')->listen;
my %config = (
	backend => { address => $broker->address },
	tls => { crl => $crl, crl_policy => 'soft',
		client_ca => join(', ', $pki->cert('client-ca'),
			$pki->cert('other-ca')) },
	denylist => { file => $deny },
);

# Issued once more, so that the shared ones need not be revoked.
$pki->make($_, subject => "/CN=$_") for qw(thief honest banned);
$pki->crl($crl, 'client-ca');
write_file($deny, "as,who,reason,until\n");
my $proxy = sallyport(%config);

# A whole session, with a ticket taken if there is a name for it.
sub session
{
	my ($transport, $version, $device, $ticket) = @_;
	my $c = peer->device($transport, device => $device,
		port => $proxy->port($transport));
	my $b = $broker->session($c, version => $version, clientid => $device);
	$c->ticket($ticket) if defined $ticket;
	return { c => $c, b => $b, version => $version,
		what => "$device, $transport, v$version" };
}

sub lives
{
	my ($s, $why) = @_;

	$s->{c}->send(mqtt_pingreq);
	is(hex($s->{b}->packet), hex(mqtt_pingreq), "$s->{what}: $why");
}

sub is_out
{
	my ($s, $code, $why) = @_;
	my $r = $s->{c}->ended;

	is(hex($r->{bytes}), $s->{version} == 5 ? "e002${code}00" : '',
		"$s->{what}: $why")
	    or diag(Sallyport::Peer::said($r));
	isnt($s->{b}->ended->{status}, 'timeout',
		"$s->{what}: $why: the broker hears");
	$s->{$_}->close for qw(c b);
}

sub reload
{
	my $from = $proxy->mark;

	$proxy->signal('HUP');
	$proxy->wait_log(qr/event=reload /, from => $from);
	return $from;
}

# No device can come back, neither with the certificate nor with a ticket.
sub stays_out
{
	my ($device, $ticket, $reason) = @_;

	# A ticket that is not taken at all is a client without certificate.
	for my $with ([device => $device], [session => $ticket]) {
		my $from = $proxy->mark;
		my $why = $with->[0] eq 'session'
		    ? "$reason|tls_no_certificate" : $reason;
		my $c = peer->try_tls(port => $proxy->port('tls'), @$with);
		$c->try_send(mqtt_connect(clientid => 'back'))
		    if $c->{tls}{status} eq 'ok';
		isnt($c->ended->{status}, 'timeout',
			"$device: back by $with->[0]: closed");
		ok($proxy->wait_close($why, from => $from),
			"$device: back by $with->[0]: $why");
		$c->close;
	}
}

my @honest = map { session($_, 5, 'honest') } qw(tls wss);

# Revoked.
my @thieves = (session('tls', 4, 'thief'), session('tls', 5, 'thief', 'thief'),
	session('wss', 5, 'thief'));
$pki->crl($crl, 'client-ca', revoked => ['thief'], number => '02');
reload();
is_out($_, '87', 'revoked') for @thieves;
lives($_, 'another is revoked') for @honest;
stays_out('thief', 'thief', 'tls_revoked');

# Denied by name.
my @banned = (session('tls', 5, 'banned', 'banned'),
	session('wss', 4, 'banned'));
write_file($deny, "as,who,reason,until\nusername,banned,was rude,\n");
reload();
is_out($_, '98', 'denied') for @banned;
lives($_, 'another is denied') for @honest;
stays_out('banned', 'banned', 'identity_denied');
write_file($deny, "as,who,reason,until\n");
reload();
my $back = session('tls', 5, 'banned');
lives($back, 'no longer denied');

# Its CA goes.
my $foreign = session('tls', 5, 'untrusted', 'untrusted');
$proxy->write_ini(%config, tls => { crl => $crl, crl_policy => 'soft',
	client_ca => $pki->cert('client-ca') });
reload();
is_out($foreign, '87', 'its CA went');
stays_out('untrusted', 'untrusted', 'tls_untrusted');

# It expires.
$pki->make('brief', subject => '/CN=brief', end_at => time + 3 * slow);
my $brief = session('wss', 5, 'brief');
is_out($brief, '87', 'expired');
ok($proxy->wait_close('relay_expired'), 'relay_expired');

# A broken new CRL, or deny list, changes nothing.
for ([$crl, 'rubbish'], [$deny, "as,who\nnonsense,x\n"]) {
	my ($file, $text) = @$_;
	my $old = read_file($file);
	my $from = $proxy->mark;

	write_file($file, $text);
	$proxy->signal('HUP');
	$proxy->wait_log(qr/event=reload_failed /, from => $from);
	lives($_, "a broken file: the old one is in force") for @honest;
	stays_out('thief', 'thief', 'tls_revoked');
	write_file($file, $old);
}
ok(!$broker->pending, 'none of the refused reached the broker');
done_testing;
