# SPDX-License-Identifier: ISC
package Sallyport::Der;

# Just enough DER to take a certificate apart and put strange names in.

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(der_tlv der_children der_name);

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
