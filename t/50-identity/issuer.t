#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Each tenant's CA has a profile of its own, so that one cannot give out the
# names of another; and the certificate's facts as User Properties.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Der;
use Digest::SHA qw(sha256_hex);

my $pki = pki;
my $broker = peer('broker')->listen;
my %tls = (client_ca => join(', ', map { $pki->cert($_) }
	qw(client-ca other-ca)));
my %a = (issuer => $pki->cert('client-ca'), username => 'tenant-a/${cn}');
my %b = (issuer => $pki->cert('other-ca'), username => 'tenant-b/${cn}');

sub username
{
	my ($proxy, $listener, $device) = @_;
	my $c = peer->device($listener, device => $device,
		port => $proxy->port($listener));

	$c->send(mqtt_connect(clientid => 'id', username => 'tenant-a/root',
		password => 'guess'));
	my $b = $broker->accept;
	my $packet = $b->packet;
	$_->close for $b, $c;
	return $packet =~ /MQTT\x04\x82\0\x3c\0\x02id..(.*)/s ? $1 : undef;
}

# With a deny list the certificate's facts are asked for twice.
my $denied = write_file(tmp('denied.csv'), "as,who\ncn,somebody\n");
for my $file (undef, $denied) {
	my $proxy = sallyport(backend => { address => $broker->address },
		denylist => { file => $file },
		tls => \%tls, 'identity a' => \%a, 'identity b' => \%b,
		identity => { username => 'nobody-${cn}' });

	# Both certificates say CN=device-001.
	for my $listener (qw(tls wss)) {
		is(username($proxy, $listener, 'ec'), 'tenant-a/device-001',
			"$listener: under the first CA");
		is(username($proxy, $listener, 'untrusted'),
			'tenant-b/device-001', "$listener: under the second");
		is(username($proxy, $listener, 'inter'),
			'tenant-a/device-004',
			"$listener: by an intermediate of the first");
	}
	ok($proxy->count_log(qr/event=refuse .* identity=b .* user=tenant-b/),
		'the log names the profile that judged');
	my $name = hex('tenant-b/device-001');
	like(explained($proxy, 'tls', 'untrusted', mqtt_connect()),
		qr{^admitted [0-9a-f]*$name}, 'explain says so too');
}
# A CA that was renewed, its name and key the same, is one CA: whichever of its
# certificates a profile names, and whichever a path leads to.
$pki->make('renewed', subject => '/O=Test/CN=Client CA', is_ca => 1,
	key => 'client-ca');
for my $named (qw(client-ca renewed)) {
	my $proxy = sallyport(backend => { address => $broker->address },
		tls => { client_ca => "$tls{client_ca}, "
			. $pki->cert('renewed') },
		'identity a' => { %a, issuer => $pki->cert($named) },
		'identity b' => \%b, identity => { username => 'nobody-${cn}' });
	for (1, 2) {
		is(username($proxy, 'tls', 'ec'), 'tenant-a/device-001',
			"a renewed CA, profile for $named");
		is(username($proxy, 'tls', 'inter'), 'tenant-a/device-004',
			"a renewed CA, profile for $named, two steps above");
	}
}
# A CA may write its name in another string type than its certificate does; the
# two are one (RFC 5280 7.1). A device of such a CA also sends a certificate
# that it made itself: with that name, and apparently issued by the other CA. It
# is never checked, since no path leads through it, and no later path may use
# it.
{
	my $proxy = sallyport(backend => { address => $broker->address },
		tls => \%tls, 'identity a' => \%a, 'identity b' => \%b);
	my $name = der_name([O => printable => 'Test'],
		[CN => printable => 'Other CA']);

	$pki->make('odd', subject => '/CN=device-011', ca => 'other-ca',
		issuer_der => $name);
	is(username($proxy, 'tls', 'odd'), 'tenant-b/device-011',
		'a CA whose name is written in two ways');
	$pki->make('look', subject_der => $name, ca => 'false-ca',
		ext => "basicConstraints = critical, CA:true\n"
		    . "keyUsage = digitalSignature\n");
	write_file($pki->cert('odd'), read_file($pki->cert('odd'))
		. read_file($pki->cert('look')));
	is(username($proxy, 'tls', 'odd'), 'tenant-b/device-011',
		"$_: what was sent along makes no client another CA's")
	    for 'at first', 'again';
	my @at = (device => 'odd', port => $proxy->port('tls'));
	my $c = peer->tls(@at);
	$c->send(mqtt_connect(clientid => 'id'));
	my $b = $broker->accept;
	$b->packet;
	$b->send(mqtt_connack());
	$c->packet;
	$c->ticket('odd')->close;
	$b->close;
	$c = peer->tls(@at, session => 'odd');
	is($c->{tls}{resumed}, 1, 'a ticket is taken');
	$c->send(mqtt_connect(clientid => 'id'));
	$b = $broker->accept;
	like($b->packet, qr{tenant-b/device-011$}, 'and changes nothing');
	$_->close for $b, $c;
	for my $issuer (undef, $name) {
		my $crl = $pki->crl(tmp('odd.crl'), 'other-ca',
			revoked => ['odd'], issuer_der => $issuer);
		$proxy->write_ini(backend => { address => $broker->address },
			tls => { %tls, crl => $crl, crl_policy => 'soft' });
		my $from = $proxy->mark;
		$proxy->signal('HUP');
		$proxy->wait_log(qr/event=reload /, from => $from);
		is(peer->refused(@at)->{alert}, 44, 'a CRL in the name\'s '
			. ($issuer ? 'other' : 'one') . ' writing counts');
	}
}
{
	my $proxy = sallyport(backend => { address => $broker->address },
		tls => { client_ca => $tls{client_ca} }, identity => \%a);
	my $c = peer->tls(device => 'untrusted', port => $proxy->port('tls'));
	$c->send(mqtt_connect(version => 5));
	is(hex($c->ended->{bytes}), '2003008700',
		'a profile for one CA: a certificate under another is refused');
	like($proxy->wait_close('identity_issuer'),
		qr/ cert=verified cert_sha256=[0-9a-f]{64} .* identity=default /,
		'identity_issuer, with profile and certificate');
	$c->close;
	ok(!$broker->pending, 'nothing of it reached the broker');
}
for (
	['two profiles', qr/issuer: \[identity \w+\] is for this CA already/,
		a => \%a, b => { %b, issuer => $a{issuer} }],
	['two for a renewed CA', qr/issuer: \[identity \w+\] is for this CA /,
		a => \%a, b => { %b, issuer => $pki->cert('renewed') }],
	['a CA that is not trusted', qr/issuer: .* is in no client_ca/,
		a => { %a, issuer => $pki->cert('server-ca') }],
	['no certificate', qr/issuer: .* not a file with one CA certificate/,
		a => { %a, issuer => $pki->key('ec') }],
) {
	my ($what, $complaint, %identity) = @$_;
	my $ini = tmp('bad.ini');
	my $text = "[listener tls]\nbind = 127.0.0.1:0\n[identity]\n"
	    . "[backend]\n[tls]\ncertificate = @{[$pki->cert('server')]}\n"
	    . "private_key = @{[$pki->key('server')]}\n"
	    . "client_ca = $tls{client_ca}\n";

	for my $name (sort keys %identity) {
		$text .= "[identity $name]\n";
		$text .= "$_ = $identity{$name}{$_}\n"
		    for sort keys %{ $identity{$name} };
	}
	write_file($ini, $text);
	my ($code, $out, $err) = sallyport_check('-c', $ini);
	is($code, 78, "$what: exit 78");
	like($err, qr/^sallyport: error: \Q$ini\E:\d+: $complaint/m,
		"$what: said");
}
{
	my $proxy = sallyport(backend => { address => $broker->address },
		identity => { username => 'cn', user_properties => 'on' });
	my $user = sub { "\x26" . mqtt_string($_[0]) . mqtt_string($_[1]) };
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));
	$c->send(mqtt_connect(version => 5, clientid => 'me',
		username => 'claimed', properties => $user->('mine', '1')
		    . $user->('cert-sha256', 'forged')));
	my $b = $broker->accept;
	my $packet = $b->packet;
	my $sha = sha256_hex($pki->der('ec'));
	ok(index($packet, $user->('mine', '1')) > 0, 'its own stay');
	unlike($packet, qr/forged/, 'a forged one goes');
	ok(index($packet, $user->('cert-sha256', $sha)) > 0, 'cert-sha256');
	ok(index($packet, $user->('client-username', 'claimed')) > 0,
		'client-username');
	ok(index($packet, $user->('client-clientid', 'me')) > 0,
		'client-clientid');
	like($packet, qr/cert-serial..[0-9a-f]+/s, 'cert-serial');
	like($packet, qr/cert-issuer..CN=Client CA,O=Test/s, 'cert-issuer');
	like($packet, qr/cert-not-after..\d{4}-\d\d-\d\dT[\d:]{8}Z/s,
		'cert-not-after');
	$_->close for $b, $c;
}
done_testing;
