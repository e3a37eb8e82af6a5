#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# 200 clients at once, over TLS and WSS, each hears the one message; and 50
# real mosquitto_pub at the same time.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = mosquitto();
my $proxy = sallyport(backend => { address => $broker->address });

my @clients;
for my $i (1 .. 200) {
	my $transport = $i % 2 ? 'tls' : 'wss';
	my $version = $i % 4 < 2 ? 4 : 5;
	my $c = peer->device($transport, device => 'ec',
		port => $proxy->port($transport));

	$c->send(mqtt_connect(version => $version, clientid => "n$i")
		. mqtt_subscribe(topic => 'all',
			properties => $version == 5 ? '' : undef));
	push @clients, [$c, $version];
}
my $bad = 0;
for (@clients) {
	my ($c, $version) = @$_;
	my @types = map { ord($c->packet) >> 4 } 1, 2;
	$bad++ unless "@types" eq '2 9';
}
is($bad, 0, '200 clients are in and have subscribed');
is($broker->count_log(qr/connected .* as n\d+ .*u'device-001'/), 200,
	'the broker knows them all');

my ($first) = @{ $clients[0] };
$first->send(mqtt_publish(topic => 'all', payload => 'hear, hear'));
for (@clients) {
	my ($c) = @$_;
	$bad++ unless $c->packet =~ /^0.*hear, hear$/s;
}
is($bad, 0, 'each hears the message');

SKIP: {
	skip 'mosquitto_pub is not installed', 2
	    if (Sallyport::Proc::run(5, 'sh', '-c',
		'command -v mosquitto_pub'))[0] != 0;
	my @publishers = map {
		my $p = Sallyport::Proc->new(name => "pub$_", slow => slow,
			log => tmp("pub$_.log"));
		$p->launch('mosquitto_pub', '-h', '127.0.0.1',
			'-p', $proxy->port('tls'),
			'--cafile', pki->cert('server-ca'),
			'--cert', pki->cert('rsa'), '--key', pki->key('rsa'),
			'-t', 'all', '-q', 1, '-m', "from $_");
		$p
	} 1 .. 50;
	my $failed = grep { ($_->wait_exit(20) // -1) != 0 } @publishers;
	is($failed, 0, '50 publishers at once are done');
	my %got = map { ($first->packet =~ /from (\d+)$/ ? $1 : '?') => 1 }
	    1 .. 50;
	is(scalar(keys %got), 50, 'each of their messages came');
}
$_->[0]->close for @clients;
wait_until('all have left', sub {
	$broker->count_log(qr/^Client n\d+ (closed|disconnected)/) >= 200
});
pass('all have left');
done_testing;
