#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The audit log: a line for each open, refusal and close; each names the client,
# its certificate, and the profile that decided.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Digest::SHA qw(sha256_hex);

my $pki = pki;
my $broker = peer('broker')->listen;
my $crl = tmp('client.crl');

$pki->make('revoked', subject => '/CN=device-009');
$pki->crl($crl, 'client-ca', revoked => ['revoked']);
my $denied = tmp('denied.csv');
write_file($denied, "as,who,reason\ncn,device-002,stolen\n");

my $proxy = sallyport(backend => { address => $broker->address },
	tls => { crl => $crl },
	denylist => { file => $denied },
	timeouts => { backend => '300ms' },
	'listener other' => { bind => '127.0.0.1:0', identity => 'other' },
	'identity other' => { username => 'x-${cn}', clientid => '${cn}' },
	'listener open' => { bind => '127.0.0.1:0', tls => 'open' },
	'tls open' => {
		certificate => $pki->cert('server'),
		private_key => $pki->key('server'),
		client_ca => $pki->cert('client-ca'),
		client_certificate => 'optional',
	});

# The line of EVENT behind FROM, as a hash.
sub event
{
	my ($event, $from) = @_;
	my $line = $proxy->wait_log(qr/event=$event /, from => $from);
	my %field;

	$field{$1} = defined $2 ? $2 : $3
	    while $line =~ /(\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))/g;
	# Which side is seen to end first is chance.
	$field{reason} =~ s/^relay_(?:client|broker)_\w+$/it ended/
	    if $event eq 'close';
	return \%field;
}

sub certificate
{
	my ($device, $cn, $ca) = @_;

	return (
		cert_sha256 => sha256_hex($pki->der($device)),
		cert_serial => lc $pki->serial_of($device) =~ s/^0x//r,
		cert_issuer => "CN=$ca,O=Test", cert_subject => "CN=$cn",
	);
}

# The fields of WANT, and no other field that identifies the client.
sub is_event
{
	my ($got, $want, $what) = @_;
	my %who = map { $_ => $got->{$_} } grep { exists $got->{$_} }
	    qw(listener identity reason client_id user client_clientid
	    client_username cert cert_sha256 cert_serial cert_issuer
	    cert_subject);

	is_deeply(\%who, $want, $what);
}

sub session
{
	my ($listener, $device, %connect) = @_;
	my $from = $proxy->mark;
	my $c = peer->device($listener, device => $device,
		port => $proxy->port($listener));
	$c->send(mqtt_connect(%connect));
	my $b = $broker->accept;

	$b->packet;
	$b->send(mqtt_connack(
		properties => ($connect{version} // 4) == 5 ? '' : undef));
	$c->packet;
	my $open = event('open', $from);
	$_->close for $b, $c;
	return ($open, event('close', $from));
}

my %ec = certificate('ec', 'device-001', 'Client CA');
for (
	['what it claims it becomes', 'tls',
		{ clientid => 'id', username => 'device-001' },
		{ client_id => 'id', user => 'device-001', identity =>
			'default', client_clientid => 'id',
			client_username => 'device-001' }],
	['other names', 'other',
		{ clientid => 'id', username => 'admin' },
		{ client_id => 'device-001', user => 'x-device-001', identity =>
			'other', client_clientid => 'id',
			client_username => 'admin' }],
	['no names', 'other', { version => 5, clientid => '' },
		{ client_id => 'device-001', user => 'x-device-001', identity =>
			'other' }],
	['an empty Username', 'wss',
		{ version => 5, clientid => 'id', username => '' },
		{ client_id => 'id', user => 'device-001', identity =>
			'default', client_clientid => 'id',
			client_username => '' }],
	['a long claim', 'other',
		{ clientid => 'c' x 300, username => 'u' x 5000 },
		{ client_id => 'device-001', user => 'x-device-001', identity =>
			'other', client_clientid => 'c' x 256 . '...',
			client_username => 'u' x 256 . '...' }],
	['a claim that commands a screen', 'other',
		{ clientid => "\xc2\x9b2J\xe2\x80\xa8", username => "\xe2\x80\xae" },
		{ client_id => 'device-001', user => 'x-device-001', identity =>
			'other', client_clientid => '\u009b2J\u2028',
			client_username => '\u202e' }],
	# It nearly fills the line, but pushes nothing else out.
	['a hostile claim', 'other',
		{ clientid => "\1" x 999, username => "\1" x 999 },
		{ client_id => 'device-001', user => 'x-device-001',
			identity => 'other',
			client_clientid => '\u0001' x 256 . '...',
			client_username => '\u0001' x 256 . '...' }],
) {
	my ($what, $listener, $connect, $want) = @$_;
	my ($open, $close) = session($listener, 'ec', %$connect);

	is_event($open, { %ec, %$want, listener => $listener },
		"open: $what");
	my %kept = map { $_ => $want->{$_} } qw(client_id user identity);
	is_event($close, { %kept, listener => $listener,
		reason => 'it ended' }, "close: $what");
	is($close->{sid}, $open->{sid}, 'by the number of the open line');
}
{
	my $from = $proxy->mark;
	my $c = peer->tls(port => $proxy->port('open'));
	$c->send(mqtt_connect(clientid => 'id', username => 'ada',
		password => 'guess'));
	my $b = $broker->accept;
	my %want = (listener => 'open', identity => 'default', client_id => 'id',
		user => 'ada', client_clientid => 'id',
		client_username => 'ada');

	$b->packet;
	$b->send(mqtt_connack());
	$c->packet;
	is_event(event('open', $from), \%want, 'open: no certificate');
	$_->close for $b, $c;
	delete @want{qw(client_clientid client_username)};
	is_event(event('close', $from),
		{ %want, reason => 'it ended' },
		'close: no certificate');
}

# Refused after the CONNECT.
for my $listener (qw(tls wss)) {
	my $from = $proxy->mark;
	my $c = peer->device($listener, device => 'wildcard',
		port => $proxy->port($listener));
	$c->try_send(mqtt_connect(clientid => 'id', username => 'admin'));
	is_event(event('refuse', $from), {
		certificate('wildcard', '\\\\#', 'Client CA'),
		cert => 'verified', listener => $listener,
		identity => 'default', reason => 'identity_unsafe',
		client_clientid => 'id', client_username => 'admin',
	}, "refuse: $listener, an unsafe name");
	$c->close;
}

# Refused before it: what the certificate says is no proof.
for (
	['untrusted', 'device-001', 'Other CA', 'tls_untrusted'],
	['false', 'device-001', 'Client CA', 'tls_untrusted'],
	['expired', 'old', 'Client CA', 'tls_expired'],
	['purpose', 'server', 'Client CA', 'tls_purpose'],
	['revoked', 'device-009', 'Client CA', 'tls_revoked'],
	['rsa', 'device-002', 'Client CA', 'tls_denied', 'verified'],
) {
	my ($device, $cn, $ca, $reason, $cert) = @$_;
	for my $max ('1.2', '1.3') {
		my $from = $proxy->mark;
		my $c = peer->try_tls(device => $device, max => $max,
			port => $proxy->port('other'));

		is_event(event('refuse', $from), {
			certificate($device, $cn, $ca),
			cert => $cert // 'unverified', listener => 'other',
			identity => 'other', reason => $reason,
		}, "refuse: TLS $max, $reason");
		$c->close;
	}
}
{
	my $from = $proxy->mark;
	my $c = peer->try_tls(port => $proxy->port('other'));
	is_event(event('refuse', $from), { listener => 'other',
		identity => 'other', reason => 'tls_no_certificate' },
		'refuse: no certificate');
	$c->close;
}
# What the broker says. CODE is that of its CONNACK, END what it or the client
# sends then.
for (
	['accepted, and the client says goodbye', 0, client => "\xe0\0",
		'close', reason => 'relay_client_closed', connack => '0x00',
		client_disconnect => '0x00'],
	['refused', 0x87, broker => '', 'refuse',
		reason => 'relay_broker_refused', connack => '0x87'],
	['taken over', 0, broker => "\xe0\2\x8e\0", 'close',
		reason => 'relay_taken_over', connack => '0x00',
		broker_disconnect => '0x8e'],
	['another reason', 0, broker => "\xe0\1\x97", 'close',
		reason => 'relay_broker_disconnect', connack => '0x00',
		broker_disconnect => '0x97'],
	['without a word', 0, broker => '', 'close',
		reason => 'relay_broker_closed', connack => '0x00'],
) {
	my ($what, $code, $side, $end, $event, %want) = @$_;
	my $from = $proxy->mark;
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));

	$c->send(mqtt_connect(version => 5, clientid => "b$code"));
	my $b = $broker->accept;
	$b->packet;
	$b->send(mqtt_connack(code => $code, properties => ''));
	$c->packet;
	my ($speaks, $other) = $side eq 'client' ? ($c, $b) : ($b, $c);
	$speaks->send($end) if $end ne '';
	$speaks->close;
	$other->ended;
	$other->close;
	my $line = $proxy->wait_log(qr/event=$event .*reason=/,
		from => $from);
	my %got = map { $_ => $line =~ / $_=(\S+)/ ? $1 : undef } keys %want;
	is_deeply(\%got, \%want, "the broker: $what");
	is($proxy->count_log(qr/event=open .*client_id=b135 /), 0,
		'no open line for one that was refused') if $code;
}
# Before MQTT 5 a broker closes the older session without telling the client.
{
	my $from = $proxy->mark;
	my @c = map { peer->tls(device => 'ec', port => $proxy->port('tls')) }
	    1, 2;
	my @b;

	for my $c (@c) {
		$c->send(mqtt_connect(clientid => 'twin'));
		push @b, my $b = $broker->accept;
		$b->packet;
		$b->send(mqtt_connack());
		$c->packet;
	}
	my ($first) = $proxy->wait_log(qr/event=open .*client_id=twin /,
		from => $from) =~ /sid=(\d+)/;
	my $second = $proxy->wait_log(qr/event=open .*takes_over=\d/,
		from => $from);
	like($second, qr/takes_over=$first /, 'the open line names the other');
	$b[0]->close;
	$c[0]->ended;
	$c[0]->close;
	my $line = $proxy->wait_close('relay_taken_over', from => $from);
	like($line, qr/taken_over_by=\d+ /, 'and so does the close line');
	$_->close for $c[1], $b[1];
}

# Refused when all was well but for the broker.
{
	$broker->close;
	my $from = $proxy->mark;
	my $c = peer->tls(device => 'ec', port => $proxy->port('other'));
	$c->try_send(mqtt_connect(clientid => 'id'));
	is_event(event('refuse', $from), {
		%ec, cert => 'verified', listener => 'other',
		identity => 'other', reason => 'backend_unreachable',
		client_id => 'device-001', user => 'x-device-001',
		client_clientid => 'id',
	}, 'refuse: no broker');
	$c->close;
}
unlike($proxy->text, qr/guess/, 'no password');
done_testing;
