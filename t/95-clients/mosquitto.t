#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# mosquitto_pub and mosquitto_sub over mutual TLS to a real mosquitto: QoS,
# retained, will, large, both versions; and the refusals they understand.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

need_tool(qw(mosquitto_pub mosquitto_sub));
my $broker = mosquitto();
my $proxy = sallyport(backend => { address => $broker->address });

my $count = 0;
sub options
{
	my ($version, $device) = @_;
	my @cert = defined $device ? ('--cert', pki->cert($device),
		'--key', pki->key($device)) : ();

	return ('-h', '127.0.0.1', '-p', $proxy->port('tls'),
		'--cafile', pki->cert('server-ca'), @cert,
		'-V', $version, '-i', 'client' . ++$count);
}

# Runs a client to its end.
sub client
{
	return Sallyport::Proc::run(15 * slow, @_);
}

# Starts a mosquitto_sub that ends after COUNT messages.
sub subscriber
{
	my ($version, $n, $topic, @more) = @_;
	my @options = options($version, 'rsa');
	my $name = $options[-1];
	my $s = Sallyport::Proc->new(name => $name, slow => slow,
		log => tmp("$name.log"));

	$s->launch('mosquitto_sub', @options, '-t', $topic, '-C', $n,
		'-W', 15 * slow, '-F', '%q %r %l %p', @more);
	$broker->wait_log(qr/Sending SUBACK to $name/);
	return $s;
}

for my $version (qw(mqttv31 mqttv311 mqttv5)) {
	my $topic = "t/$version";
	my $s = subscriber($version, 3, $topic, '-q', 2);

	for my $qos (0, 1, 2) {
		my ($code, undef, $err) = client('mosquitto_pub',
			options($version, 'ec'), '-t', $topic, '-q', $qos,
			'-m', "qos $qos");
		is($code, 0, "$version: publish QoS $qos") or diag($err);
	}
	is($s->wait_exit(15), 0, "$version: all three come");
	is_deeply([sort split /\n/, $s->text],
		['0 0 5 qos 0', '1 0 5 qos 1', '2 0 5 qos 2'],
		"$version: with their QoS");
	like($broker->text, qr/ as client\d+ .*u'device-001'/,
		"$version: the publisher is device-001");
	like($broker->text, qr/ as client\d+ .*u'device-002'/,
		"$version: the subscriber is device-002");

	is((client('mosquitto_pub', options($version, 'ec'), '-r',
		'-t', "$topic/kept", '-m', 'still there'))[0], 0,
		"$version: publish retained");
	$s = subscriber($version, 1, "$topic/kept");
	$s->wait_exit(15);
	is($s->text, "0 1 11 still there\n", "$version: retained");
}

# A Will is published when the client breaks off, not when it sends DISCONNECT.
for my $version (4, 5) {
	my $s = subscriber('mqttv311', 1, "will/$version");
	my $c = peer->tls(port => $proxy->port('tls'), device => 'ec');

	$c->send(mqtt_connect(version => $version, clientid => "w$version",
		will => { topic => "will/$version", payload => 'gone' }));
	$c->packet;
	$c->reset;
	is($s->wait_exit(15), 0, "v$version: a client dies");
	is($s->text, "0 0 4 gone\n", "v$version: its will is done");
}

# 1 MB, as a file.
my $megabyte = join '', map { chr int rand 256 } 1 .. 1 << 20;
write_file(tmp('large'), $megabyte);
for my $version (qw(mqttv311 mqttv5)) {
	my $s = subscriber($version, 1, "large/$version", '-F', '%x');
	my ($code, undef, $err) = client('mosquitto_pub',
		options($version, 'ec'), '-t', "large/$version", '-q', 1,
		'-f', tmp('large'));
	is($code, 0, "$version: publish 1 MB") or diag($err);
	$s->wait_exit(15);
	ok($s->text eq hex($megabyte) . "\n", "$version: 1 MB, intact");
}

# Refused, in words they understand.
my ($code, undef, $err) = client('mosquitto_pub', options('mqttv311'),
	'-t', 'x', '-m', 'x');
isnt($code, 0, 'no certificate: refused');
for (['mqttv311', 4], ['mqttv5', 0x86]) {
	my ($version, $rc) = @$_;
	($code, undef, $err) = client('mosquitto_pub',
		options($version, 'no-cn'), '-t', 'x', '-m', 'x');
	isnt($code, 0, "$version, no CN: refused");
	like($err, qr/not authori[sz]ed|bad user name|bad username/i,
		"$version, no CN: the client says why");
}
is($broker->count_log(qr/New client connected/),
	$broker->count_log(qr/New client connected .* u'device-00[12]'/),
	'no client reached the broker under another name');
done_testing;
