#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The fleet's deny list through a real Redis server: what one replica denies is
# in force on all, live sessions too; a replica that was away has the same list
# when it returns; and the Redis server may die, hang, come back empty, or be
# cut off.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
# Many daemons, one after the other, on a machine that may be busy.
BEGIN { $ENV{SALLYPORT_TEST_LIMIT} ||= 120 }
use Sallyport;
use Sallyport::Admin;
use Sallyport::Redis;

my $redis = redis();
my $broker = peer('broker')->listen;
my $n = 0;

sub replica
{
	my (%over) = @_;
	my $name = 'r' . ++$n;
	my %sections = (
		daemon => { admin_socket => tmp("$name.sock"), workers => 1 },
		backend => { address => $broker->address },
		fleet => { address => $redis->address, name => $name,
			copy => tmp("$name.copy"), %{ $over{fleet} // {} } },
		$over{file} ? (denylist => { file => $over{file} }) : (),
	);
	my $r = sallyport(%sections);

	$r->{$_->[0]} = $_->[1] for [socket => tmp("$name.sock")],
	    [copy => tmp("$name.copy")], [sections => \%sections];
	return $r;
}

# Starts a replica again that has ended, with what is on its disk.
sub again
{
	my ($r) = @_;
	my $next = sallyport(%{ $r->{sections} });

	$next->{$_} = $r->{$_} for qw(socket copy sections);
	return $next;
}

sub status
{
	return (ctl_json($_[0]{socket}, 'status'))[1]{fleet} // {};
}

sub online
{
	my (@replicas) = @_;

	for my $r (@replicas) {
		wait_until('a replica is online',
			sub { status($r)->{online} }, 20);
	}
}

sub denied
{
	my ($r) = @_;
	my (undef, $answer) = ctl_json($r->{socket}, 'denied',
		'--limit', 100000);

	return join ' ', sort map { "$_->{as}:$_->{who}" }
	    @{ $answer->{denied} };
}

sub all_have
{
	my ($list, $what, @replicas) = @_;

	for my $r (@replicas) {
		my $have;

		eval {
			wait_until($what, sub {
				return ($have = denied($r)) eq $list;
			}, 20);
		};
		is($have, $list, "$what: $r->{name}");
	}
}

sub session
{
	my ($r, $device) = @_;
	my $c = peer->tls(port => $r->port('tls'), device => $device);
	my $b = $broker->session($c, version => 5, clientid => $device);
	return { c => $c, b => $b };
}

my @r = map { replica() } 1 .. 3;
online(@r);
wait_until('all know of each other', sub {
	'r1 r2 r3' eq join ' ', sort @{ status($r[0])->{replicas} // [] };
});
pass('each knows the other replicas');

# A stolen device is out everywhere.
my @thieves = map { session($_, 'ec') } @r;
my ($code, $answer) = ctl_json($r[0]{socket}, 'deny', 'username',
	'device-001', '--reason', 'stolen, "really"');
is($code, 0, 'deny on the first');
is($answer->{sessions_ended}, 1, 'ended the session there');
is($answer->{fleet}, 'sent', 'and sent it');
for my $i (0 .. 2) {
	is(hex($thieves[$i]{c}->ended->{bytes}), 'e0029800',
		"replica $i: thrown out");
	$thieves[$i]{b}->ended;
}
all_have('username:device-001', 'denied everywhere', @r);
(undef, $answer) = ctl_json($r[2]{socket}, 'denied');
is($answer->{denied}[0]{reason}, 'stolen, "really"', 'with its reason');
is($answer->{denied}[0]{from}, 'fleet', 'from the fleet');

# allow, on another one; in the order of the stream.
($code) = ctl_json($r[1]{socket}, 'allow', 'username', 'device-001');
is($code, 0, 'allow on the second');
all_have('', 'allowed everywhere', @r);
($code) = ctl_json($r[1]{socket}, 'allow', 'username', 'device-001');
is($code, 1, 'a second allow finds nothing');

# Expiry by each replica's clock; kinds of all sorts.
ctl_json($r[0]{socket}, 'deny', 'cn', 'brief', '--for', '1s');
ctl_json($r[0]{socket}, 'deny', 'peerhost_net', '192.0.2.7/24');
ctl_json($r[0]{socket}, 'deny', 'clientid_re', '^bad-[0-9]+$');
my $three = 'clientid_re:^bad-[0-9]+$ cn:brief peerhost_net:192.0.2.0/24';
all_have($three, 'all kinds', @r);
wait_until('it has expired', sub {
	my (undef, $a) = ctl_json($r[2]{socket}, 'denied', '--as', 'cn');
	return $a->{denied}[0]{expired};
});
pass('an entry expires everywhere');
ctl_json($r[0]{socket}, 'allow', '--all');
all_have('', 'all taken back', @r);

# A replica that is away catches up; one that is new loads the set.
$r[2]->stop;
ctl_json($r[0]{socket}, 'deny', 'cn', "away$_") for 1 .. 3;
ctl_json($r[0]{socket}, 'allow', 'cn', 'away2');
$r[2] = again($r[2]);
$r[3] = replica();
all_have('cn:away1 cn:away3', 'after an absence', @r);

# The Redis server hangs: no client waits for it, and changes take effect.
$redis->signal('STOP');
my $from = time;
($code, $answer) = ctl_json($r[0]{socket}, 'deny', 'username', 'device-001');
is($code, 0, 'deny while the Redis server hangs');
is($answer->{fleet}, 'waiting', 'it waits');
my $out = peer->try_tls(port => $r[0]->port('tls'), device => 'ec');
$out->try_send(mqtt_connect(clientid => 'x')) if $out->{tls}{status} eq 'ok';
isnt($out->ended->{status}, 'timeout', 'it is in force here');
my $in = session($r[1], 'bare');
pass('traffic goes on');
$redis->signal('CONT');
all_have('cn:away1 cn:away3 username:device-001', 'after the pause', @r);

# The Redis server is killed and comes back empty: it is restored, and what was
# taken back stays so.
$redis->crash;
wait_until('the loss is noticed', sub { !status($r[0])->{online} });
($code, $answer) = ctl_json($r[1]{socket}, 'deny', 'cn', 'meanwhile');
is($answer->{fleet}, 'waiting', 'a change without a Redis server');
ctl_json($r[0]{socket}, 'allow', 'cn', 'away1');
is(denied($r[1]), 'cn:away1 cn:away3 cn:meanwhile username:device-001',
	'is in force there');
# One of them ends, and starts from its copy; explain knows it, too.
$r[2]->stop;
my (undef, $said) = sallyport_run('explain', '-c', $r[2]{ini}, '-l', 'tls',
	pki->cert('ec'));
like($said, qr/^fleet +\d+ entries denied, as its copy has them$/m,
	'explain reads the copy');
like($said, qr/ refused: identity_denied/, 'and judges by it');
$r[2] = again($r[2]);
is(denied($r[2]), 'cn:away1 cn:away3 username:device-001',
	'a start without the Redis server');
$redis->start or die 'no redis';
online(@r);
my $merged = 'cn:away3 cn:meanwhile username:device-001';
all_have($merged, 'after an empty restart', @r);
$in->{c}->send(mqtt_pingreq);
is(hex($in->{b}->packet), hex(mqtt_pingreq), 'a session outlived all that');

# Emptied without a restart.
$redis->command('FLUSHALL');
wait_until('it is restored', sub {
	return ($redis->command('HLEN', 'sallyport:denied') // 0) >= 3;
}, 20);
$r[4] = replica();
all_have($merged, 'after FLUSHALL', @r);

# A part of it is lost; then all but one entry, in one step, so that no replica
# can find it empty.
my @fields = @{ $redis->command('HKEYS', 'sallyport:denied') };
my ($kept) = grep { /away3/ } @fields;

sub whole
{
	return $redis->command('HLEN', 'sallyport:denied') == @fields;
}

is($redis->command('HDEL', 'sallyport:denied', $kept), 1, 'one entry is lost');
wait_until('one entry is restored', \&whole, 20);
is($redis->command('EVAL', "local v = redis.call('HGET', KEYS[1], ARGV[1]) "
	. "redis.call('DEL', KEYS[1]) return redis.call('HSET', KEYS[1], ARGV[1], v)",
	1, 'sallyport:denied', $kept), 1, 'all but one are lost');
wait_until('the rest is restored', \&whole, 20);

# A wrong type at a key: the daemon says so and goes on.
$merged = 'cn:away3 cn:meanwhile username:device-001';
for my $key (qw(changes denied epoch replicas)) {
	# In one step: a replica that finds nothing there restores it.
	$redis->command('EVAL', "redis.call('DEL', KEYS[1]) "
		. ($key eq 'epoch' ? "redis.call('RPUSH', KEYS[1], 'x')"
		: "redis.call('SET', KEYS[1], 'x')"), 1, "sallyport:$key");
	wait_until('it is told', sub {
		return (status($r[0])->{error} // '') =~ /WRONGTYPE/;
	}, 20);
	($code) = ctl_json($r[0]{socket}, 'deny', 'cn', "late-$key");
	is($code, 0, "changes are taken all the same: $key");
	$redis->command('DEL', "sallyport:$key");
	online(@r);
	$merged = join ' ', sort split(/ /, $merged), "cn:late-$key";
	all_have($merged, "after a wrong type at $key", @r);
}

# Each entry that an attacker writes there is refused.
$redis->command('XADD', 'sallyport:changes', '*', @$_) for
    ['k', 'cn evil', 'v', 'not a stamp'], ['x', 'y'],
    ['k', 'nothing', 'v', '0600000000000001 never '],
    ['k', 'clientid_re (((', 'v', '0600000000000001 never '],
    ['k', 'cn ' . 'x' x 70000, 'v', '0600000000000001 never '],
    ['k', 'sha256 00', 'v', '0600000000000001 never '];
ctl_json($r[0]{socket}, 'deny', 'cn', 'after');
$merged = "cn:after $merged";
all_have($merged, 'after bad entries', @r);
cmp_ok(status($r[1])->{refused}, '>=', 5, 'they were refused');

# A Redis server cannot admit a client that a file denies.
my $file = write_file(tmp('deny.csv'),
	"as,who,reason,until\nusername,device-001,own,\n");
chown +(getpwnam 'nobody')[2, 3], $file if $> == 0;
$r[5] = replica(file => $file);
online($r[5]);
ctl_json($r[0]{socket}, 'allow', 'username', 'device-001');
all_have($merged =~ s/ username:device-001//r, 'allowed', @r[0 .. 4]);
all_have($merged, 'but not by the file', $r[5]);
($code) = ctl_json($r[5]{socket}, 'deny', 'cn', 'here', '--local');
is($code, 0, 'deny --local');
like(read_file($file), qr/^cn,here,/m, 'goes to the file');
all_have($merged =~ s/ username:device-001//r, 'and nowhere else',
	@r[0 .. 4]);
($code) = ctl_json($r[5]{socket}, 'allow', 'username', 'device-001');
is($code, 0, 'allow takes it from the file as well');
unlike(read_file($file), qr/device-001/, 'it is gone');

like(http($r[0]{socket}, 'GET', '/metrics')->{body},
	qr/^sallyport_fleet_online 1$/m, 'metrics');
done_testing;
