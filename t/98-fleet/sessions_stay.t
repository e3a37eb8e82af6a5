#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The Redis server is killed under sessions on three replicas, comes back empty,
# and again: no session is lost, and at no moment is a client let in that was
# denied, before or meanwhile. FLEET_SESSIONS (90) sessions, FLEET_DEATHS (2).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
BEGIN { $ENV{SALLYPORT_TEST_LIMIT} ||= 150 }
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Sallyport;
use Sallyport::Admin;
use Sallyport::Redis;

my $count = $ENV{FLEET_SESSIONS} || 90;
my $deaths = $ENV{FLEET_DEATHS} || 2;
my $redis = redis();
my $pki = pki;
my @children;

$pki->make($_, subject => "/CN=$_", key => 'ec')
    for 'stolen', 'allowed', map { "lost$_" } 1 .. $deaths;

# A process of its own that runs CODE until it is ended.
sub child
{
	my ($code) = @_;
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		alarm 0;
		$SIG{$_} = 'DEFAULT' for qw(TERM INT HUP ALRM);
		eval { $code->() };
		print STDERR $@;
		POSIX::_exit(1);
	}
	push @children, $pid;
	return $pid;
}

END { kill 'KILL', @children if @children }

# A broker that accepts every client, and answers a ping.
my $listening = IO::Socket::INET->new(Listen => 1000,
	LocalAddr => '127.0.0.1:0') or die "listen: $!";
child(sub {
	my $all = IO::Select->new($listening);
	while (my @ready = $all->can_read) {
		for my $s (@ready) {
			if ($s == $listening) {
				$all->add(my $c = $s->accept // next);
				next;
			}
			my $n = sysread $s, my $bytes, 4096;
			if (!$n) {
				$all->remove($s);
				close $s;
				next;
			}
			syswrite $s, "\x20\2\0\0" if $bytes =~ /^\x10/;
			syswrite $s, "\xd0\0" x (() = $bytes =~ /\xc0\0/g)
			    if $bytes !~ /^\x10/;
		}
	}
});

my @r = map {
	my $r = sallyport(
		daemon => { admin_socket => tmp("r$_.sock"), workers => 2,
			log_level => 'info' },
		tls => { sessions_per_certificate => 100_000 },
		limits => { connections_per_address => 0,
			connections_per_prefix => 0, handshake_rate => 0,
			prefix_rate => 0 },
		backend => { connect_rate => 0,
			address => '127.0.0.1:' . $listening->sockport },
		fleet => { address => $redis->address, name => "r$_",
			copy => tmp("r$_.copy") });
	$r->{socket} = tmp("r$_.sock");
	$r;
} 1 .. 3;

sub status
{
	return (ctl_json($_[0]{socket}, 'status'))[1]{fleet} // {};
}

sub online
{
	for my $r (@r) {
		wait_until('a replica is online', sub {
			my $s = status($r);
			return $s->{online} && $s->{sessions_shared};
		}, 30);
	}
}

sub all_have
{
	my ($entries, $what) = @_;

	for my $r (@r) {
		wait_until($what,
			sub { status($r)->{entries} == $entries }, 30);
	}
	pass($what);
}

# Tries a device; what it gets. "" if it is closed without an answer.
sub tries
{
	my ($from, $r, $device) = @_;
	my $c = $from->try_tls(port => $r->port('tls'), device => $device);

	$c->try_send(mqtt_connect(clientid => $device))
	    if $c->{tls}{status} eq 'ok';
	my $got = $c->ended;
	$c->close;
	return hex($got->{bytes} // '');
}

# Denied clients that try again and again at all replicas, and what one of them
# got that is not a refusal.
my $goes_on = write_file(tmp('goes_on'), '');
my $report = tmp('report');
my $names = tmp('names');

sub denies
{
	my ($r, $device) = @_;

	is((ctl_json($r->{socket}, 'deny', 'cn', $device))[0], 0,
		"deny $device");
}

sub now_tries
{
	write_file("$names.new", join "\n", @_);
	rename "$names.new", $names;
}

sub start_thieves
{
	return child(sub {
		my $from = peer('thieves');
		my ($done, $in) = (0, '');

		while (-e $goes_on && $in eq '') {
			for my $try (split /\n/, read_file($names)) {
				my ($n, $device) = split / /, $try;
				my $got = tries($from, $r[$n], $device);

				$in = "$device at $n: $got"
				    if $got =~ /^20020000/;
				++$done;
			}
			write_file("$report.new", "$done $in");
			rename "$report.new", $report;
		}
		$from->stop;
		POSIX::_exit(0);
	});
}

sub more_tries
{
	my $tries = sub { (read_file($report) =~ /^(\d+)/)[0] // 0 };
	my $until = $tries->() + 20;

	wait_until('denied clients try', sub {
		return $tries->() >= $until || read_file($report) =~ /^\d+ ./;
	}, 40);
}

online();
denies($r[0], 'stolen');
denies($r[1], 'allowed');
all_have(2, 'denied on all');
is((ctl_json($r[2]{socket}, 'allow', 'cn', 'allowed'))[0], 0, 'allow');
all_have(1, 'allowed on all');
my @tries = map { "$_ stolen" } 0 .. 2;
now_tries(@tries);

# A peer has room for some hundred connections.
my @held = map {
	my $c = peer('held' . int $_ / 200)->tls(
		port => $r[$_ % 3]->port('tls'), device => 'ec');

	$c->send(mqtt_connect(clientid => "held$_"));
	die "no CONNACK\n" unless $c->packet eq mqtt_connack();
	$c;
} 1 .. $count;
start_thieves();
more_tries();
for my $death (1 .. $deaths) {
	$redis->crash;
	more_tries();
	for my $r (@r) {
		wait_until('the loss is noticed',
			sub { !status($r)->{online} }, 30);
	}
	# Denied on one replica while there is no Redis server.
	my $at = $death % 3;
	denies($r[$at], "lost$death");
	now_tries(@tries, "$at lost$death");
	more_tries();
	$redis->start or die 'no redis';
	more_tries();
	online();
	all_have(1 + $death, "death $death: denied on all");
	push @tries, map { "$_ lost$death" } 0 .. 2;
	now_tries(@tries);
	more_tries();
}
unlink $goes_on;
waitpid $children[-1], 0;
my ($done, $in) = read_file($report) =~ /^(\d+) ?(.*)/s;
is($in, '', 'no denied client was let in');
my $owner = peer('owner')->tls(port => $r[0]->port('tls'),
	device => 'allowed');
$owner->send(mqtt_connect(clientid => 'owner'));
is(hex($owner->packet), hex(mqtt_connack()), 'one that was allowed is');
my $lost = grep {
	my $c = $_;
	!eval { $c->send(mqtt_pingreq); $c->packet eq mqtt_pingresp };
} @held;
if (my $file = $ENV{FLEET_FIGURES}) {
	open my $f, '>>', $file or die "$file: $!";
	print $f "fleet_lost $lost\n";
	close $f;
}
is($lost, 0, "no session of $count was lost");
diag("$count sessions live, $done tries of denied clients, $deaths deaths of "
    . "the Redis server: $lost lost");
# A drain of so many would take a while.
peer("held$_")->stop for 0 .. int(($count - 1) / 200);
done_testing;
