#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# paho, in Python, through WSS and TLS to a real mosquitto: it sees what it
# would see at the bare broker.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use JSON::PP;

# Only the distribution's Python finds the distribution's paho.
my $python = '/usr/bin/python3';
need_tool($python);
plan skip_all => 'python3-paho-mqtt is not installed'
    if (Sallyport::Proc::run(20, $python, '-c',
	'import paho.mqtt.client'))[0] != 0;

my $broker = mosquitto();
my $proxy = sallyport(backend => { address => $broker->address });

my %tls = (ca => pki->cert('server-ca'), cert => pki->cert('ec'),
	key => pki->key('ec'));

# What paho saw of one session.
sub seen
{
	my ($what, %arg) = @_;
	my ($code, $out, $err) = Sallyport::Proc::run(20 * slow,
		$python, "$FindBin::Bin/../lib/paho_client.py",
		encode_json({ timeout => 10, %arg }));

	is($code, 0, "$what: the client is content") or diag($err);
	my $seen = eval { decode_json($out) } || {};
	$seen->{messages} = [sort map { "$_->[0]:$_->[1]" }
		@{ $seen->{messages} || [] }];
	return $seen;
}

my %port = (websockets => 'wss', tcp => 'tls');
for my $version (4, 5) {
	my $bare = seen("bare broker, v$version", version => $version,
		clientid => "bare$version", transport => 'tcp',
		port => $broker->port + 0);
	is($bare->{connack}, 0, "bare broker, v$version: CONNACK 0");
	is_deeply($bare->{messages}, ['0:5', '1:1000000', '1:5', '2:5'],
		"bare broker, v$version: QoS 0, 1, 2 and 1 MB come back");
	for my $transport (sort keys %port) {
		my $what = "$port{$transport}, v$version";
		my $id = "p$version$transport";
		my $seen = seen($what, version => $version, clientid => $id,
			transport => $transport, %tls,
			port => $proxy->port($port{$transport}) + 0);
		is_deeply($seen, $bare, "$what: as at the bare broker");
		$broker->wait_log(qr/connected .* as $id .*u'device-001'/);
		pass("$what: the broker knows device-001");
	}
}
done_testing;
