#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The connection to the fleet's Redis server: logins, TLS, a user with few
# rights, several addresses, a unix socket; and two replicas that were cut off
# from it on their own.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
# Many daemons, one after the other, on a machine that may be busy.
BEGIN { $ENV{SALLYPORT_TEST_LIMIT} ||= 120 }
use Sallyport;
use Sallyport::Admin;
use Sallyport::DenyList;
use Sallyport::Netns;
use Sallyport::Redis;

my $missing = Sallyport::Netns::move_in();
my $pki = pki;
my $n = 0;

sub replica
{
	my ($kit, %fleet) = @_;
	my $name = 'r' . ++$n;
	my $r = sallyport(kit => $kit,
		daemon => { admin_socket => tmp("$name.sock"), workers => 1 },
		fleet => { name => $name, %fleet });

	$r->{socket} = tmp("$name.sock");
	return $r;
}

sub status
{
	return (ctl_json($_[0]{socket}, 'status'))[1]{fleet} // {};
}

sub online
{
	my ($what, @replicas) = @_;

	for my $r (@replicas) {
		ok(eval {
			wait_until($what, sub { status($r)->{online} }, 20);
		}, $what) or diag(status($r)->{error});
	}
}

sub fails
{
	my ($r, $error, $what) = @_;
	my $got;

	eval {
		wait_until($what, sub {
			return ($got = status($r)->{error} // '') =~ $error;
		}, 20);
	};
	like($got, $error, $what);
}

# The rights of etc/doc/fleet.md.
my ($rights) = read_file(srcdir . '/etc/doc/fleet.md') =~
    /^(user sallyport .*)$/m or die 'no ACL in the guide';
my $redis = redis(config => "$rights\nuser default off\n");

# A password, wrong and right; an editor has put a byte order mark before it.
my $file = write_file(tmp('password'), "wrong\n");
my $r = replica({}, address => $redis->address, username => 'sallyport',
	password_file => $file);
fails($r, qr/login refused: WRONGPASS/, 'a wrong password is told');
write_file($file, "\xef\xbb\xbfchange-me\r\n");
is((ctl_json($r->{socket}, 'reload'))[0], 0, 'the right one, by a reload');
online('the user of the guide has the rights it needs', $r);
is((ctl_json($r->{socket}, 'deny', 'cn', 'a'))[0], 0, 'deny');
all_have('a', 'in force', $r);
my $other = replica({}, address => $redis->address, username => 'sallyport',
	password_file => $file);
online('another one', $other);
wait_until('they know each other', sub {
	return @{ status($r)->{replicas} // [] } == 2;
}, 20);
my ($code, $answer) = ctl_json($r->{socket}, '--fleet', 'status');
is($code, 0, 'and can ask each other');
is($answer->{fleet}{answered}, 2, 'and answer');
$other->stop;
$redis->{login} = ['sallyport', 'change-me'];
for (['FLUSHALL'], ['CONFIG', 'GET', '*'], ['GET', 'other'], ['KEYS', '*']) {
	ok(!eval { $redis->command(@$_); 1 }, "and no others: $_->[0]");
}
my $bare = replica({}, address => $redis->address);
fails($bare, qr/login refused: NOAUTH/, 'no password is told');
$bare->stop;
$r->stop;

# TLS on both sides, and the wrong CA.
my %tls = map { $_ => tmp("redis.$_") } qw(crt key ca);
write_file($tls{crt}, read_file($pki->cert('server')));
write_file($tls{key}, read_file($pki->key('server')));
write_file($tls{ca}, read_file($pki->cert('client-ca')));
my $port = free_port;
my $secret = redis(config => "port 0\ntls-port $port\n"
	. "tls-cert-file $tls{crt}\ntls-key-file $tls{key}\n"
	. "tls-ca-cert-file $tls{ca}\ntls-auth-clients yes\n");
SKIP: {
	skip('this server has no TLS', 4)
	    unless eval { $secret->wait_log(qr/Ready to accept/); 1 };
	my %to = (address => "localhost:$port", tls => 'on');
	my $ca = write_file(tmp('ca.crt'), read_file($pki->cert('other-ca')));

	$r = replica({}, %to, ca => $ca, certificate => $pki->cert('ec'),
		private_key => $pki->key('ec'));
	fails($r, qr/localhost:\d+: (?:unable to get|certificate verify)/i,
		'a certificate of another CA');
	write_file($ca, read_file($pki->cert('server-ca')));
	is((ctl_json($r->{socket}, 'reload'))[0], 0, 'the right CA');
	online('TLS on both sides', $r);
	$r->stop;
	$r = replica({}, %to, ca => $ca, server_name => 'another.example',
		certificate => $pki->cert('ec'),
		private_key => $pki->key('ec'));
	fails($r, qr/mismatch/i, 'a certificate of another name');
	$r->stop;
}
$secret->stop;

# Two addresses: the first cannot be written to, being a replica of the other.
my $main = redis();
my $copy = redis(config => "replicaof $main->{host} $main->{port}\n");
$r = replica({}, address => $copy->address . ', ' . $main->address);
online('a Redis server that is read-only is passed over', $r);
is(status($r)->{address}, $main->address, 'the other one is taken');
$main->crash;
$copy->command('REPLICAOF', 'NO', 'ONE');
wait_until('it has the other one', sub {
	my $s = status($r);
	return $s->{online} && $s->{address} eq $copy->address;
}, 20);
pass('and the first one when it takes over');
$r->stop;
$copy->stop;

# One line says that there is none, not one for each connection.
$r = replica({}, address => '127.0.0.1:' . free_port);
fails($r, qr/Connection refused/, 'no Redis server');
is($r->count_log(qr/event=fleet_down/), 1, 'is logged once');
$r->stop;

# A unix socket.
my $path = tmp('redis.sock');
my $local = redis(config => "port 0\nunixsocket $path\nunixsocketperm 777\n");
$r = replica({}, address => "unix:$path");
online('a unix socket', $r);
$r->stop;
$local->stop;

# The configuration of a replica with VALUES in [fleet].
sub fleet_ini
{
	my ($values) = @_;

	return write_file(tmp('fleet.ini'), read_file($r->{ini}) =~
	    s/^\[fleet\]\n(?:\w.*\n)*/[fleet]\n$values\n/mr);
}

# Bad values are refused by -t.
for (
	["address = 127.0.0.1:1\ntls = on", qr/ca: is missing/],
	["address = 127.0.0.1:1\nca = $tls{ca}", qr/ca: has no use/],
	["address = 127.0.0.1:1\nusername = x", qr/username: has no use/],
	["address = 127.0.0.1:1\nprefix = a b", qr/prefix: "a b"/],
	["address = 127.0.0.1:1\npassword = x\npassword_file = $tls{ca}",
		qr/password_file: and password/],
	['name = alone', qr/address: is missing/],
	["address = 127.0.0.1:1\ncopy = /nowhere/x", qr/copy: /],
	["address = 127.0.0.1:1\ncopy = " . tmp(), qr/copy: /],
	["address = 127.0.0.1:1\ncopy = $tls{ca}", qr/is not a whole copy/],
) {
	my ($values, $error) = @$_;
	my $ini = fleet_ini($values);
	my ($code, undef, $err) = sallyport_check('-c', $ini);

	is($code, 78, (split /\n/, $values)[-1]);
	like($err, $error, 'and it says what is wrong');
	next if $values !~ /copy/;
	is((sallyport_run('-c', $ini))[0], 78, 'nor does it start');
}

# A file whose first line cannot be a password.
for (
	["\xff\xfes\0", qr/UTF-16/],
	["a\0b\n", qr/NUL/],
	["\xef\xbb\xbf\n", qr/empty/],
) {
	my ($content, $error) = @$_;
	my $secret = write_file(tmp('bad.password'), $content);
	my $ini = fleet_ini("address = 127.0.0.1:1\npassword_file = $secret");
	my ($code, undef, $err) = sallyport_check('-c', $ini);

	is($code, 78, 'a bad password file is refused');
	like($err, qr/password_file: .*$error/, 'and it says what is wrong');
}

# A secret that everybody may read is warned of.
for ([0644, 1], [0640, 0]) {
	my ($mode, $warned) = @$_;
	my $secret = write_file(tmp('open.password'), "secret\n");
	my $ini = fleet_ini("address = 127.0.0.1:1\npassword_file = $secret");

	chmod $mode, $secret;
	my (undef, undef, $err) = sallyport_run('-t', '-c', $ini);
	is(0 + ($err =~ /password_file: .*everybody may read/), $warned,
		sprintf 'a password file of mode %o', $mode);
}

# Two replicas, each cut off on its own; both go on, and have all afterwards.
SKIP: {
	skip($missing, 6) if defined $missing;
	my @at = map { Sallyport::Netns->new(@$_) } ['redis', 10],
	    ['one', 11], ['two', 12];
	my $redis = redis(host => $at[0]->address, before => $at[0]->enter,
		config => "protected-mode no\n");
	my @two = map {
		replica({ before => $at[$_]->enter },
			address => $redis->address)
	} 1, 2;
	online('both are there', @two);
	ctl_json($two[0]{socket}, 'deny', 'cn', $_) for qw(both gone);
	all_have('both gone', 'before the cut', @two);
	Sallyport::Netns::ip('link', 'set', "to-$_", 'down') for qw(one two);
	wait_until('the cut is noticed',
		sub { !grep { status($_)->{online} } @two }, 20);
	ctl_json($two[0]{socket}, 'deny', 'cn', 'by-one');
	ctl_json($two[1]{socket}, 'deny', 'cn', 'by-two');
	ctl_json($two[1]{socket}, 'allow', 'cn', 'gone');
	is(denied($two[0]), 'both by-one gone', 'one goes on alone');
	Sallyport::Netns::ip('link', 'set', "to-$_", 'up') for qw(one two);
	all_have('both by-one by-two', 'after the cut', @two);
}
done_testing;
