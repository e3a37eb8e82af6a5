#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The server's certificates: chosen by SNI and by what the client supports, a
# stapled OCSP response, tickets shared by replicas and kept over reloads.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Live;

my $pki = pki;
my $broker = peer('broker')->listen;

$pki->make('shop', ca => 'server-ca', subject => '/CN=shop.example',
	san => 'DNS:shop.example,DNS:*.shop.example', eku => 'serverAuth');

# A response that openssl signs with the CA's key.
sub ocsp
{
	my ($path, $name) = @_;
	my $serial = $pki->serial_of($name);

	write_file(tmp('ocsp.index'),
		"V\t491231000000Z\t\t$serial\tunknown\t/CN=x\n");
	Sallyport::Pki::openssl('ocsp', '-index', tmp('ocsp.index'),
		'-CA', $pki->cert('server-ca'), '-rsigner',
		$pki->cert('server-ca'), '-rkey', $pki->key('server-ca'),
		'-issuer', $pki->cert('server-ca'), '-cert',
		$pki->cert($name), '-ndays', 7, '-respout', $path);
	return $path;
}

my @names = qw(server server-rsa shop);
my $keys = write_file(tmp('ticket.keys'), pack 'H*', 'ab' x 80);
my %tls = (
	certificate => join(', ', map { $pki->cert($_) } @names),
	private_key => join(', ', map { $pki->key($_) } @names),
	ocsp_response => join(', ', map { ocsp(tmp("$_.ocsp"), $_) } @names),
	crl => $pki->crl(tmp('client.crl'), 'client-ca'),
);
my %backend = (backend => { address => $broker->address });
my $own = sallyport(%backend, tls => \%tls);
my @replica = map { sallyport(%backend,
	daemon => { watch_interval => '100ms' },
	tls => { %tls, ticket_keys => $keys }) } 0, 1;

# What openssl sees.
sub s_client
{
	my ($port, @more) = @_;
	my (undef, $out) = Sallyport::Proc::run(10 * slow, 'openssl',
		's_client', '-connect', "127.0.0.1:$port", '-status',
		'-CAfile', $pki->cert('server-ca'),
		'-cert', $pki->cert('ec'), '-key', $pki->key('ec'), @more);

	return $out;
}

for my $listener (qw(tls wss)) {
	my $port = $own->port($listener);
	for (['localhost', 'localhost'], ['shop.example', 'shop.example'],
		['a.shop.example', 'shop.example'],
		['other.example', 'localhost']) {
		my ($name, $cn) = @$_;
		my $out = s_client($port, '-servername', $name);
		like($out, qr/subject=CN = \Q$cn\E$/m, "$listener, $name: $cn");
		like($out, qr/OCSP Response Status: successful/,
			"$listener, $name: stapled");
	}
	for my $version ('1.2', '1.3') {
		for (['ec', 'ECDSA+SHA256:RSA-PSS+SHA256'],
			['rsa', 'RSA-PSS+SHA256:RSA+SHA256']) {
			my ($kind, $sigalgs) = @$_;
			my $c = peer->tls(port => $port, device => 'rsa',
				ca => $pki->cert('server-ca'),
				min => $version, max => $version,
				sigalgs => $sigalgs);
			is($c->{tls}{server_key}, $kind,
				"$listener, TLS $version, $sigalgs: $kind");
			$c->close;
		}
	}
}

# A ticket of one replica is used at another.
sub resumes
{
	my ($proxy, $ticket, $want, $why) = @_;
	my $c = peer->try_tls(port => $proxy->port('tls'), device => 'ec',
		session => $ticket);

	is($c->{tls}{resumed}, $want, $why);
	$c->close;
}

sub take_ticket
{
	my ($proxy, $name) = @_;
	my $live = Sallyport::Live->new(peer, $proxy, $broker);

	$live->leave($live->begin(transport => 'tls', version => 5,
		device => 'ec', ticket => $name));
	return $live;
}

my $live = take_ticket($own, 'own');
resumes($own, 'own', 1, 'own keys: resumed');
$live->reload;
resumes($own, 'own', 1, 'own keys: resumed behind a reload');
resumes($replica[0], 'own', 0, 'own keys: not elsewhere');
my @live = map { take_ticket($replica[$_], "r$_") } 0, 1;
resumes($replica[1], 'r0', 1, 'ticket_keys: resumed at a replica');
resumes($replica[0], 'r1', 1, 'ticket_keys: and the other way');

# The ticket keys are changed: first a new key is put in front, then the old one
# is removed.
sub turn_keys
{
	my ($bytes) = @_;
	my @from = map { $_->mark } @replica;

	write_file("$keys.new", $bytes);
	rename "$keys.new", $keys;
	$replica[$_]->wait_log(qr/event=reload /, from => $from[$_])
	    for 0, 1;
}
turn_keys(pack('H*', 'cd' x 80) . pack 'H*', 'ab' x 80);
resumes($replica[1], 'r0', 1, 'a new key in front: the old one decrypts');
take_ticket($replica[0], 'new');
turn_keys(pack 'H*', 'cd' x 80);
resumes($replica[1], 'new', 1, 'the new one encrypted');
resumes($replica[1], 'r0', 0, 'the old one is gone');

# A replica must not admit a client by another replica's ticket if it is revoked
# here.
$pki->crl(tmp('client.crl'), 'client-ca', revoked => ['ec'], number => '02');
$_->reload for @live;
$live[1]->is_refused('tls_revoked', 'revoked, a ticket of the replica',
	session => 'new');
done_testing;
