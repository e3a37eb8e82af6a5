# SPDX-License-Identifier: ISC
package Sallyport::Der;

# Just enough DER to take a certificate apart and put strange names in.

use strict;
use warnings;

use Exporter qw(import);
use Math::BigInt;

our @EXPORT = qw(der_tlv der_children der_name der_other_form der_canonical);

# Tag, length, content.
sub der_tlv
{
	my ($tag, $content) = @_;
	my $n = length $content;

	return pack 'CC', $tag, $n if $n == 0;
	return pack('CC', $tag, $n) . $content if $n < 128;
	my $len = pack 'N', $n;
	$len =~ s/^\0+//;
	return pack('CC', $tag, 128 | length $len) . $len . $content;
}

# The elements inside a constructed one, each with its header.
sub der_children
{
	my ($der) = @_;
	my @parts;
	my $at = 0;
	my (undef, $content) = take($der, \$at);

	$at = 0;
	while ($at < length $content) {
		push @parts, (take($content, \$at))[0];
	}
	return @parts;
}

# The element at $$at, whole and its content; moves $$at behind it.
sub take
{
	my ($der, $at) = @_;
	my $start = $$at;
	my $n = ord substr $der, $start + 1, 1;
	my $head = 2;

	if ($n & 128) {
		my $bytes = substr $der, $start + 2, $n & 127;
		$head += $n & 127;
		$n = 0;
		$n = $n << 8 | $_ for unpack 'C*', $bytes;
	}
	$$at = $start + $head + $n;
	return (substr($der, $start, $head + $n),
		substr $der, $start + $head, $n);
}

my %oid = (
	CN => "\x55\x04\x03", C => "\x55\x04\x06", L => "\x55\x04\x07",
	ST => "\x55\x04\x08", O => "\x55\x04\x0a", OU => "\x55\x04\x0b",
	SERIALNUMBER => "\x55\x04\x05",
	UID => "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01",
);
my %tag = (
	utf8 => 0x0c, printable => 0x13, t61 => 0x14, ia5 => 0x16,
	numeric => 0x12, universal => 0x1c, bmp => 0x1e, octets => 0x04,
);

# The order of the curve, by the length of its numbers.
my %order = (
	32 => Math::BigInt->from_hex('0xffffffff00000000ffffffffffffffff'
		. 'bce6faada7179e84f3b9cac2fc632551'),
	48 => Math::BigInt->from_hex('0xffffffffffffffffffffffffffffffff'
		. 'ffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196a'
		. 'ccc52973'),
);

# What is signed and its algorithm, r in DER, s and n - s, of a certificate
# that a key on P-256 or P-384 signed; of any other, nothing.
sub ecdsa
{
	my ($der) = @_;
	my ($tbs, $alg, $bits) = der_children($der);

	# ecdsa-with-SHA224 to SHA512, or with SHA1
	return unless $alg =~ /^..\x06.\x2a\x86\x48\xce\x3d\x04/s;
	my (undef, $content) = take($bits, \(my $at = 0));
	my ($r, $s) = der_children(substr $content, 1);
	my ($size) = length($r) > 2 + 40 || length($s) > 2 + 40 ? 48 : 32;
	my $value = Math::BigInt->from_hex('0x' . unpack 'H*', substr $s, 2);

	return ($tbs . $alg, $r, $value, $order{$size}->copy->bsub($value));
}

# The other form of a certificate in DER that an ECDSA key signed: (r, n - s)
# is as valid as (r, s).
sub der_other_form
{
	my ($head, $r, undef, $other) = ecdsa(@_) or return;
	my $hex = substr $other->as_hex, 2;

	$hex = "0$hex" if length($hex) % 2;
	$hex = "00$hex" if $hex =~ /^[89a-f]/;
	return der_tlv(0x30, $head . der_tlv(0x03, "\0"
		. der_tlv(0x30, $r . der_tlv(0x02, pack 'H*', $hex))));
}

# The form with the smaller s; a certificate that another kind of key signed is
# canonical as it is.
sub der_canonical
{
	my ($der) = @_;
	my (undef, undef, $s, $other) = ecdsa($der) or return $der;

	return $other->bcmp($s) < 0 ? der_other_form($der) : $der;
}

# A Name of one attribute an RDN: [CN => utf8 => bytes], ...; the first may
# be raw OID content too.
sub der_name
{
	return der_tlv(0x30, join '', map {
		my ($type, $tag, $value) = @$_;
		der_tlv(0x31, der_tlv(0x30, der_tlv(0x06, $oid{$type} // $type)
			    . der_tlv($tag{$tag}, $value)))
	} @_);
}

1;
