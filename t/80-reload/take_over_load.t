#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# A take-over while devices connect without a pause: no session is lost and no
# connection is refused or reset, again and again. UPGRADE_SESSIONS (100) devices are
# connected all the time, UPGRADE_TIMES (4) programs take over.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Sallyport;
use Sallyport::Admin;
use Time::HiRes qw(time);

my $count = $ENV{UPGRADE_SESSIONS} || 100;
my $times = $ENV{UPGRADE_TIMES} || 4;
my $socket = tmp('admin.sock');
my (@children, %broker);

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

# A broker that accepts every client, and answers pings.
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

my %daemon = (admin_socket => $socket, take_over_drain => '7d',
	log_level => 'warn', drain_timeout => '500ms');
my @sections = (backend =>
	{ address => '127.0.0.1:' . $listening->sockport });

sub program
{
	my (%kit) = @_;

	return sallyport(@sections, daemon => \%daemon,
		kit => { any_exit => 1, %kit });
}

sub comes_in
{
	my ($from, $port, $id) = @_;
	my $c = $from->tls(port => $port, device => 'ec');

	$c->send(mqtt_connect(clientid => $id));
	die "no CONNACK\n" unless $c->packet eq mqtt_connack();
	return $c;
}

my $now = program();
my $port = $now->port('tls');

# Devices that connect and leave, one after the other, until the file is
# removed. What fails for any of them is written to another file.
my $goes_on = write_file(tmp('goes_on'), '');
my $report = tmp('report');
my $visitors = child(sub {
	my $from = peer('visitors');
	my ($done, $failed) = (0, '');

	while (-e $goes_on && $failed eq '') {
		eval {
			comes_in($from, $port, 'visitor')->close;
			++$done;
		} or $failed = $@ || 'unknown';
		write_file("$report.new", "$done $failed");
		rename "$report.new", $report;
	}
	$from->stop;
	POSIX::_exit(0);
});

sub visits
{
	return (read_file($report) =~ /^(\d+)/)[0] // 0;
}

sub more_visits
{
	my $until = visits() + 20;

	wait_until('devices connect', sub {
		die read_file($report) . "\n" if read_file($report) =~ /\d \S/;
		return visits() >= $until;
	}, 30);
}

my $began = time;
# A peer has room for some hundred connections.
my @held = map { comes_in(peer('held' . int $_ / 200), $port, "held$_") }
    1 .. $count;
more_visits();
for my $turn (1 .. $times) {
	my $old = $now;

	# One that is killed while it asks.
	my $victim = Sallyport::Proc->new(name => "victim$turn", slow => slow,
		log => tmp("victim$turn.log"), drop => 1, any_exit => 1);
	$old->signal('STOP');
	$victim->launch($old->{program}, '--take-over', '-c', $old->{ini});
	wait_until('it asks', sub {
		return grep { (readlink $_ // '') =~ /^socket:/ }
		    glob "/proc/$victim->{pid}/fd/*";
	}, 20);
	$victim->signal('KILL');
	$victim->wait_exit(10);
	$old->signal('CONT');
	more_visits();

	$now = program(args => ['--take-over']);
	wait_until('it has taken over', sub {
		my ($code, $status) = ctl_json($socket, 'status');
		return $code == 0 && $status->{process}{pid} == $now->{pid};
	}, 30);
	is($now->port('tls'), $port, "take-over $turn: the same port");
	more_visits();
	diag(sprintf 'take-over %d: the old program has %.1f MiB, the new %.1f',
	    $turn, $old->rss / 1024, $now->rss / 1024);
}
unlink $goes_on;
waitpid $visitors, 0;
my ($done, $failed) = read_file($report) =~ /^(\d+) ?(.*)/s;
is($failed, '', 'no device was refused');
my $lost = grep {
	my $c = $_;
	!eval { $c->send(mqtt_pingreq); $c->packet eq mqtt_pingresp };
} @held;
is($lost, 0, "no session of $count was lost");
diag(sprintf '%d sessions live, %d connections (%.0f a second), %d ' .
    'take-overs: %d lost', $count, $done, $done / (time - $began), $times,
    $lost);
done_testing;
