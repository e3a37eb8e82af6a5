#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Two certificates of one CA, its name and key the same, side by side in
# client_ca: it must not matter which of them a chain is built through, nor
# whether the chain is verified or found in the cache. Which one is found first
# is chance, so each case is tried several times.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Der;

my $pki = pki;
my $broker = peer('broker')->listen;

sub start
{
	my ($crl, @cas) = @_;

	return sallyport(backend => { address => $broker->address },
		tls => { client_ca => join(', ', map { $pki->cert($_) } @cas),
			defined $crl ? (crl => $crl, crl_policy => 'soft')
			: () });
}

# The results of three handshakes, one after the other. TLS 1.2: the client
# knows at once.
sub come
{
	my ($proxy, $device) = @_;

	return join ' ', map {
		my $c = peer->try_tls(device => $device, max => '1.2',
			port => $proxy->port('tls'));
		my $status = $c->{tls}{status} eq 'ok' ? 'in' : 'refused';
		$c->close;
		$status;
	} 1 .. 3;
}

my $in = 'in in in';
my $refused = 'refused refused refused';

for my $round (1 .. 3) {
	my @orders = (['a', 'b'], ['b', 'a']);
	my $made = sub { my ($name, %spec) = @_;
		$pki->make("$name$round", %spec); "$name$round" };

	# Roots, one of them ended; the device sends none, or one.
	my %root = (subject => "/CN=Root $round", is_ca => 1);
	my $old = $made->('root-a', %root, start => -20, end => -1);
	my $new = $made->('root-b', %root, key => $old);
	my @devices = ($made->('plain', ca => $new),
		map { $made->("with-$_", ca => "root-$_$round", chain => 1) }
		qw(a b));
	for my $order (@orders) {
		my $proxy = start(undef, map { "root-$_$round" } @$order);
		is(come($proxy, $_), $in, "roots @$order: $_") for @devices;
		like(come($proxy, $new), qr/^(?:$in|$refused)$/,
			"roots @$order: itself a client: always the same");
	}

	# The same of version 1, which has no extensions to say so.
	%root = (subject => "/CN=Old root $round", ca => 'self', eku => undef);
	$old = $made->('v1-a', %root, start => -20, end => -1);
	$new = $made->('v1-b', %root, key => $old);
	my $device = $made->('below-v1', ca => $new);
	my @said = map { come(start(undef, map { "v1-$_$round" } @$_),
		$device) } @orders;
	like($_, qr/^(?:$in|$refused)$/, 'version 1: always the same')
	    for @said;

	# Below a root whose CRL revokes one of them: neither is a way around it.
	my %inter = (subject => "/CN=Inter $round", is_ca => 1,
		ca => 'client-ca');
	$old = $made->('inter-a', %inter);
	$new = $made->('inter-b', %inter, key => $old);
	$device = $made->('below', ca => $old);
	for my $revoked ($old, $new) {
		my $crl = $pki->crl(tmp("$revoked.crl"), 'client-ca',
			revoked => [$revoked]);
		like(come(start($crl, 'client-ca', $old, $new), $device),
			qr/^(?:$in|$refused)$/,
			"$revoked is revoked: always the same");
	}

	# A device's own certificate, renewed with its key.
	my %self = (subject => "/CN=selfie $round", ca => 'self');
	my @self = $made->('self-a', %self);
	push @self, $made->('self-b', %self, key => $self[0]);
	my $proxy = start(undef, @self);
	@said = map { come($proxy, $_) } @self;
	like($_, qr/^(?:$in|$refused)$/, 'its own CA: always the same')
	    for @said;
	ok((grep { $_ eq $in } @said), 'its own CA: one of them is in');
}

# The name in another string type is the same name.
my $name = der_name([O => printable => 'Test'],
	[CN => printable => 'Client CA']);
$pki->make('printable', is_ca => 1, key => 'client-ca', end => 4000,
	subject_der => $name, issuer_der => $name);
for my $named (qw(client-ca printable)) {
	for my $order (['client-ca', 'printable'], ['printable', 'client-ca']) {
		my $proxy = sallyport(backend => { address => $broker->address },
			tls => { client_ca => join ', ',
				map { $pki->cert($_) } @$order },
			'identity a' => { issuer => $pki->cert($named),
				username => 'a/${cn}' },
			identity => { username => 'nobody/${cn}' });
		for (1, 2) {
			my $c = peer->tls(device => 'ec',
				port => $proxy->port('tls'));
			$c->send(mqtt_connect());
			my $b = $broker->accept;
			like($b->packet, qr{a/device-001$},
				"issuer = $named, client_ca = @$order");
			$_->close for $b, $c;
		}
	}
}
done_testing;
