#!/usr/bin/perl
# paho, in Python, through WSS and TLS to a real mosquitto.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use JSON::PP;

# The distribution's Python is the one that has the distribution's paho.
my $python = '/usr/bin/python3';
need_tool($python);
plan skip_all => 'python3-paho-mqtt is not installed'
    if (Sallyport::Proc::run(20, $python, '-c',
	'import paho.mqtt.client'))[0] != 0;

my $broker = mosquitto();
my $proxy = sallyport(backend => { address => $broker->address });

my %port = (websockets => 'wss', tcp => 'tls');
for my $transport (sort keys %port) {
	for my $version (4, 5) {
		my $what = "$port{$transport}, v$version";
		my $id = "p$version$transport";
		my ($code, $out, $err) = Sallyport::Proc::run(20 * slow,
			$python, "$FindBin::Bin/../lib/paho_client.py",
			encode_json({
				version => $version, clientid => $id,
				transport => $transport, timeout => 10,
				port => $proxy->port($port{$transport}) + 0,
				ca => pki->cert('server-ca'),
				cert => pki->cert('ec'),
				key => pki->key('ec'),
			}));
		is($code, 0, "$what: the client is content") or diag($err);
		my $seen = eval { decode_json($out) } || {};
		is($seen->{connack}, 0, "$what: CONNACK 0");
		is_deeply([sort map { "$_->[0]:$_->[1]" }
			@{ $seen->{messages} || [] }],
			['0:5', '1:1000000', '1:5', '2:5'],
			"$what: QoS 0, 1, 2 and 1 MB come back");
		$broker->wait_log(qr/connected .* as $id .*u'device-001'/);
		pass("$what: the broker knows device-001");
	}
}
done_testing;
