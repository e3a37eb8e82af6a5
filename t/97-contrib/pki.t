#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# contrib/pki: what it makes works at once, and what it revokes is out.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $dir = tmp('ca');

sub pki_tool
{
	return Sallyport::Proc::run(30 * slow, srcdir() . '/contrib/pki/pki',
		'-d', $dir, @_);
}

sub good
{
	my ($what, @args) = @_;
	my ($code, $out, $err) = pki_tool(@args);

	is($code, 0, $what) or diag($err);
	return $out;
}

sub bad
{
	my ($what, $pattern, @args) = @_;
	my ($code, undef, $err) = pki_tool(@args);

	isnt($code, 0, $what);
	like($err, $pattern, "$what: says why");
}

bad('device before init', qr/init/, 'device', 'x');
good('init', 'init');
bad('init twice', qr/already/, 'init');
good('server', 'server', 'localhost', '127.0.0.1', '::1');
good('devices', 'device', 'device-001', 'device-002', 'device-003');
good('a device with RSA', 'device', '--rsa', 'device-rsa');
bad('a device twice', qr/renew/, 'device', 'device-001');
bad("a CN that will not do: $_", qr/cannot be a device/, 'device', $_)
    for '', 'a/b', '#', 'a+b', '../x', "a\nb";

# A wildcard name stays a name, whatever files there are in the current folder.
{
	my $wild = tmp('wild');
	mkdir $wild or die "$!";
	for my $file ('a.example.com', 'b.example.com') {
		open my $f, '>', "$wild/$file" or die "$!";
	}
	my $san = sub {
		my ($code, $out, $err) = Sallyport::Proc::run(30 * slow, 'sh',
			'-c', 'cd "$0" && "$1" -d "$2" "$3" "$4" >/dev/null && ' .
			'openssl x509 -noout -ext subjectAltName ' .
			'-in "$2/server.crt"', $wild,
			srcdir() . '/contrib/pki/pki', $dir, @_);
		return $code == 0 ? $out : $err;
	};
	like($san->('server', '*.example.com'), qr/DNS:\*\.example\.com\s*$/,
		'a wildcard name');
	like($san->('renew', 'server'), qr/DNS:\*\.example\.com\s*$/,
		'it stays the same when the certificate is renewed');
	good('the names that this test needs', 'server', 'localhost',
		'127.0.0.1', '::1');
}

# Everybody may read certificates, but only the owner the keys.
for my $key (glob "$dir/*.key $dir/devices/*.key $dir/private/*.key") {
	is((stat $key)[2] & 077, 0, "$key is its owner's alone");
}
# The daemon of this test is not root.
chown +(getpwnam 'nobody')[2], -1, "$dir/server.key" if $> == 0;

my $broker = peer('broker')->listen;
my $proxy = sallyport(backend => { address => $broker->address },
	tls => {
		certificate => "$dir/server.crt",
		private_key => "$dir/server.key",
		client_ca => "$dir/client-ca.crt",
		crl => "$dir/client-ca.crl",
	});
my $port = $proxy->port('tls');

sub files
{
	my ($cn) = @_;

	return (cert => "$dir/devices/$cn.crt",
		key => "$dir/devices/$cn.key", port => $port,
		ca => "$dir/server-ca.crt");
}

sub gets_in
{
	my ($what, $cn, %files) = @_;
	my $c = peer->tls(files($cn), %files);

	$c->send(mqtt_connect());
	my $b = $broker->accept;
	is(hex($b->packet), hex(mqtt_connect(username => $cn)), $what);
	$_->close for $b, $c;
}

gets_in("$_ gets in", $_) for qw(device-001 device-002 device-rsa);

# The old certificate of a renewed one is good until it expires.
for my $suffix (qw(crt key)) {
	write_file(tmp("old.$suffix"),
		read_file("$dir/devices/device-002.$suffix"));
}
good('renew', 'renew', 'device-002');
isnt(read_file("$dir/devices/device-002.crt"), read_file(tmp('old.crt')),
	'renew made another');
gets_in('renewed: the new one', 'device-002');
gets_in('renewed: the old one', 'device-002', cert => tmp('old.crt'),
	key => tmp('old.key'));
bad('renew who is not there', qr/there is no/, 'renew', 'nobody');

# Revoked: both are out.
my %stolen = (cert => tmp('stolen.crt'), key => tmp('stolen.key'));
for my $suffix (qw(crt key)) {
	write_file($stolen{ $suffix eq 'crt' ? 'cert' : 'key' },
		read_file("$dir/devices/device-002.$suffix"));
}
good('revoke', 'revoke', 'device-002');
bad('revoke who is not there', qr/there is no/, 'revoke', 'nobody');
my $from = $proxy->mark;
$proxy->signal('HUP');
$proxy->wait_log(qr/event=reload /, from => $from);
for ([%stolen], [cert => tmp('old.crt'), key => tmp('old.key')]) {
	$from = $proxy->mark;
	my $r = peer->refused(port => $port, @$_);
	is($r->{alert}, 44, 'revoked: alert certificate_revoked');
	ok($proxy->wait_close('tls_revoked', from => $from),
		'revoked: tls_revoked');
}
gets_in('the others are not touched', 'device-001');
good('a new certificate for it', 'device', 'device-002');
gets_in('and with that it is back', 'device-002');

good('crl', 'crl');
good('renew the server', 'renew', 'server');
my $list = good('list', 'list');
is(scalar(() = $list =~ /^revoked +device .* device-002$/mg), 2,
	'list: both revoked ones');
is(scalar(() = $list =~ /^valid +device .* device-00\d$/mg), 3,
	'list: the valid ones');
is(scalar(() = $list =~ /^valid +server .* localhost$/mg), 3,
	'list: the server');
my ($code, undef, $err) = pki_tool('nonsense');
is($code, 64, 'an unknown command: exit 64');

# An openssl that cannot do what is needed is named, not its first complaint.
mkdir tmp('old');
write_file(tmp('old/openssl'), "#!/bin/sh\necho OpenSSL 1.0.2u  20 Dec 2019\n");
chmod 0755, tmp('old/openssl');
{
	local $ENV{PATH} = tmp('old') . ":$ENV{PATH}";
	($code, undef, $err) = pki_tool('list');
	is($code, 1, 'an old openssl');
	like($err, qr/1\.0\.2u .*is too old; 1\.1\.1 or newer/, 'is refused');
}
ok(!$broker->pending, 'no refused one reached the broker');
done_testing;
