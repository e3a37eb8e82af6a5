#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Three replicas as contrib/kubernetes/base configures them, each in a network
# of its own, behind HAProxy at layer 4, with one set of ticket keys and one
# deny list; mosquitto in another, found by a name server as a cluster has it:
# tickets count everywhere, a denied device is out everywhere, and one replica
# leaves without a message lost. Where there is a Redis, they are a fleet.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;
use Sallyport::Kube;
use Sallyport::Netns;
use Sallyport::Redis;

use JSON::PP;

my $python = '/usr/bin/python3';
need_tool(qw(ip unshare dnsmasq haproxy mosquitto mosquitto_sub), $python);
plan skip_all => 'python3-paho-mqtt is not installed'
    if (Sallyport::Proc::run(20, $python, '-c',
	'import paho.mqtt.client'))[0] != 0;
my $missing = Sallyport::Netns::move_in();
plan skip_all => $missing if defined $missing;

my $pki = pki;
my ($dns, $balancer, $broker_at, @at) = map { Sallyport::Netns->new(@$_) }
    ['dns', 2], ['balancer', 5], ['broker', 10],
    map { ["replica$_", 20 + $_] } 1 .. 3;
my $names = $dns->serve_names(tmp(), $balancer, $broker_at, @at);

my $broker = mosquitto(port => sub { 1883 }, host => $broker_at->address,
	before => $broker_at->enter, config => "max_inflight_messages 0\n");

# The Redis server of the fleet, as components/fleet has it.
my $redis = defined Sallyport::Redis::missing() ? undef : redis(port => 6379,
	host => $broker_at->address, before => $broker_at->enter,
	config => "protected-mode no\n");

# The volume of each replica, and what is in all of them.
my $base = srcdir . '/contrib/kubernetes/base';
my %ini = Sallyport::Kube::sections(
	Sallyport::Kube::ini_of("$base/configmap.yaml"));
$pki->crl(tmp('client-ca.crl'), 'client-ca');
my %files = (
	'tls.crt' => read_file($pki->cert('server')),
	'tls.key' => read_file($pki->key('server')),
	'client-ca.crt' => read_file($pki->cert('client-ca')),
	'client-ca.crl' => read_file(tmp('client-ca.crl')),
	'ticket.keys' => join('', map { chr 65 + $_ % 26 } 1 .. 80),
	'denylist.csv' => "as,who,reason,until\n",
);
my @volumes = map { tmp("volume$_") } 1 .. 3;
my @replicas;

sub replica
{
	my ($n) = @_;
	my $ini = "$volumes[$n]/sallyport.ini";
	my %own = %ini;

	$own{'listener tls'} = delete $own{'listener mqtts'};
	for my $listener (@own{'listener tls', 'listener wss'}) {
		$listener->{accept_proxy} = 'required';
		$listener->{trusted_proxies} = $balancer->address;
	}
	$own{daemon} = { %{ $own{daemon} }, log_format => 'logfmt',
		watch_interval => '100ms', drain_delay => 2 * slow . 's',
		drain_timeout => '3s',
		admin_socket => tmp("admin$n.sock") };
	# Many sessions of one certificate below.
	$own{identity} = { %{ $own{identity} }, clientid => 'none' };
	# The name server is asked all the time.
	$own{backend} = { %{ $own{backend} }, resolve_interval => '1s' };
	$own{fleet} = { address => $redis->address, name => 'replica' . ($n + 1) }
	    if $redis;
	return sallyport(%own, kit => { ini => $ini,
		before => $at[$n]->enter });
}

# What a change of a ConfigMap or of a Secret is in the end: all replicas have
# new files. Waits until they have taken them.
sub publish
{
	my %mark = map { $_ => $_->mark } @replicas;

	Sallyport::Kube::lay_out($volumes[$_], %files,
		'sallyport.ini' => read_file("$volumes[$_]/sallyport.ini"))
	    for 0 .. $#volumes;
	$_->wait_log(qr/event=reload /, from => $mark{$_}) for @replicas;
}
publish();
@replicas = map { replica($_) } 0 .. 2;

my $stats = tmp('haproxy.sock');
my $haproxy = Sallyport::Proc->new(name => 'haproxy', slow => slow,
	log => tmp('haproxy.log'), before => $balancer->enter);
write_file(tmp('haproxy.cfg'), <<"END");
global
	stats socket $stats mode 600 level user
defaults
	mode tcp
	timeout connect 2s
	# The default is inter, too short for a machine that is busy.
	timeout check 5s
	timeout client 1m
	timeout server 1m
frontend mqtts
	bind balancer:8883
	default_backend sallyport
backend sallyport
	balance roundrobin
	option httpchk GET /readyz
	http-check expect status 200
	default-server send-proxy-v2 check port 9884 inter 100ms fall 1 rise 1
	server replica1 replica1:8883
	server replica2 replica2:8883
	server replica3 replica3:8883
END
(my $program) = grep { -x } map { "$_/haproxy" } split(/:/, $ENV{PATH}),
    '/usr/sbin';
$haproxy->launch($program, '-db', '-f', tmp('haproxy.cfg'));

# A column of HAProxy's statistics: server => value.
sub servers
{
	my ($column) = @_;
	my ($head, @rows) = split /\n/, raw_http($stats, "show stat\n") // '';
	my %at;

	@at{ split /,/, ($head // '') =~ s/^# //r } = 0 .. 200;
	return map { $_->[1] => $_->[ $at{$column} ] }
	    grep { $_->[1] =~ /^replica/ } map { [split /,/] } @rows;
}
wait_until('all replicas are up for the balancer', sub {
	-S $stats && 3 == grep { /^UP/ } values %{ { servers('status') } };
});

my %door = (host => $balancer->address, port => 8883);
my $count = 0;

# A client that comes in through the balancer, and its ClientID.
sub come
{
	my (%arg) = @_;
	my $id = 'c' . ++$count;
	my $c = peer->tls(%door, %arg);

	$c->send(mqtt_connect(version => 5, clientid => $id));
	my $connack = hex($c->packet);
	die "$id: $connack\n" if $connack !~ /^20..0000/;
	return ($c, $id);
}

# A session through the balancer; knows the replica it came to.
sub session
{
	my ($c, $id) = come(@_);
	my %session;
	# The log is written by a thread of its own.
	wait_until("$id is at a replica", sub {
		for my $n (0 .. $#replicas) {
			my $line = $replicas[$n]->find_log(
				qr/event=open .*client_id=$id /) or next;
			%session = (c => $c, at => $n, line => $line);
		}
		return %session;
	});
	return \%session;
}

# Opens sessions until each replica has one, however the balancer distributes
# them.
sub everywhere
{
	my (%arg) = @_;
	my %at;

	for (1 .. 12) {
		my $s = session(%arg);
		if ($at{ $s->{at} }) {
			$s->{c}->send(mqtt_disconnect)->close;
			next;
		}
		$at{ $s->{at} } = $s;
		last if keys %at == 3;
	}
	is(scalar keys %at, 3, 'the balancer uses all replicas');
	return map { $at{$_} } sort keys %at;
}

sub leave
{
	$_->{c}->send(mqtt_disconnect)->close for @_;
}

# Tickets.
my $first = session(device => 'ec');
$first->{c}->ticket('t');
like($first->{line}, qr/peer=10\.77\.0\.1:/, 'its own address is known');
like($first->{line}, qr/resumed=(?:no|false|0)/, 'the first shakes hands');
leave($first);
my @resumed = everywhere(device => 'ec', session => 't');
like($_->{line}, qr/resumed=(?:yes|true|1)/,
	'a ticket counts at replica ' . (1 + $_->{at})) for @resumed;
leave(@resumed);

# New keys, by the CronJob; the old ticket still counts.
for my $length (160, 240) {
	$files{'ticket.keys'} = Sallyport::Kube::rotate(srcdir
		. '/contrib/kubernetes/components/ticket-keys/cronjob.yaml',
		tmp('rotate'), $files{'ticket.keys'});
	is(length $files{'ticket.keys'}, $length, "a key more: $length bytes");
	publish();
}
@resumed = everywhere(device => 'ec', session => 't');
like($_->{line}, qr/resumed=(?:yes|true|1)/,
	'an old ticket counts at replica ' . (1 + $_->{at})) for @resumed;
leave(@resumed);

# The deny list.
$pki->make('target', subject => '/CN=target', key => 'ec');
my @target = everywhere(device => 'target');
my @good = everywhere(device => 'ec');
$target[0]{c}->ticket('stolen');
$files{'denylist.csv'} .= "cn,target,stolen,\n";
publish();
is(hex($_->{c}->ended->{bytes}), 'e0029800',
	'denied: out of replica ' . (1 + $_->{at})) for @target;
for my $s (@good) {
	$s->{c}->send(mqtt_pingreq);
	is(hex($s->{c}->packet), 'd000',
		'others stay at replica ' . (1 + $s->{at}));
}
my %mark = map { $_ => $_->mark } @replicas;
for (1 .. 6) {
	my $c = peer->try_tls(%door, device => 'target',
		$_ % 2 ? () : (session => 'stolen'));
	$c->try_send(mqtt_connect(version => 5, clientid => 'back'));
	isnt($c->ended->{status}, 'timeout', 'and cannot return');
	$c->close;
}
# The alert leaves before the log is written.
for my $i (0 .. 2) {
	wait_until("refused at replica ${\($i + 1)}, twice", sub {
		$replicas[$i]->count_log(qr/event=refuse .*reason=tls_denied/,
			$mark{ $replicas[$i] }) == 2
	});
}
is($broker->count_log(qr/ as back /), 0, 'the broker never heard of it');
leave(@good);

# The fleet: a command at one replica is for all of them.
SKIP: {
	skip 'no fleet', 10 unless $redis;
	my @admin = map { tmp("admin$_.sock") } 0 .. 2;

	for my $at (@admin) {
		wait_until('they know each other', sub {
			my $f = (ctl_json($at, 'status'))[1]{fleet};
			return $f->{online} && @{ $f->{replicas} } == 3;
		}, 20);
	}
	$pki->make('second', subject => '/CN=second', key => 'ec');
	my @second = everywhere(device => 'second');
	my (undef, $all) = ctl_json($admin[1], '--fleet', 'sessions',
		'--user', 'second');
	is($all->{matched}, 3, 'the sessions of all replicas');
	is(join(' ', sort map { $_->{replica} } @{ $all->{sessions} }),
		'replica1 replica2 replica3', 'with their names');
	my ($code) = ctl($admin[2], 'deny', 'cn', 'second');
	is($code, 0, 'deny at one replica');
	is(hex($_->{c}->ended->{bytes}), 'e0029800',
		'out of replica ' . (1 + $_->{at})) for @second;
	@second = everywhere(device => 'ec');
	(undef, my $said) = ctl($admin[0], '--fleet', 'kick', '--all');
	like($said, qr/^3 of 3 replicas, [3-9] sessions closed$/m,
		'kick on all replicas');
	is(hex($second[0]{c}->ended->{bytes}), 'e0029800', 'they are gone');
}

# The name server stops; the addresses that were found stay in use.
%mark = map { $_ => $_->mark } @replicas;
$names->stop;
$_->wait_log(qr/event=backend_resolve_failed/, from => $mark{$_})
    for @replicas;
leave(everywhere(device => 'ec'));

# One replica leaves while devices publish.
my $reader = Sallyport::Proc->new(name => 'reader', slow => slow,
	log => tmp('reader.log'), any_exit => 1);
$reader->launch('mosquitto_sub', '-h', $broker_at->address, '-p', 1883,
	'-i', 'reader', '-q', 1, '-t', 'flow/#', '-F', '%t %p');
$broker->wait_log(qr/Sending SUBACK to reader/);
pipe my $never, my $stdin or die "pipe: $!";
my $flow = Sallyport::Proc->new(name => 'flow', slow => slow,
	log => tmp('flow.log'));
$flow->{before} = sub { open STDIN, '<&', $never; close $stdin };
$flow->launch($python, "$FindBin::Bin/../lib/paho_flow.py",
	encode_json({ %door, port => 8883, count => 9, timeout => 10 * slow,
		ca => $pki->cert('server-ca'), cert => $pki->cert('ec'),
		key => $pki->key('ec') }));
close $never;

# True if each device has been received so often since FROM.
sub each_heard
{
	my ($times, $from) = @_;
	my %heard;

	$heard{$_}++ for substr($reader->text, $from) =~ /^(\S+) \d+$/mg;
	return 9 == grep { $_ >= $times } values %heard;
}
wait_until('messages flow', sub { each_heard(30, 0) });

my $leaver = $replicas[0];
my $on_it = $leaver->count_log(qr/event=open .*client_id=flow/);
cmp_ok($on_it, '>=', 2, "$on_it devices at the one that leaves");
$leaver->signal('TERM');
wait_until('the balancer knows', sub {
	my %status = servers('status');
	return $status{replica1} =~ /^DOWN/;
});
is($leaver->count_log(qr/event=drain /), 0, 'before it refuses a client');
# Clients connect all the time, and none has to wait. They are more in a second
# than the log has lines for.
my $came = 0;
while ($leaver->alive) {
	my ($c) = come(device => 'ec');

	leave({ c => $c });
	$came++;
}
is($leaver->wait_exit(0), 0, "it drains and exits 0; $came came meanwhile");
is($leaver->count_log(qr/event=close .*client_id=flow.*reason=relay_drained/),
	$on_it, 'all of its devices were sent away');
my $from = $reader->mark;
wait_until('all flow again', sub { each_heard(30, $from) }, 15);
close $stdin;
is($flow->wait_exit(15), 0, 'all is acknowledged in the end');
my $sent = decode_json($flow->text);
my ($lost, $moved, $total) = (0, 0, 0);
wait_until('the last ones arrive', sub {
	my %seen;
	my $text = $reader->text;
	$seen{$_} = 1 for $text =~ /^flow\/(\S+ \d+)$/mg;
	($lost, $moved, $total) = (0, 0, 0);
	for my $name (keys %$sent) {
		my ($published, $acked, $connects) = @{ $sent->{$name} };
		$lost += grep { !$seen{"$name $_"} } 1 .. $published;
		$lost += $published - $acked;
		$moved += $connects > 1;
		$total += $published;
	}
	return $lost == 0;
}) if keys %$sent;
is($lost, 0, "$total messages at QoS 1, none lost");
is($moved, $on_it, "$moved devices came back, the others never left");
is($replicas[1]->count_log(qr/event=open .*client_id=flow/)
	+ $replicas[2]->count_log(qr/event=open .*client_id=flow/), 9,
	'to the replicas that stayed');
my %failed = servers('econ');
is(join(' ', @failed{ map { "replica$_" } 1 .. 3 }), '0 0 0',
	'and no connection met a closed port');
$_->stop for $reader, $haproxy;
done_testing;
