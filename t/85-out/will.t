#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# will_on_kick with a real mosquitto: the Will of a device that is thrown out is
# published, or is not; over both transports and with both versions.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $pki = pki;
my $crl = tmp('client.crl');
my $mosquitto = mosquitto();
my $number = 0;

$pki->make($_, subject => "/CN=$_") for qw(thief honest);

sub begin
{
	my ($proxy, $transport, $version, $device) = @_;
	my $c = peer->device($transport, device => $device,
		port => $proxy->port($transport));
	my $id = "$device-$transport-$version";

	$c->send(mqtt_connect(version => $version, clientid => $id,
		will => { topic => "will/$id", payload => 'gone' }));
	is(ord($c->packet), 0x20, "$id is in");
	return { c => $c, id => $id, version => $version };
}

# A subscriber straight at the broker, and the topics it hears of until a
# message that comes after all Wills.
sub watch
{
	my $c = peer('watcher')->open(port => $mosquitto->port);

	$c->send(mqtt_connect(clientid => 'watch' . ++$number));
	$c->packet;
	$c->send(mqtt_subscribe(topic => 'will/#'));
	$c->packet;
	return $c;
}

sub heard
{
	my ($c) = @_;
	my %topics;

	$c->send(mqtt_publish(topic => 'will/end'));
	for (;;) {
		my ($topic) = unpack 'x2 n/a', $c->packet;
		last if $topic eq 'will/end';
		$topics{$topic} = 1;
	}
	$c->close;
	return [sort keys %topics];
}

for my $mode (qw(publish suppress)) {
	$pki->crl($crl, 'client-ca', number => '01');
	my $proxy = sallyport(daemon => { watch_interval => '100ms' },
		backend => { address => $mosquitto->address },
		mqtt => { will_on_kick => $mode }, tls => { crl => $crl });
	my @kinds = map { my $t = $_; map { [$t, $_] } 4, 5 } qw(tls wss);
	my @honest = map { begin($proxy, @$_, 'honest') } @kinds;
	my @thieves = map { begin($proxy, @$_, 'thief') } @kinds;
	my $watch = watch();
	my $from = $mosquitto->mark;

	$pki->crl($crl, 'client-ca', revoked => ['thief'], number => '02');
	for my $s (@thieves) {
		is(hex($s->{c}->ended->{bytes}),
			$s->{version} == 5 ? 'e0028700' : '',
			"$mode: $s->{id} is out");
		$s->{c}->close;
		$mosquitto->wait_log(
			qr/Client $s->{id} (?:\[|disconnected|closed)/,
			from => $from);
	}
	is_deeply(heard($watch), $mode eq 'suppress' ? []
		: [sort map { "will/$_->{id}" } @thieves],
		"$mode: the Wills");
	for my $s (@honest) {
		$s->{c}->send(mqtt_pingreq);
		is(hex($s->{c}->packet), 'd000', "$mode: $s->{id} lives");
		$s->{c}->send(mqtt_disconnect)->close;
	}
	is(scalar(() = substr($mosquitto->text, $from) =~ /thief.*u'/g), 0,
		"$mode: no thief connects again");
}
done_testing;
