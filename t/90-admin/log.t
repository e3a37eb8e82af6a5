#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The log is never waited for: a stuck reader, closed descriptors, files of root
# and of the daemon's user, syslogd absent, late, restarted and stuck.
use strict;
use warnings;
use Fcntl;
use FindBin;
use IO::Socket::UNIX;
use POSIX ();
use lib "$FindBin::Bin/../lib";
use Sallyport;

# A /dev of our own, for /dev/log.
if ($> == 0 && ($ENV{SALLYPORT_OWN_DEV} // '') ne $0
    && (Sallyport::Proc::run(10, 'unshare', '-m', 'true'))[0] == 0) {
	$ENV{SALLYPORT_OWN_DEV} = $0;
	exec 'unshare', '-m', '--propagation', 'private', $^X, $0;
}

my $broker = peer('broker')->listen;
my @sessions;

# A device that comes in, and its session at the broker.
sub session
{
	my ($proxy) = @_;
	my $client = peer->tls(device => 'ec', port => $proxy->port('tls'));
	my $session = $broker->session($client);
	push @sessions, $client, $session;
	return [$client, $session];
}

sub lives
{
	my ($session, $what) = @_;

	$session->[0]->send(mqtt_pingreq);
	is(hex($session->[1]->packet), hex(mqtt_pingreq), $what);
}

sub leave
{
	$_->close for splice @sessions;
}

sub log_dropped
{
	my ($proxy) = @_;
	my ($address) = $proxy->ports('http_listen');
	my $http = IO::Socket::IP->new(PeerHost => '127.0.0.1',
		PeerPort => $address, Timeout => 5) or return;

	print $http "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n";
	local $/;
	return <$http> =~ /^sallyport_log_dropped_total (\d+)/m ? $1 : undef;
}

# Stderr is a pipe that is not read.
{
	pipe my $reader, my $writer or die $!;
	fcntl $writer, 1031, 4096; # F_SETPIPE_SZ
	my $proxy = sallyport(
		kit => { before => sub { open STDERR, '>&', $writer or die } },
		daemon => { http_listen => '127.0.0.1:0' },
		backend => { address => $broker->address });
	close $writer;
	my $live = session($proxy);
	# More than the pipe takes.
	for (1 .. 40) {
		my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));
		$c->send('not a CONNECT' . 'x' x 10);
		$c->ended;
		$c->close;
	}
	lives($live, 'a session goes on');
	lives(session($proxy), 'a device comes in');
	is(log_dropped($proxy), 0, 'and no line is dropped yet');
	# The reader is back.
	fcntl $reader, F_SETFL, O_NONBLOCK or die $!;
	my $text = '';
	wait_until('the queued lines', sub {
		1 while sysread $reader, $text, 65536, length $text;
		return (() = $text =~ /event=refuse/g) == 40;
	});
	pass('the reader gets all lines when it reads again');
	is(scalar(grep { !/^time=\S+ level=\w+ event=/ } split /\n/, $text), 0,
		'and no line is torn');
	leave();
	$proxy->stop;
}

# Descriptors 0 to 2 closed: nothing of ours gets their numbers.
{
	my $proxy = sallyport(
		kit => { before => sub { POSIX::close($_) for 0 .. 2 } },
		backend => { address => $broker->address });
	lives(session($proxy), 'started without descriptors 0 to 2, it serves');
	is(readlink "/proc/$proxy->{pid}/fd/$_" // '', '/dev/null',
		"descriptor $_ is /dev/null") for 1 .. 2;
	leave();
	$proxy->stop;
}

SKIP: {
	skip 'root only', 6 if $> != 0;
	my $uid = getpwnam 'nobody';
	my %root = (kit => { drop => 0 },
		backend => { address => $broker->address });
	mkdir tmp('roots'), 0755 or die $!;
	mkdir tmp('users'), 0755 or die $!;
	chown $uid, -1, tmp('users');

	my $file = tmp('roots/s.log');
	my $proxy = sallyport(%root,
		daemon => { user => 'nobody', log => $file });
	wait_until('ready', sub { read_file($file) =~ /event=ready/ });
	is((stat $file)[4], $uid, 'a log made by root belongs to the user');
	is((stat $file)[2] & 07777, 0640, 'and is not for everybody');
	my $live = session($proxy);
	$proxy->signal('HUP');
	wait_until('a reload', sub {
		read_file($file) =~ /generation 2 in force/ });
	unlike(read_file($file), qr/event=reload_warning/,
		'a reload opens it again');
	rename $file, "$file.1" or die $!;
	$proxy->signal('HUP');
	wait_until('a reload', sub {
		read_file("$file.1") =~ /generation 3 in force/ });
	like(read_file("$file.1"), qr/event=reload_warning .*Permission denied/,
		'one that cannot be made again is warned of, and kept');
	lives($live, 'the session lives');
	leave();
	$proxy->stop;

	symlink tmp('roots/target'), tmp('users/s.log') or die $!;
	$proxy->write_ini(daemon => { user => 'nobody',
		log => tmp('users/s.log') });
	my ($code, undef, $err) = sallyport_run('-c', $proxy->{ini});
	is($code, 78, "a link in the user's folder is refused");
	like($err, qr/: log: .*symbolic link/, 'and says why');
	ok(!-e tmp('roots/target'), 'its target is not made');
}

# -t refuses what the start would refuse.
{
	my $proxy = sallyport(backend => { address => $broker->address });
	$proxy->stop;
	for my $bad (tmp('none/s.log'), tmp()) {
		$proxy->write_ini(daemon => { log => $bad });
		my ($code, undef, $err) = sallyport_run('-t', '-c',
			$proxy->{ini});
		is($code, 78, "log = $bad: -t refuses it");
		like($err, qr/ error: \S+:\d+: log: cannot open \Q$bad\E: /,
			'with its line');
		is((sallyport_run('-c', $proxy->{ini}))[0], 78,
			'as the start does');
	}
	$proxy->write_ini(daemon => { user => 'nobody',
		log => tmp('new.log') });
	is((sallyport_run('-t', '-c', $proxy->{ini}))[0], 0,
		'a file that can be made is fine');
	ok(!-e tmp('new.log'), 'and is not made by -t');
}

# syslogd, under a /dev of our own.
sub syslogd
{
	unlink '/dev/log';
	my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM,
		Local => '/dev/log') or die "/dev/log: $!";
	chmod 0666, '/dev/log';
	return $socket;
}

# Waits for a line that matches; all until then, if wanted.
sub syslog_line
{
	my ($socket, $what, $re, $all) = @_;
	my $line = '';

	$socket->blocking(0);
	wait_until($what, sub {
		while (defined $socket->recv(my $text, 8192)) {
			push @$all, $text;
			$line = $text;
			return 1 if $text =~ $re;
		}
		return 0;
	});
	pass($what);
	return $line;
}

SKIP: {
	skip 'no /dev of our own', 9 if !$ENV{SALLYPORT_OWN_DEV};
	# What else is there stays: only /dev/log is ours.
	my $dev = tmp('dev');
	mkdir $dev or die $!;
	system("cp -a /dev/null /dev/zero /dev/random /dev/urandom $dev && "
	    . "mount --bind $dev /dev") == 0 or die 'no /dev';
	my %config = (daemon => { log => 'syslog' },
		backend => { address => $broker->address });
	my $proxy = sallyport(%config);
	is($proxy->count_log(qr{^sallyport: warning: log: .*/dev/log}), 1,
		'stderr is told that there is no syslogd');
	my (undef, undef, $err) = sallyport_run('-t', '-c', $proxy->{ini});
	like($err, qr{warning: \S+:\d+: log: .*/dev/log}, 'as -t says');
	my $live = session($proxy);
	my $syslogd = syslogd();
	my $line = syslog_line($syslogd, 'syslogd comes later and gets the '
		. 'lines', qr/event=open/);
	like($line, qr/^<30>\w{3} [ \d]\d [\d:]{8} sallyport\[$proxy->{pid}\]: level=info event=open /,
		'in its form');
	close $syslogd;
	unlink '/dev/log';
	lives(session($proxy), 'syslogd is gone: a device comes in');
	$syslogd = syslogd();
	syslog_line($syslogd, 'syslogd is back and gets the line',
		qr/event=open/);
	# It no longer reads, and its queue has little room.
	for (1 .. 40) {
		my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));
		$c->send('not a CONNECT' . 'x' x 10);
		$c->ended;
		$c->close;
	}
	lives($live, 'syslogd is stuck: a session lives');
	lives(session($proxy), 'and a device comes in');
	my @all;
	syslog_line($syslogd, 'it reads again and gets the newest line',
		qr/event=open/, \@all);
	is(scalar(grep { /event=refuse/ } @all), 40, 'and none is missing');
	leave();
	$proxy->stop;
}
done_testing;
