#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# A long answer is made in slices: a health check is answered while one is being
# made, and sessions that end meanwhile do no harm.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;
use IO::Select;
use IO::Socket::UNIX;
use JSON::PP;

my $rows = 40_000;
my $socket = tmp('admin.sock');
my $deny = write_file(tmp('deny.csv'), join '', "as,who,reason,until\n",
	map { sprintf "clientid,device-%06d,,\n", ($_ * 7919) % 1_000_003 }
	    1 .. $rows);
chown +(getpwnam 'nobody')[2, 3], $deny if $> == 0;
my $broker = peer('broker')->listen;
my $proxy = sallyport(
	daemon => { admin_socket => $socket, http_listen => '127.0.0.1:0',
		workers => 2 },
	backend => { address => $broker->address },
	denylist => { file => $deny });
my $http = $proxy->port('http_listen');

sub ask
{
	my ($path) = @_;
	my $s = IO::Socket::UNIX->new(Peer => $socket) or die "$socket: $!";

	syswrite $s, "GET $path HTTP/1.1\r\nHost: test\r\n\r\n";
	return $s;
}

sub text
{
	my ($s) = @_;
	my $text = '';

	1 while sysread $s, $text, 1 << 20, length $text;
	return $text =~ s/^.*?\r\n\r\n//sr;
}

sub answer
{
	return decode_json(text(@_));
}

# By the time that the second health check is answered, the daemon has read the
# first request. It takes many slices; a busy machine gets several tries.
{
	my ($early, $all) = (0, '');

	for (1 .. 5) {
		my $s = ask('/denied?limit=100000');
		http($http, 'GET', '/healthz') for 1 .. 2;
		$early = !IO::Select->new($s)->can_read(0);
		$all = text($s);
		last if $early;
	}
	ok($early, 'a health check does not wait for a long list');
	like($all, qr/^\{"file":"\S+","count":$rows,"matched":$rows,"offset":0,/,
		'which is whole');
	like($all, qr/\}\]\}$/, 'up to its end');
	my %seen = map { $_ => 1 } $all =~ /"who":"(device-\d+)"/g;
	is(scalar keys %seen, $rows, 'every row, once');
}
{
	my $some = answer(ask('/denied?sort=who&offset=100&limit=3'));
	my @all = sort map { ($_ * 7919) % 1_000_003 } 1 .. $rows;

	@all = sort { $a <=> $b } @all;
	is(join(' ', map { $_->{who} } @{ $some->{denied} }),
		join(' ', map { sprintf 'device-%06d', $_ } @all[100 .. 102]),
		'sorted, a page of it');
	is($some->{matched}, $rows, 'sorted: all are counted');
	is(answer(ask('/denied?match=device-0001&sort=-until'))->{matched},
		scalar(grep { sprintf('%06d', $_) =~ /^0001/ } @all),
		'sorted: what matches');
	$some = answer(ask("/denied?sort=-who&offset=@{[ $rows - 2 ]}"));
	is(join(' ', map { $_->{who} } @{ $some->{denied} }),
		join(' ', map { sprintf 'device-%06d', $_ } @all[1, 0]),
		'sorted: the last page');
	is_deeply(answer(ask("/denied?sort=who&offset=$rows"))->{denied}, [],
		'sorted: nothing comes after it');
	$some = answer(ask('/denied?sort=-until&offset=5&limit=3'));
	is(join(' ', map { $_->{who} } @{ $some->{denied} }),
		join(' ', map { sprintf 'device-%06d', $_ * 7919 % 1_000_003 }
			6 .. 8),
		'sorted: equal ones stay in the order of the file');
}
# The list changes while it is shown.
{
	my @asked = map { ask('/denied?limit=100000') } 1 .. 2;

	is((ctl($socket, qw(deny cn x)))[0], 0, 'a change in between');
	for my $s (@asked) {
		my $r = text($s);
		my ($matched) = $r =~ /"matched":(\d+),/;
		is((() = $r =~ /"who":/g), $matched, 'the answer is whole');
	}
}

my @live;
for (1 .. 40) {
	my $c = peer->tls(port => $proxy->port('tls'), device => 'ec');
	my $b = $broker->session($c, clientid => sprintf 'c%02d', $_);
	push @live, $c, $b;
}
for (
	[ '', [ 1 .. 40 ], 40 ], [ 'limit=5', undef, 40 ],
	[ 'sort=client_id&limit=3', [ 1 .. 3 ], 40 ],
	[ 'sort=-client_id&limit=3', [ 40, 39, 38 ], 40 ],
	[ 'sort=-client_id', [ reverse 1 .. 40 ], 40 ],
	[ 'sort=client_id&client_id=c1*&limit=2', [ 10, 11 ], 10 ],
	[ 'sort=sid&limit=0', [], 40 ],
) {
	my ($how, $want, $matched) = @$_;
	my $r = answer(ask("/sessions?$how"));
	my @got = map { $_->{client_id} } @{ $r->{sessions} };

	is($r->{matched}, $matched, "sessions '$how': all that match");
	@got = sort @got if $how eq '';
	is_deeply(\@got, [ map { sprintf 'c%02d', $_ } @$want ],
		"sessions '$how': in order") if $want;
}
my $wrong = answer(ask('/sessions?sort=up&limit=10001'));
like($wrong->{error}, qr/with sort up to 10000/, 'sorted rows have a limit');

{
	my $devices = answer(ask('/cert?limit=39'))->{devices};
	my %seen = map { $_->{client_id} => 1 } @$devices;

	is(scalar keys %seen, 39, 'cert: as many sessions as asked for, once');
	is(scalar @{ answer(ask('/cert'))->{devices} }, 20, 'cert: or 20');
}
# Sessions end while they are looked at.
{
	my @asked = map { ask('/sessions?sort=-up&limit=10000') } 1 .. 3;
	my @status = map { ask('/status') } 1 .. 3;

	is((ctl($socket, qw(kick --client-id c?5)))[0], 0, 'kicked in between');
	for my $s (@asked) {
		my $r = answer($s);
		cmp_ok(@{ $r->{sessions} }, '>=', 36, 'the others are shown');
	}
	for my $s (@status) {
		my $sum = 0;

		$sum += $_->[1]
		    for @{ answer($s)->{device_certificates_days_left} };
		cmp_ok($sum, '>=', 36, 'status: the others are counted');
	}
}
$_->close for @live;
done_testing;
