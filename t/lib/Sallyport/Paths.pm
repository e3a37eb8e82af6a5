# SPDX-License-Identifier: ISC
package Sallyport::Paths;

# Which way leads from a device's certificate to client_ca: tables of shapes of
# certificates, each asked of `explain' under both orders of client_ca and of
# what the device sends, of `-t', and of openssl.

use strict;
use warnings;

use Exporter qw(import);

use Sallyport;

our @EXPORT = qw(ca leaf cas ask_paths $CA $LEAF $KEYID $NOID $AKI
    $AKI_SERIAL $FIRST);

our $CA = "basicConstraints = critical, CA:true\n";
our $LEAF = "basicConstraints = CA:false\nextendedKeyUsage = clientAuth\n";
our $KEYID = "subjectKeyIdentifier = hash\n";
our $NOID = "subjectKeyIdentifier = none\nauthorityKeyIdentifier = none\n";
our $AKI = "authorityKeyIdentifier = keyid:always\n";
our $AKI_SERIAL = "authorityKeyIdentifier = keyid, issuer:always\n";
our $FIRST = 'openssl goes on with the first of a name';

# A CA, and a certificate that the CA BY has issued; fields as for
# Sallyport::Pki::make.
sub ca
{
	my ($n, $s, %f) = @_;

	pki->make($n, subject => $s, is_ca => 1, %f);
}

sub leaf
{
	my ($n, $by, %f) = @_;

	pki->make($n, subject => "/CN=$n", ca => $by, %f);
}

# The value of client_ca.
sub cas
{
	return join ', ', map { pki->cert($_) } @_;
}

sub bundle
{
	my ($name, @parts) = @_;

	write_file(pki->cert($name),
		join '', map { read_file(pki->cert($_)) } @parts);
	return pki->cert($name);
}

# What `explain' says: (in | reason, detail).
sub verdict_of
{
	my ($proxy, $cas, $file) = @_;

	$proxy->write_ini(tls => { client_ca => cas(@$cas) });
	my (undef, $out) = sallyport_run('explain', '-c', $proxy->{ini}, $file);
	return $out =~ /^verdict +admitted/m ? ('in', '')
	    : $out =~ /^tls +refused: (\w+)(?:: (.*))?/m ? ($1, $2 // '')
	    : ('nothing', $out);
}

sub openssl_says
{
	my ($cas, $sent) = @_;
	my ($leaf, @others) = @$sent;
	my @args = ('openssl', 'verify', '-purpose', 'sslclient',
		'-partial_chain', '-CAfile', bundle('given', @$cas));

	push @args, '-untrusted', bundle('others', @others) if @others;
	my ($code) = Sallyport::Proc::run(30, @args, pki->cert($leaf));
	return $code == 0 ? 'in' : 'out';
}

# Rows: name, client_ca, what is sent (leaf first), verdict, part of the detail;
# and if openssl's answer differs from ours, why. PROXY is any daemon.
sub ask_paths
{
	my ($proxy, @rows) = @_;

	for (@rows) {
		my ($what, $cas, $sent, $want, $detail, $differs) = @$_;
		my ($leaf, @others) = @$sent;
		my @orders = ([$cas, $sent]);

		push @orders, [[reverse @$cas], [$leaf, reverse @others]]
		    if @$cas > 1 || @others > 1;
		for my $order (@orders) {
			my ($c, $s) = @$order;
			my ($said, $why) = verdict_of($proxy, $c,
				bundle('sent', @$s));

			is($said, $want, "$what: @$c <- @$s") or diag($why);
			like($why, qr/$detail/, "$what: ... and why")
			    if defined $detail && $want ne 'in';
		}
		my ($code, undef, $err) = sallyport_check('-c', $proxy->{ini});
		is($code, 0, "$what: -t") or diag($err);
		my $openssl = openssl_says($cas, $sent);
		ok(($openssl eq 'in') == ($want eq 'in') || defined $differs,
			"$what: as openssl says, or $openssl for a reason")
		    or diag("openssl: $openssl");
	}
}

1;
