#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# MQTT.js through TLS and WSS to a real mosquitto: it sees what it would see at
# the bare broker, and one that sent no ClientID is told the one it was given.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use JSON::PP;

need_tool('node');
$ENV{NODE_PATH} = join ':', '/usr/share/nodejs', $ENV{NODE_PATH} // ();
plan skip_all => 'node-mqtt is not installed'
    if (Sallyport::Proc::run(20, 'node', '-e', 'require("mqtt")'))[0] != 0;

my $broker = mosquitto();
my $proxy = sallyport(backend => { address => $broker->address },
	'listener id' => { bind => '127.0.0.1:0', identity => 'id' },
	'listener idws' => { bind => '127.0.0.1:0', identity => 'id',
		transport => 'websocket' },
	identity => {},
	'identity id' => { username => 'cn', clientid => 'cn' });

# What MQTT.js saw of one session, without how long it took.
sub seen
{
	my ($url, %arg) = @_;
	my ($code, $out, $err) = Sallyport::Proc::run(20 * slow, 'node',
		"$FindBin::Bin/../lib/mqttjs_client.js",
		encode_json({ url => $url, timeout => 10, %arg }));

	is($code, 0, "$url: the client ends well") or diag($err);
	return eval { decode_json($out) } || { unreadable => $out };
}

my %tls = (ca => pki->cert('server-ca'), cert => pki->cert('ec'),
	key => pki->key('ec'));
my $bare = 'mqtt://' . $broker->address;

for my $version (4, 5) {
	my $want = seen($bare, version => $version, clientid => "b$version");
	is($want->{connack}, 0, "v$version: the bare broker lets it in");
	is(scalar @{ $want->{messages} }, 3, "v$version: all comes back");
	for (['mqtts', 'tls', ''], ['wss', 'wss', '/mqtt']) {
		my ($scheme, $listener, $path) = @$_;
		my $url = "$scheme://127.0.0.1:" . $proxy->port($listener)
		    . $path;
		my $got = seen($url, version => $version,
			clientid => "b$version", %tls);
		is_deeply($got, $want, "v$version, $scheme: as at the broker");
	}
}

for (['mqtts', 'id', ''], ['wss', 'idws', '/mqtt']) {
	my ($scheme, $listener, $path) = @$_;
	my $got = seen("$scheme://127.0.0.1:" . $proxy->port($listener)
		. $path, version => 5, clientid => '', topic => 'empty', %tls);
	is($got->{connack}, 0, "$scheme: no ClientID: it is let in");
	is($got->{assigned}, 'device-001',
		"$scheme: its Assigned Client Identifier is the CN");
}
done_testing;
