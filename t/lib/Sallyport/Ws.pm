# SPDX-License-Identifier: ISC
package Sallyport::Ws;

# WebSocket requests and frames as bytes, good and bad.

use strict;
use warnings;

use Digest::SHA qw(sha1_base64);
use Exporter qw(import);

our @EXPORT = qw(ws_request ws_frame ws_accept $ws_key);

our $ws_key = 'dGhlIHNhbXBsZSBub25jZQ==';

# What Sec-WebSocket-Accept must be for a key (RFC 6455 4.2.2).
sub ws_accept
{
	return sha1_base64($_[0] . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11')
	    . '=';
}

# An upgrade request. Fields method, path, http; headers by name: a value
# replaces, undef leaves out, a list repeats. `extra' is put behind them raw.
sub ws_request
{
	my (%r) = @_;
	my @order = qw(Host Upgrade Connection Sec-WebSocket-Key
	    Sec-WebSocket-Version Sec-WebSocket-Protocol);
	my %headers = (
		'Host' => 'localhost',
		'Upgrade' => 'websocket',
		'Connection' => 'Upgrade',
		'Sec-WebSocket-Key' => $ws_key,
		'Sec-WebSocket-Version' => 13,
		'Sec-WebSocket-Protocol' => 'mqtt',
		%{ $r{headers} || {} },
	);
	my $text = join(' ', $r{method} // 'GET', $r{path} // '/mqtt',
		$r{http} // 'HTTP/1.1') . "\r\n";
	my %seen;

	for my $name (grep { !$seen{$_}++ } @order, sort keys %headers) {
		my $value = $headers{$name};
		next unless defined $value;
		$text .= "$name: $_\r\n" for ref $value ? @$value : $value;
	}
	return $text . ($r{extra} // '') . "\r\n";
}

# One frame. Fields op (2), fin (1), rsv (0), mask (4 bytes, '' = unmasked),
# length (claimed, not true), payload.
sub ws_frame
{
	my (%f) = (op => 2, fin => 1, rsv => 0, mask => "\x12\x34\x56\x78",
		payload => '', @_);
	my $len = $f{length} // length $f{payload};
	my $bit = length $f{mask} ? 128 : 0;
	my $out = chr($f{fin} << 7 | $f{rsv} << 4 | $f{op});
	my $payload = $f{payload};

	if ($len < 126) {
		$out .= chr($bit | $len);
	} elsif ($len < 65536) {
		$out .= pack 'Cn', $bit | 126, $len;
	} else {
		$out .= pack 'CQ>', $bit | 127, $len;
	}
	if ($bit) {
		my $mask = $f{mask} x (length($payload) / 4 + 1);
		$payload ^= substr $mask, 0, length $payload;
	}
	return $out . $f{mask} . $payload;
}

1;
