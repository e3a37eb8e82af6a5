#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Signals: those that log rotation sends end no session, nor does the kernel's
# SIGIO; and none is lost while the daemon starts, not even as process 1.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = peer('broker')->listen;
my $log = tmp('daemon.log');
my %config = (
	backend => { address => $broker->address },
	daemon => { log => $log, user => undef },
);
my $proxy = sallyport(%config);

my $client = peer->tls(device => 'ec', port => $proxy->port('tls'));
my $session = $broker->session($client);

sub lives
{
	my ($what) = @_;

	$client->send(mqtt_pingreq);
	is(hex($session->packet), hex(mqtt_pingreq), $what);
}

sub wait_text
{
	my ($what, $re) = @_;

	wait_until($what, sub { -e $log && read_file($log) =~ $re });
	pass($what);
}

wait_text('the log is open', qr/event=ready/);
rename $log, "$log.1" or die $!;
$proxy->signal('USR1');
wait_text('SIGUSR1 opens the log again', qr/event=log .*opened again/);
lives('and the session lives');
$proxy->signal('USR2');
wait_text('SIGUSR2 is ignored, and logged', qr/event=signal .*SIGUSR2/);
$proxy->signal('IO');
lives('and the session lives');

# A log that cannot be opened does not keep the rest from taking effect.
$proxy->write_ini(%config, daemon => { log => tmp('none') . '/x.log' },
	identity => { username => 'new-${cn}' });
$proxy->signal('HUP');
wait_text('a log that cannot be opened is a warning',
	qr/event=reload_warning .*the log stays where it is/);
wait_text('and the reload counts', qr/generation 2 in force.* cause=signal/);
lives('and the session lives');
$_->close for $client, $session;
$proxy->stop;

# While it starts: a deny list that takes a while to read.
my $deny = write_file(tmp('deny.csv'), "as,who,reason,until\n" .
	join('', map { "clientid,device-$_,,\n" } 1 .. 300_000));

sub launch
{
	my ($name, @before) = @_;
	my %defaults = $proxy->defaults;
	# The sandbox is off in a build with a sanitizer: the search for leaks at
	# the exit stops the other threads by ptrace, which the sandbox forbids,
	# and then the status is 1.
	my $ini = write_file(tmp("$name.ini"), Sallyport::Daemon::ini_text(
		%defaults,
		daemon => { workers => 1, watch_interval => 0,
			sandbox => $defaults{daemon}{sandbox},
			user => @before ? 'nobody' : undef },
		denylist => { file => $deny }));
	my $started = Sallyport::Proc->new(name => $name, drop => !@before,
		log => tmp("$name.log"));

	$started->launch(@before, $proxy->{program}, '-c', $ini);
	return $started;
}

# The daemon itself, where another program has started it.
sub daemon_of
{
	my ($pid, $wrapped) = @_;
	my $child = $pid;

	return $pid unless $wrapped;
	wait_until('the program is started', sub {
		open my $fh, '<', "/proc/$pid/task/$pid/children" or return 0;
		($child) = (<$fh> // '') =~ /^(\d+)/;
		return defined $child;
	});
	return $child;
}

# It has blocked its signals, so its start has begun.
sub wait_blocked
{
	my ($pid) = @_;

	wait_until('it has begun', sub {
		return 0 if read_file("/proc/$pid/cmdline") !~ /^[^\0]*sallyport\0/;
		return read_file("/proc/$pid/status")
		    =~ /^SigBlk:\s+0*[1-9a-f]/m;
	});
}

{
	my $started = launch('hup');
	wait_blocked($started->{pid});
	$started->signal($_) for qw(IO XFSZ PIPE HUP);
	wait_until('SIGHUP during the start', sub {
		$started->text =~ /generation 2 in force/ || !$started->alive
	});
	ok($started->alive, 'SIGHUP during the start reloads, others do nothing');
	$started->signal('INT');
	is($started->wait_exit(10), 0, 'and it ends as usual');
}
for my $wrapper ([], [qw(unshare -fp --kill-child)]) {
	my $what = @$wrapper ? 'as process 1' : 'SIGTERM during the start';
SKIP: {
	skip 'needs root', 1 if @$wrapper && $> != 0;
	my $started = launch(@$wrapper ? 'one' : 'term', @$wrapper);
	my $daemon = daemon_of($started->{pid}, scalar @$wrapper);
	wait_blocked($daemon);
	kill 'TERM', $daemon;
	is($started->wait_exit(10), 0, "$what: it ends as usual");
}
}
done_testing;
