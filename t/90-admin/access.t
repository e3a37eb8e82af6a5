#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Who may use the admin socket: its owner, its group, and what that may do.
# Needs root, which alone can give a socket away and become another user.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;

use IO::Socket::UNIX;
use JSON::PP;

plan skip_all => 'needs root' if $> != 0;
my ($group, $gid) = ('mail', scalar getgrnam 'mail');
plan skip_all => "no group $group" if !defined $gid;
my $nobody = getpwnam 'nobody';
my $other = getpwnam 'daemon';
chmod 0755, tmp;

# Asks as another user: the status, or 0 where the socket cannot be opened.
sub status_as
{
	my ($uid, $as_gid, @request) = @_;
	my $pid = open(my $out, '-|') // die "fork: $!";

	if ($pid == 0) {
		$( = $as_gid;
		$) = "$as_gid $as_gid";
		$< = $> = $uid;
		print eval { http(@request)->{status} } // 0;
		close STDOUT;
		POSIX::_exit(0);
	}
	my $status = <$out>;
	close $out;
	return $status;
}

my $socket = tmp('admin.sock');
my %daemon = (user => 'nobody', admin_socket => $socket);
my $proxy = sallyport(kit => { drop => 0 }, daemon => \%daemon);
is((stat $socket)[4], $nobody, "the socket belongs to the daemon's user");
is((stat $socket)[2] & 07777, 0600, 'and to no other user');
is(status_as($nobody, 65534, $socket, 'POST', '/reload'), 200,
	'that user may use it');
is(status_as($other, $gid, $socket, 'GET', '/status'), 0, 'another may not');
$proxy->stop;

$daemon{admin_group} = $group;
{
	my $closed = tmp('closed');

	mkdir $closed, 0700 or die "$closed: $!";
	$proxy->write_ini(daemon => { %daemon, admin_socket => "$closed/s" });
	chown $nobody, 0, $closed;
	my (undef, undef, $err) = sallyport_run('-t', '-c', $proxy->{ini});
	like($err, qr/may not enter \Q$closed\E,/,
		'-t warns if the group cannot reach the socket');
	chmod 0711, $closed;
	(undef, undef, $err) = sallyport_run('-t', '-c', $proxy->{ini});
	unlike($err, qr/may not enter/, 'and not if it can');
}
$proxy = sallyport(kit => { drop => 0 }, daemon => \%daemon);
is((stat $socket)[5], $gid, 'with a group');
is((stat $socket)[2] & 07777, 0660, 'and its mode');
is(status_as($other, $gid, $socket, 'GET', '/status'), 200, 'a member reads');
is(status_as($other, $gid, $socket, 'GET', '/sessions'), 200, 'sessions, too');
is(status_as($other, $gid, $socket, 'POST', "/$_"), 403, "but may not $_")
    for qw(reload drain kick?all=1 log?level=debug deny?as=cn&who=x);
is(status_as($nobody, 65534, $socket, 'POST', '/reload'), 200,
	"the daemon's user may");
is(http($socket, 'POST', '/reload')->{status}, 200, 'root, too');
is(status_as($other, 65534, $socket, 'GET', '/status'), 0,
	'who is no member does not get in');

# Connections that a member, who may only read, holds open.
sub as_member
{
	my ($count, $request) = @_;
	my @held;

	$) = "$gid $gid";
	$> = $other;
	for (1 .. $count) {
		my $s = IO::Socket::UNIX->new(Peer => $socket) or last;
		syswrite $s, $request;
		push @held, $s;
	}
	$> = 0;
	$) = "0 0";
	return @held;
}

my $first = IO::Socket::UNIX->new(Peer => $socket);
my @idle = as_member(40, '');
ok(wait_until('the member has lost a connection', sub {
	grep { defined $_->blocking(0) && defined sysread $_, my $b, 1 } @idle
}), 'a member with 40 connections loses one of them');
$first->blocking(1);
syswrite $first, "POST /log?level=info HTTP/1.1\r\nHost: x\r\n\r\n";
like(<$first> // 'closed', qr/ 200 /, 'and not the one of root, the oldest');
$_->close for @idle;

# A daemon that was stopped finds them all at once when it continues.
$proxy->signal('STOP');
my @busy = as_member(32, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
my $late = IO::Socket::UNIX->new(Peer => $socket);
syswrite $late, "POST /log?level=info HTTP/1.1\r\nHost: x\r\n\r\n";
$proxy->signal('CONT');
like(<$late> // 'closed', qr/ 200 /, "a member's 32 requests keep none out");
my @status = map { (<$_> // '') =~ / (\d+) / ? $1 : 'closed' } @busy;
cmp_ok(scalar(grep { $_ eq '503' } @status), '>=', 8,
	'and not all of them are taken at once');
$_->close for @busy;

$daemon{admin_access} = 'full';
$proxy->write_ini(daemon => \%daemon);
is((ctl($socket, 'reload'))[0], 0, 'admin_access changes by a reload');
is(status_as($other, $gid, $socket, 'POST', '/reload'), 200,
	'full: a member changes');
$proxy->stop;

$daemon{admin_group} = 'no-such-group';
$proxy->write_ini(daemon => \%daemon);
my ($code, undef, $said) = sallyport_run('-c', $proxy->{ini});
is($code, 78, 'a group that does not exist');
like($said, qr/admin_group: "no-such-group" does not exist \(create it/,
	'says so');
($code, undef, $said) = sallyport_run('-t', '-c', $proxy->{ini});
is($code, 78, '-t finds it, too');
like($said, qr/admin_group: "no-such-group" does not exist/, 'and says so');
done_testing;
