#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# SIGHUP: a good configuration applies to new connections, a bad one changes
# nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $pki = pki;
my $broker = peer('broker')->listen;
my %address = (backend => { address => $broker->address });
my $proxy = sallyport(%address);

sub session
{
	my ($expect, $what, %arg) = @_;
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'), %arg);

	$c->send(mqtt_connect());
	my $b = $broker->accept;
	is(hex($b->packet), hex(mqtt_connect(username => $expect)), $what);
	$b->send(mqtt_connack());
	$c->packet;
	return ($c, $b);
}

sub reload
{
	my ($event) = @_;
	my $from = $proxy->mark;

	$proxy->signal('HUP');
	return $proxy->wait_log(qr/event=$event /, from => $from);
}

my ($c, $b) = session('device-001', 'before');
$proxy->write_ini(%address, identity => { username => 'id-${cn}' });
reload('reload');
my ($c2, $b2) = session('id-device-001', 'a new one is under the new config');
$c->send(mqtt_pingreq);
is(hex($b->packet), hex(mqtt_pingreq), 'the old session goes on');

# The server certificate is replaced while clients are connected.
$proxy->write_ini(%address, tls => {
	certificate => $pki->cert('server-rsa'),
	private_key => $pki->key('server-rsa'),
});
reload('reload');
{
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));
	is($c->{tls}{server_key}, 'rsa', 'the new certificate is in force');
	$c->close;
}
$proxy->write_ini(%address, identity => { username => 'good-${cn}' });
reload('reload');

# Configurations with all kinds of errors: the good one stays in force.
my %bad = (
	'an unknown key' => { daemon => { nonsense => 1 } },
	'a missing file' => { tls => { client_ca => tmp('none.crt') } },
	'a key of another certificate' => { tls => {
		private_key => $pki->key('server-rsa') } },
	'an empty CA file' => { tls => {
		client_ca => write_file(tmp('empty.crt'), '') } },
	'a source that is none' => { backend => {
		source => '127.0.0.0/8' } },
	'a bad template' => { identity => { username => '${nonsense}' } },
);
for my $what (sort keys %bad) {
	my %arg = %{ $bad{$what} };
	$arg{backend} = { %{ $address{backend} }, %{ $arg{backend} || {} } };
	$proxy->write_ini(%arg);
	my $from = $proxy->mark;
	reload('reload_failed');
	like(substr($proxy->text, $from), qr/\Q$proxy->{ini}\E:\d+: /,
		"$what: the log says file and line");
	my ($c, $b) = session('good-device-001', "$what: the old one rules");
	$_->close for $b, $c;
}
unlink $proxy->{ini};
reload('reload_failed');
my ($c3, $b3) = session('good-device-001', 'no config file: the old one rules');
$proxy->write_ini(%address);
reload('reload');
my ($c4, $b4) = session('device-001', 'and a good one is taken again');

# All sessions that began before are still there.
for ([$c, $b], [$c2, $b2], [$c3, $b3], [$c4, $b4]) {
	my ($client, $backend) = @$_;
	$backend->send(mqtt_pingresp);
	is(hex($client->packet), hex(mqtt_pingresp), 'an old session lives');
	$_->close for $backend, $client;
}

# A listener that was removed ends its sessions, because there is no [tls] left
# by which they could be revoked.
{
	my ($c, $b) = session('device-001', 'before its listener goes');
	my $port = $proxy->port('tls');
	$proxy->write_ini(%address, 'listener tls' => undef);
	like(reload('restart_needed'), qr/\[listener tls\] is gone: it is closed/,
		'the log says what becomes of a listener that is gone');
	is($c->ended->{status}, 'eof', 'its client is sent away');
	is($b->ended->{status}, 'eof', 'and leaves the broker');
	# By every worker: the one that had the session was not the only one.
	wait_until('its port is closed', sub {
		!peer->try_open(port => $port)
	});
	$_->close for $b, $c;
}
$proxy->stop;
$proxy = sallyport(%address);

# Many reloads at once, while sessions begin.
for my $round (1 .. 20) {
	$proxy->signal('HUP');
	my ($c, $b) = session('device-001', "round $round");
	$_->close for $b, $c;
}
done_testing;
