# SPDX-License-Identifier: ISC
package Sallyport::Proc;

# Processes: start one with its output in a file, wait for a line in that
# file, end it, and only it.

use strict;
use warnings;

use POSIX qw(:sys_wait_h _exit dup dup2);
use Time::HiRes qw(time);

# Starts ARGV with stdin empty and all output appended to LOG. Fields: env (a
# hash), before (called in the child), drop (as root, become nobody first), fds
# (pairs of a socket and its name, passed as systemd does).
sub spawn
{
	my ($self, @argv) = @_;
	my $pid = fork // die "fork: $!";

	return $pid if $pid;
	alarm 0;
	$SIG{$_} = 'DEFAULT' for qw(ALRM PIPE INT TERM HUP);
	$ENV{$_} = $self->{env}{$_} for keys %{ $self->{env} || {} };
	pass_sockets(@{ $self->{fds} }) if $self->{fds};
	open STDIN, '<', '/dev/null' or _exit(127);
	open STDOUT, '>>', $self->{log} or _exit(127);
	open STDERR, '>&', \*STDOUT or _exit(127);
	$self->{before}->() if $self->{before};
	exec_as_nobody(@argv) if $self->{drop} && $> == 0;
	exec { $argv[0] } @argv or print "exec $argv[0]: $!\n";
	_exit(127);
}

# sd_listen_fds(3): descriptors from 3 on, for the process of LISTEN_PID.
sub pass_sockets
{
	my (@fds) = @_;
	my @kept = map { dup(fileno $_->[0]) } @fds;

	dup2($kept[$_], 3 + $_) for 0 .. $#kept;
	$ENV{LISTEN_PID} = $$;
	$ENV{LISTEN_FDS} = @fds;
	$ENV{LISTEN_FDNAMES} = join ':', map { $_->[1] } @fds;
}

# A daemon that drops root itself becomes undumpable, and then LeakSanitizer
# cannot look into it. So it starts without root; through its descriptor, for
# nobody may not even get into the folder where it was built.
sub exec_as_nobody
{
	my ($program, @args) = @_;
	my ($uid, $gid) = (getpwnam 'nobody')[2, 3];

	local $^F = 100; # no close-on-exec
	open my $fh, '<', $program or _exit(127);
	$( = $gid;
	$) = "$gid $gid";
	($<, $>) = ($uid, $uid);
	exec { '/proc/self/fd/' . fileno $fh } $program, @args
	    or print "exec $program: $!\n";
	_exit(127);
}

sub new
{
	my ($class, %self) = @_;

	return bless { read => 0, %self }, $class;
}

# Starts the process; the log is a file, emptied first.
sub launch
{
	my ($self, @argv) = @_;

	open my $fh, '>', $self->{log} or die "$self->{log}: $!";
	close $fh;
	$self->{pid} = $self->spawn(@argv);
	delete $self->{status};
	return $self;
}

# True if it is running. If not, remembers the exit status.
sub alive
{
	my ($self) = @_;

	return 0 if defined $self->{status} || !$self->{pid};
	my $got = waitpid $self->{pid}, WNOHANG;
	return 1 if $got == 0;
	$self->{status} = $?;
	return 0;
}

sub signal
{
	my ($self, $name) = @_;

	kill $name, $self->{pid} if $self->alive;
}

# Waits for the end; returns the exit status as in $?, undef after SECONDS.
sub wait_exit
{
	my ($self, $seconds) = @_;
	my $end = time + $seconds * ($self->{slow} || 1);

	while ($self->alive) {
		return if time > $end;
		select undef, undef, undef, 0.005;
	}
	return $self->{status};
}

sub text
{
	my ($self) = @_;

	open my $fh, '<:raw', $self->{log} or return '';
	local $/;
	return scalar <$fh> // '';
}

# Where the log ends now: pass it to wait_log to look only at what follows.
sub mark
{
	return -s $_[0]->{log} || 0;
}

# Waits for a whole line that matches; returns it, dies when it does not come.
sub wait_log
{
	my ($self, $pattern, %opt) = @_;
	my $end = time + ($opt{timeout} || 10) * ($self->{slow} || 1);
	my $from = $opt{from} || 0;

	for (;;) {
		my $running = $self->alive;
		my $line = $self->find_log($pattern, $from);
		return $line if defined $line;
		die "$self->{name} ended while waiting for $pattern\n"
		    unless $running;
		die "no log line of $self->{name} matches $pattern\n"
		    if time > $end;
		select undef, undef, undef, 0.005;
	}
}

# The first whole line after FROM that matches, or undef.
sub find_log
{
	my ($self, $pattern, $from) = @_;
	my $text = substr $self->text, $from || 0;

	while ($text =~ /^(.*)\n/mg) {
		my $line = $1;
		return $line if $line =~ $pattern;
	}
	return;
}

# Counts the lines after FROM that match. A thread of the daemon writes its log,
# so a line may come a moment after what it tells: the log must have rested.
sub count_log
{
	my ($self, $pattern, $from) = @_;
	my $text = $self->text;
	my $end = time + 2;

	for (my $rested = 0; $rested < 10 && time <= $end; $rested++) {
		select undef, undef, undef, 0.005 * ($self->{slow} || 1);
		$rested = 0 if length $self->text > length $text;
		$text = $self->text;
	}
	$text = substr $text, $from || 0;
	return scalar grep { $_ =~ $pattern } split /\n/, $text;
}

# Ends the process: TERM, then KILL. Returns what was wrong, or nothing.
sub stop
{
	my ($self) = @_;

	return unless $self->{pid};
	$self->signal($self->{stop_signal} || 'TERM');
	if (!defined $self->wait_exit(5)) {
		$self->signal('KILL');
		$self->wait_exit(5);
		return "$self->{name} had to be killed";
	}
	my $status = $self->{status};
	delete $self->{pid};
	return if $status == 0 || $self->{any_exit};
	return "$self->{name} ended with status "
	    . ($status & 127 ? "signal " . ($status & 127) : $status >> 8);
}

our $as_nobody = 0;

# Runs a program to its end: (exit code or -1, stdout, stderr).
sub run
{
	my ($seconds, @argv) = @_;

	pipe my $out_r, my $out_w or die "pipe: $!";
	pipe my $err_r, my $err_w or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		alarm 0;
		$SIG{$_} = 'DEFAULT' for qw(ALRM PIPE INT TERM HUP);
		open STDIN, '<', '/dev/null' or _exit(127);
		open STDOUT, '>&', $out_w or _exit(127);
		open STDERR, '>&', $err_w or _exit(127);
		close $_ for $out_r, $out_w, $err_r, $err_w;
		exec_as_nobody(@argv) if $as_nobody && $> == 0;
		exec { $argv[0] } @argv or _exit(127);
	}
	close $out_w;
	close $err_w;
	my %text = (out => '', err => '');
	my %open = (out => $out_r, err => $err_r);
	my $end = time + $seconds;
	while (%open) {
		my $bits = '';
		vec($bits, fileno $_, 1) = 1 for values %open;
		my $left = $end - time;
		last if $left <= 0;
		next if select(my $ready = $bits, undef, undef, $left) <= 0;
		for my $key (keys %open) {
			next unless vec $ready, fileno $open{$key}, 1;
			my $n = sysread $open{$key}, $text{$key}, 65536,
			    length $text{$key};
			delete $open{$key} unless $n;
		}
	}
	kill 'KILL', $pid if %open;
	waitpid $pid, 0;
	return ($? & 127 ? -1 : $? >> 8, $text{out}, $text{err});
}

# The same; root becomes nobody first, as a daemon under test does.
sub run_as_nobody
{
	local $as_nobody = 1;

	return run(@_);
}

1;
