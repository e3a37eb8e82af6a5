#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# A CONNECT as the broker gets it differs from what was sent only as [identity]
# says; and `explain' predicts every byte.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = peer('broker')->listen;
my %address = (backend => { address => $broker->address });
my $proxy = sallyport(%address,
	(map { ("listener $_" => {
		bind => '127.0.0.1:0', identity => $_,
	}) } qw(both id none keep)),
	'identity both' => { username => 'cn', clientid => '${cn}' },
	'identity id' => { username => 'none', clientid => 'cn' },
	'identity none' => { username => 'none' },
	'identity keep' => { username => 'cn', password => 'keep',
		authentication => 'keep' });

# Every property a CONNECT may have, in an unusual order.
my $user = sub { "\x26" . mqtt_string($_[0]) . mqtt_string($_[1]) };
my @properties = ($user->('b', '2'), "\x11\0\0\1\0", "\x21\0\x14",
	"\x15" . mqtt_string('SCRAM-SHA-1'), "\x27\0\1\0\0",
	"\x16" . mqtt_string("\0\1\xff"), "\x22\0\7", "\x19\1", "\x17\0",
	$user->('a', '1'), $user->('b', '2'));
my $properties = join '', @properties;
# Without Authentication Method and Data, which pass only if kept.
my $plain = join '', grep { !/^[\x15\x16]/ } @properties;
my $will_properties = "\x18\0\0\0\x0a" . $user->('k', 'v') . "\x01\1"
    . "\x02\0\0\0\5" . "\x03" . mqtt_string('text/plain')
    . "\x08" . mqtt_string('re/ply') . "\x09" . mqtt_string("\0\1");
my %will = (topic => "w\xc3\xa4/ll", payload => "\0\1\2" . 'x' x 150,
	qos => 2, retain => 1);

# name, fields of the CONNECT
my @packets = (
	['the least', {}],
	['Username', { username => 'me' }],
	['Username and password', { username => 'me', password => "\0\xff" }],
	['empty ones', { username => '', password => '' }],
	['will', { will => \%will }],
	['will with nothing in it', { will => { topic => 'x', payload => '' } }],
	['all', { will => \%will, username => 'u' x 100, password => 'p' x 200,
		keepalive => 65535, clean => 0 }],
	['bridge', { level => 0x84 }],
	['bridge, 3.1', { version => 3, level => 0x83 }],
	['v5 password alone', { version => 5, password => 'token' }],
	['v5 all', { version => 5, properties => $properties,
		will => { %will, properties => $will_properties },
		username => 'me', password => 'pw' }],
	['v5 properties alone', { version => 5, properties => $properties }],
	['v5 empty ClientID', { version => 5, clientid => '' }],
);

# Sizes around where the remaining length takes one more byte.
my @sizes = map { ["$_ bytes of ClientID",
	{ clientid => 'i' x $_, version => 4 + $_ % 2 }] }
    90 .. 130, 16_350 .. 16_380, 65_000;

# What identity makes of the fields, by listener.
my %changed = (
	tls => { username => 'device-001', password => undef },
	both => { username => 'device-001', clientid => 'device-001',
		password => undef },
	id => { clientid => 'device-001', password => undef },
	none => { password => undef },
	keep => { username => 'device-001' },
);

for my $listener (sort keys %changed) {
	my $bad = 0;
	for (@packets, $listener eq 'tls' ? @sizes : ()) {
		my ($what, $fields) = @$_;
		my @versions = defined $fields->{version}
		    ? $fields->{version}
		    : defined $fields->{level} ? 4 : (3, 4, 5);
		for my $version (@versions) {
			my %c = (%$fields, version => $version);
			my %to = %{ $changed{$listener} };
			my $c = peer->tls(device => 'ec', max => '1.2',
				port => $proxy->port($listener));
			# An empty Username does not stay without password.
			$to{username} //= undef
			    if exists $to{password}
			    && length($c{username} // '-') == 0;
			$to{properties} = $plain
			    if $c{properties} && $listener ne 'keep';
			my $want = mqtt_connect(%c, %to);

			$c->send(mqtt_connect(%c) . mqtt_pingreq);
			my $got = $broker->accept;
			my $bytes = $got->packet . $got->packet;
			$_->close for $got, $c;
			my $told = explained($proxy, $listener, 'ec',
				mqtt_connect(%c));
			if ($told ne 'admitted ' . hex($want)) {
				is($told, 'admitted ' . hex($want),
					"$listener, v$version: $what: explain");
				$bad++;
			}
			next if $bytes eq $want . mqtt_pingreq;
			is(hex($bytes), hex($want . mqtt_pingreq),
				"$listener, v$version: $what");
			$bad++;
		}
	}
	is($bad, 0, "$listener: all packets exact, as explain says");
}

# The same over WSS, where another stream carries it.
for my $version (3, 4, 5) {
	my %c = (will => \%will, username => 'me', password => 'pw',
		version => $version, properties => $properties);
	my $c = peer->wss(device => 'ec', port => $proxy->port('wss'));
	$c->send(mqtt_connect(%c), chunk => 10);
	my $b = $broker->accept;
	is(hex($b->packet), hex(mqtt_connect(%c, username => 'device-001',
		password => undef, properties => $plain)),
		"wss, v$version: exact");
	$_->close for $b, $c;
}
done_testing;
