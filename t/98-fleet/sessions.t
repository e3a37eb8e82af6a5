#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# sessions_per_certificate and the suspicion of a clone across replicas: the
# limit counts everywhere, the oldest session goes wherever it is, and a replica
# that dies, stands still or lost the Redis server leaves nothing behind.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
BEGIN { $ENV{SALLYPORT_TEST_LIMIT} ||= 150 }
use Sallyport;
use Sallyport::Admin;
use Sallyport::Redis;

my $redis = redis();
my $broker = peer('broker')->listen;
my $n = 0;

sub replica
{
	my ($tls, %fleet) = @_;
	my $name = 'r' . ++$n;
	my $r = sallyport(
		daemon => { admin_socket => tmp("$name.sock"), workers => 2,
			drain_timeout => '1s' },
		tls => $tls,
		backend => { address => $broker->address },
		fleet => { address => $redis->address, name => $name,
			prefix => $fleet{prefix} // 'sallyport',
			when_down => $fleet{when_down} // 'local' });

	$r->{socket} = tmp("$name.sock");
	wait_until("$name is online", sub {
		my $s = (ctl_json($r->{socket}, 'status'))[1]{fleet};
		return $s->{online} && $s->{sessions_shared};
	}, 30);
	return $r;
}

sub connects
{
	my ($r, $device, $from) = @_;
	my $c = peer->tls(port => $r->port('tls'), device => $device,
		$from ? (from => $from) : ());

	$c->send(mqtt_connect(version => 5, clientid => $device));
	return $c;
}

sub session
{
	my $c = connects(@_);
	my $b = $broker->accept;

	$b->packet;
	$b->send(mqtt_connack(properties => ''));
	$c->packet;
	return { c => $c, b => $b };
}

sub lives
{
	my ($s, $what) = @_;

	$s->{c}->send(mqtt_pingreq);
	is(hex($s->{b}->packet), hex(mqtt_pingreq), $what);
}

sub is_refused
{
	my ($r, $device, $code, $what) = @_;

	like(hex(connects($r, $device)->ended->{bytes}), qr/^20..00$code/,
		$what);
}

sub ends
{
	my ($s) = @_;

	$s->{c}->close;
	$s->{b}->ended;
	$s->{b}->close;
}

# What the Redis server has of all replicas: certificates in use.
sub leases
{
	my ($prefix) = @_;
	my $count = 0;

	for my $key (@{ $redis->command('KEYS', "$prefix:in:*") }) {
		$count += $redis->command('HLEN', $key);
	}
	return $count;
}

sub leases_are
{
	my ($count, $what, $prefix) = @_;
	my $have;

	eval {
		wait_until($what, sub {
			return ($have = leases($prefix // 'sallyport')) == $count;
		}, 20);
	};
	is($have, $count, $what);
}

# refuse
my %limit = (sessions_per_certificate => 1);
my ($one, $two) = (replica(\%limit), replica(\%limit));
wait_until('they know each other', sub {
	return !grep {
		@{ (ctl_json($_->{socket}, 'status'))[1]{fleet}{replicas} } != 2
	} $one, $two;
}, 20);
my $first = session($one, 'ec');
is_refused($two, 'ec', '97', 'a second session on the other replica');
ok($two->wait_close('identity_sessions'), 'identity_sessions');
is_refused($one, 'ec', '97', 'and on the same');
my $else = session($two, 'bare');
pass('another certificate is let in');
lives($first, 'the first one stays');
ends($first);
leases_are(1, 'its end is known');
$first = session($two, 'ec');
pass('then the other replica takes it');
is_refused($one, 'ec', '97', 'and this one does not');

# A replica that is drained leaves at once; one that is killed after a while.
$two->stop;
leases_are(0, 'a replica that leaves takes its leases along');
$first = session($one, 'ec');
ends($first);
leases_are(0, 'nothing is left');
$two = replica(\%limit);
my $orphan = session($two, 'ec');
is_refused($one, 'ec', '97', 'it is in elsewhere');
$two->{any_exit} = 1;
my $killed = time;
$two->signal('KILL');
$two->wait_exit(10);
is_refused($one, 'ec', '97', 'a moment after the crash it still counts');

# Meanwhile: kick_oldest, with two sessions for each certificate.
my %kick = (sessions_per_certificate => 2, on_excess => 'kick_oldest');
my @k = map { replica(\%kick, prefix => 'kick') } 1 .. 3;
wait_until('they know each other', sub {
	return !grep {
		@{ (ctl_json($_->{socket}, 'status'))[1]{fleet}{replicas} } != 3
	} @k;
}, 20);
my @s = map { session($k[$_], 'ec') } 0, 1;
lives($s[0], 'two are allowed');
push @s, session($k[2], 'ec');
is(hex($s[0]{c}->ended->{bytes}), 'e0028e00',
	'the third ends the oldest, on another replica');
ok($k[0]->wait_close('relay_replaced'), 'relay_replaced');
lives($s[$_], "session $_ stays") for 1, 2;
push @s, session($k[1], 'ec');
is(hex($s[1]{c}->ended->{bytes}), 'e0028e00',
	'the fourth ends the oldest, on its own replica');
lives($s[$_], "session $_ stays") for 2, 3;

# The orphan of the crash ends with the lease.
wait_until('no orphan', sub {
	return leases('sallyport') == 0;
}, 30);
cmp_ok(time - $killed, '<=', 16 + 2 * slow, 'the orphan has ended in time');
my $in = session($one, 'ec');
lives($in, 'its certificate is let in again');

# The Redis server comes back empty: the replicas say again what they have.
$redis->crash;
$redis->start or die 'no redis';
sub all_back
{
	for my $r (@k) {
		wait_until('it is back', sub {
			(ctl_json($r->{socket}, 'status'))[1]{fleet}
			    {sessions_shared};
		}, 20);
	}
	wait_until('all hear', sub {
		return 3 == @{ $redis->command('PUBSUB', 'CHANNELS',
			'kick:to:*') };
	}, 20);
}
leases_are(2, 'after an empty restart', 'kick');
all_back();
push @s, session($k[0], 'ec');
is(hex($s[2]{c}->ended->{bytes}), 'e0028e00', 'the limit holds');
lives($s[$_], "session $_ stays") for 3, 4;
$redis->command('FLUSHALL');
leases_are(2, 'after FLUSHALL', 'kick');

wait_until('they know each other again', sub {
	return ($redis->command('ZCARD', 'kick:replicas') // 0) == 3;
}, 20);

# A suspicion.
my $thief = session($k[2], 'bare', '127.0.0.9');
my $owner = session($k[1], 'bare');
ok($k[1]->wait_log(qr/event=clone_suspect .*127\.0\.0\.9/),
	'a certificate from two addresses on two replicas');
ends($_) for $thief, $owner;

# A hostile Redis server: leases and messages that are none.
my ($key) = @{ $redis->command('KEYS', 'kick:in:*') };
my ($cert) = @{ $redis->command('HKEYS', $key) };
$redis->command('HSET', $key, $cert, $_), ends(session($k[0], 'ec'))
    for 'x', '1', '-1 1 1 h', '99999999999999999999 1 1 x', "1 1 1 \0 x",
    '1 1 1 ' . 'y' x 100000;
$redis->command('PUBLISH', 'kick:to:' . $key =~ s/.*://r, $_)
    for 'out', 'out ', 'out ' . 'z' x 64, 'out ' . 'ab' x 31, '';
$redis->command('DEL', $key);
$redis->command('SET', $key, 'x');
my $other = session($k[0], 'bare');
lives($other, 'sessions come in all the same');
$redis->command('DEL', $key);

# The Redis server cannot be reached: this replica counts alone, or refuses
# clients.
my $strict = replica(\%limit, prefix => 'strict', when_down => 'refuse');
my $kept = session($strict, 'ec');
$redis->crash;
for my $r ($strict, $one) {
	wait_until('the loss is noticed', sub {
		!(ctl_json($r->{socket}, 'status'))[1]{fleet}{sessions_shared};
	}, 20);
}
is_refused($strict, 'bare', '88', 'when_down = refuse');
ok($strict->wait_close('identity_fleet'), 'identity_fleet');
lives($kept, 'who is in stays in');
my $alone = session($one, 'bare');
lives($alone, 'when_down = local');
is_refused($one, 'bare', '97', 'its own sessions count');
ok($one->wait_log(qr/event=fleet_alone/), 'it says so');
# A pause of the Redis server: no client waits for long.
$redis->start or die 'no redis';
wait_until('it is back', sub {
	(ctl_json($strict->{socket}, 'status'))[1]{fleet}{sessions_shared};
}, 20);
$redis->signal('STOP');
my $at = time;
is_refused($strict, 'bare', '88', 'a Redis server that hangs');
cmp_ok(time - $at, '<', 10 * slow, 'is not waited for');
$redis->signal('CONT');
done_testing;
