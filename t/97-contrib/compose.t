#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# contrib/container/compose.yaml: container programs accept it, only Sallyport
# reaches the broker, and the configurations that it mounts work together.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;
use Sallyport::Kube;

my $top = srcdir . '/contrib/container';
my $modules = builddir . '/npm';

# Its two commands, the older one too; each reads the file and checks it.
my @compose = grep { has_tool($_->[0])
    && (Sallyport::Proc::run(20, @$_, 'version'))[0] == 0 }
    ['docker-compose'], ['docker', 'compose'];
for my $program (@compose) {
	local $ENV{SALLYPORT_USER} = '1000:1000';
	my ($code, $out, $err) = Sallyport::Proc::run(30, @$program, '-f',
		"$top/compose.yaml", 'config', '--quiet');
	is("$code $out", '0 ', "@$program takes it") or diag($err);
}

SKIP: {
	skip 'no YAML for node: ./bootstrap tools', 1
	    unless has_tool('node') && -d "$modules/node_modules/js-yaml";
	my $file = "$top/compose.yaml";
	my ($y) = @{ Sallyport::Kube::ask({ srcdir => srcdir,
		modules => $modules }, 'render', $file)->{$file} };
	my %of = %{ $y->{services} };

	is_deeply([ sort keys %of ], [qw(broker sallyport)], 'two services');
	is_deeply($of{broker}{ports}, undef, 'the broker has no port outside');
	is_deeply($of{broker}{networks}, ['broker'], 'and one network');
	ok($y->{networks}{broker}{internal}, 'that leads nowhere else');
	is_deeply($of{$_}{cap_drop}, ['ALL'], "$_: no capabilities")
	    for sort keys %of;
	ok($of{$_}{read_only}, "$_: read-only root") for sort keys %of;
	ok($of{$_}{user}, "$_: not root") for sort keys %of;
	for my $mount (map { @{ $_->{volumes} } } values %of) {
		my ($from) = $mount =~ m{^\./(\w+):};
		next if !$from || $from =~ /^(?:pki|state)$/;
		ok(-d "$top/$from", "$from is there");
	}
	ok(-f "$top/$of{sallyport}{build}{context}/$_", "$_ is there")
	    for $of{sallyport}{build}{dockerfile};
	ok((grep { $_ eq '/pki/private' } @{ $of{sallyport}{tmpfs} }),
		'the keys of the CAs are hidden');
	ok((grep { /^127\.0\.0\.1:9884:/ } @{ $of{sallyport}{ports} }),
		'the status page is for this machine');
	my %ini = Sallyport::Kube::sections(
		read_file("$top/compose/sallyport.ini"));
	my @inside = map { /(\d+)$/ } @{ $of{sallyport}{ports} };
	is_deeply([ sort @inside ], [ sort $ini{daemon}{http_listen},
		map { $ini{$_}{bind} } grep { /^listener/ } keys %ini ],
		'its ports are those of the configuration');
}

# Both configurations, with the paths and ports of this test.
my $broker = mosquitto(config => join "\n", 'acl_file ' . write_file(
	tmp('acl'), read_file("$top/compose/acl")),
	grep { !/^(?:#|listener|allow_anonymous|acl_file|persist|log_)/ }
	split /\n/, read_file("$top/compose/mosquitto.conf"));
chmod 0644, tmp('acl');
my %ini = Sallyport::Kube::sections(
	read_file("$top/compose/sallyport.ini"));
my %here = (certificate => pki->cert('server'),
	private_key => pki->key('server'),
	client_ca => pki->cert('client-ca'), crl => tmp('client-ca.crl'));
my $state = tmp('state');
mkdir $state or die "$state: $!";
chown +(getpwnam 'nobody')[2, 3], $state if $> == 0;

pki->crl($here{crl}, 'client-ca');
is_deeply([ sort keys %{ $ini{tls} } ], [ sort keys %here ],
	'it names the files that pki makes');
like($ini{tls}{$_}, qr{^/pki/}, "$_: where the folder is mounted")
    for sort keys %here;
$ini{tls} = \%here;
$ini{daemon}{admin_socket} = "$state/admin.sock";
$ini{daemon}{http_listen} = '127.0.0.1:0';
$ini{denylist}{file} = write_file("$state/deny.csv", '');
chown +(getpwnam 'nobody')[2, 3], "$state/deny.csv" if $> == 0;
$ini{$_}{bind} = '127.0.0.1:0' for grep { /^listener/ } keys %ini;
$ini{'listener tls'} = delete $ini{'listener mqtts'};
$ini{backend}{address} = $broker->address;
my $proxy = sallyport(%ini);

# The answer of the broker to a QoS 1 message of the device, as hex.
sub publish
{
	my ($topic) = @_;
	my $c = peer->tls(port => $proxy->port('tls'), device => 'ec');

	$c->send(mqtt_connect(version => 5, clientid => 'any'));
	is(substr(hex($c->packet), 0, 2), '20', 'the device connects');
	$c->send(mqtt_publish(topic => $topic, qos => 1, properties => ''));
	my $answer = hex($c->packet);
	$c->send(mqtt_disconnect)->close;
	return $answer;
}
like(publish('devices/device-001/t'), qr/^40/, 'and uses its own topics');
like(publish('devices/device-002/t'), qr/^40..000187/, 'but no others');
is((ctl("$state/admin.sock", qw(deny cn device-001)))[0], 0,
	'the deny list can be written');
done_testing;
