# SPDX-License-Identifier: ISC
package Sallyport::Mqtt;

# MQTT packets as bytes, well-formed or, by `raw' parts, not.

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(mqtt_packet mqtt_string mqtt_varint mqtt_connect
    mqtt_connack mqtt_publish mqtt_subscribe mqtt_suback mqtt_disconnect
    mqtt_pingreq mqtt_pingresp mqtt_split);

# A variable byte integer (MQTT 5 1.5.5).
sub mqtt_varint
{
	my ($n) = @_;
	my $out = '';

	do {
		my $byte = $n % 128;
		$n = int $n / 128;
		$out .= chr($byte | ($n ? 128 : 0));
	} while $n;
	return $out;
}

# Two bytes of length, then the bytes.
sub mqtt_string
{
	return pack 'n/a*', $_[0];
}

# Type and flags, remaining length, body.
sub mqtt_packet
{
	my ($first, $body) = @_;

	return chr($first) . mqtt_varint(length $body) . $body;
}

# CONNECT. Fields: version (3, 4, 5), clientid, username, password, clean,
# keepalive, properties (raw bytes), will => { topic, payload, qos, retain,
# properties }, flags (raw byte over all), name, level, tail (behind it all).
sub mqtt_connect
{
	my (%c) = (version => 4, clientid => 'c', clean => 1,
		keepalive => 60, @_);
	my $v5 = $c{version} == 5;
	my $will = $c{will};
	my $flags = $c{clean} ? 2 : 0;
	my $body;

	$flags |= 0x80 if defined $c{username};
	$flags |= 0x40 if defined $c{password};
	$flags |= 4 | ($will->{qos} || 0) << 3 | ($will->{retain} ? 32 : 0)
	    if $will;
	$flags = $c{flags} if defined $c{flags};
	$body = mqtt_string($c{name} // ($c{version} == 3 ? 'MQIsdp' : 'MQTT'));
	$body .= pack 'CCn', $c{level} // $c{version}, $flags, $c{keepalive};
	$body .= properties($c{properties}) if $v5;
	$body .= mqtt_string($c{clientid});
	if ($will) {
		$body .= properties($will->{properties}) if $v5;
		$body .= mqtt_string($will->{topic});
		$body .= mqtt_string($will->{payload});
	}
	$body .= mqtt_string($c{username}) if defined $c{username};
	$body .= mqtt_string($c{password}) if defined $c{password};
	$body .= $c{tail} if defined $c{tail};
	return mqtt_packet($c{first} // 0x10, $body);
}

sub properties
{
	my ($raw) = @_;

	return mqtt_varint(length($raw // '')) . ($raw // '');
}

# CONNACK of a 3.x broker, or with properties given (maybe '') of a v5 one.
sub mqtt_connack
{
	my (%c) = (session => 0, code => 0, @_);
	my $body = pack 'CC', $c{session}, $c{code};

	$body .= properties($c{properties}) if defined $c{properties};
	return mqtt_packet(0x20, $body);
}

sub mqtt_publish
{
	my (%p) = (topic => 't', payload => '', qos => 0, @_);
	my $body = mqtt_string($p{topic});

	$body .= pack 'n', $p{id} // 1 if $p{qos};
	$body .= properties($p{properties}) if defined $p{properties};
	return mqtt_packet(0x30 | $p{qos} << 1 | ($p{retain} ? 1 : 0),
		$body . $p{payload});
}

sub mqtt_subscribe
{
	my (%s) = (id => 1, topic => '#', qos => 0, @_);
	my $body = pack 'n', $s{id};

	$body .= properties($s{properties}) if defined $s{properties};
	return mqtt_packet(0x82, $body . mqtt_string($s{topic}) . chr $s{qos});
}

sub mqtt_suback
{
	my (%s) = (id => 1, code => 0, @_);

	return mqtt_packet(0x90, pack 'nC', $s{id}, $s{code});
}

sub mqtt_disconnect
{
	return "\xe0\0";
}

sub mqtt_pingreq
{
	return "\xc0\0";
}

sub mqtt_pingresp
{
	return "\xd0\0";
}

# Cuts bytes into whole packets; returns them and then the rest.
sub mqtt_split
{
	my ($bytes) = @_;
	my @packets;

	while ($bytes =~ /^(.[\x80-\xff]{0,3}[\0-\x7f])/s) {
		my $head = $1;
		my ($n, $factor) = (0, 1);
		for my $byte (unpack 'x C*', $head) {
			$n += ($byte & 127) * $factor;
			$factor *= 128;
		}
		last if length $bytes < length($head) + $n;
		push @packets, substr $bytes, 0, length($head) + $n, '';
	}
	return (@packets, $bytes);
}

1;
