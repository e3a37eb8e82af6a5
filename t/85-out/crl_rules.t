#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Which of several CRLs counts: a table of what was in force and what comes, each
# asked of a daemon that starts with the lists, of one that gets them by a
# reload, of `explain', `-t' and openssl. Times are seconds from now.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $pki = pki;
my $broker = peer('broker')->listen;
my $H = 3600;
my $POINT = "crlDistributionPoints = URI:http://crl.example";

$pki->make($_, subject => "/CN=$_") for qw(thief honest);
$pki->make('p1', subject => '/CN=p1', ext => "$POINT/1.crl\n");
$pki->make('p2', subject => '/CN=p2', ext => "$POINT/2.crl\n");
$pki->make('p12', subject => '/CN=p12', ext => "crlDistributionPoints = "
	. "URI:http://crl.example/9.crl, URI:http://crl.example/2.crl\n");

my $made = 0;

# Writes a list of client-ca; %f: number, from, to, revoked, point.
sub list
{
	my (%f) = @_;

	return $pki->crl(tmp('list' . ++$made . '.crl'),
		$f{ca} // 'client-ca', number => sprintf('%02x', $f{number}),
		last_at => time + ($f{from} // -$H),
		next_at => time + ($f{to} // 30 * 86400),
		revoked => $f{revoked} // [], point => $f{point});
}

# The lists that the rows speak of. Numbers and dates are those of a CA that
# publishes each hour; `reset' is what it makes after its counter was lost.
my %list = (
	n5 => list(number => 5, from => -5 * $H, revoked => ['thief']),
	n6 => list(number => 6, from => -4 * $H),
	n6thief => list(number => 6, from => -4 * $H, revoked => ['thief']),
	n4 => list(number => 4, from => -6 * $H),
	reset => list(number => 1, from => -$H),
	resetthief => list(number => 1, from => -$H, revoked => ['thief']),
	ended => list(number => 9, from => -3 * $H, to => -2 * $H),
	endedthief => list(number => 9, from => -3 * $H, to => -2 * $H,
		revoked => ['thief']),
	soon => list(number => 7, from => 2 * $H),
	soonthief => list(number => 7, from => 2 * $H, revoked => ['thief']),
	point1 => list(number => 5, point => 'http://crl.example/1.crl'),
	point2 => list(number => 5, point => 'http://crl.example/2.crl'),
	point2ended => list(number => 5, from => -3 * $H, to => -2 * $H,
		point => 'http://crl.example/2.crl'),
	point1p2 => list(number => 5, revoked => ['p2'],
		point => 'http://crl.example/1.crl'),
);

my $no = 'tls_crl_unavailable';
my $out = 'tls_revoked';
my $both = 'openssl asks one list only';

# lists in force before (empty: start only), lists that come, device, verdict at
# start, verdict after the reload (- : the same), what the log says of it, and
# why openssl says otherwise.
my @rows = (
	[[], ['n5'], 'thief', $out],
	[[], ['n5'], 'honest', 'in'],
	[[], ['n5', 'n6'], 'thief', 'in'],
	[[], ['n6', 'n5'], 'thief', 'in'],
	[['n5'], ['n6'], 'thief', 'in', '-'],
	[['n6thief'], ['n4'], 'thief', 'in', $out, 'older than'],
	[['n6thief'], ['n4'], 'honest', 'in', '-', 'older than'],
	# Number and date disagree: both revoke.
	[['n5'], ['reset'], 'thief', 'in', $out, 'disagree'],
	[['n6'], ['resetthief'], 'thief', $out, '-', 'disagree'],
	[['n5'], ['reset'], 'honest', 'in', '-', 'disagree'],
	[[], ['n5', 'reset'], 'thief', $out, '-', '', $both],
	[[], ['reset', 'n5'], 'thief', $out, '-', '', $both],
	[[], ['n6', 'resetthief'], 'thief', $out],
	# A list that has ended neither replaces one in force nor counts longer
	# than it.
	[[], ['ended'], 'honest', $no],
	[[], ['endedthief'], 'thief', $out, '-', '', 'revoked stays revoked'],
	[['ended'], ['n6'], 'honest', 'in', '-'],
	[['ended'], ['reset'], 'honest', 'in', '-'],
	[['endedthief'], ['reset'], 'thief', 'in', '-'],
	[['endedthief'], ['n6'], 'thief', 'in', '-'],
	[[], ['ended', 'n6'], 'honest', 'in'],
	[[], ['n6', 'ended'], 'honest', 'in'],
	[[], ['reset', 'ended'], 'honest', 'in'],
	[['n5'], ['ended'], 'honest', $no, 'in', 'nextUpdate has passed'],
	[['n5'], ['ended'], 'thief', $no, $out, 'nextUpdate has passed'],
	[['n6'], ['endedthief'], 'thief', $out, '-', 'nextUpdate has passed',
		'revoked stays revoked'],
	# One that is not valid yet is kept, and revokes at once.
	[[], ['soon'], 'honest', $no],
	[['n6'], ['soon'], 'honest', $no, 'in', 'not valid before'],
	[['n5'], ['soon'], 'thief', $no, $out, 'not valid before'],
	[['n6'], ['soonthief'], 'thief', $out, '-', 'not valid before',
		'what is revoked soon is revoked'],
	[[], ['n6', 'soonthief'], 'thief', $out, '-', '',
		'what is revoked soon is revoked'],
	[[], ['n5', 'soon'], 'honest', 'in'],
	# Distribution points.
	[[], ['point1'], 'p1', 'in'],
	[[], ['point1'], 'p2', $no],
	[[], ['point1', 'point2'], 'p2', 'in'],
	[[], ['point2', 'point1'], 'p2', 'in'],
	[[], ['point1', 'point2ended'], 'p2', $no],
	[[], ['point2'], 'p12', 'in'],
	[[], ['point1'], 'p12', $no],
	[[], ['point1'], 'honest', 'in', '-', '',
		'a certificate without points is covered by any list'],
	[[], ['n6'], 'p2', 'in'],
	[[], ['point1p2', 'point2'], 'p2', $out, '-', '',
		'any list of the issuer revokes'],
	[[], ['n6', 'point1'], 'p2', 'in'],
	[['point1'], ['point1', 'point2'], 'p2', 'in', '-'],
	[['point1', 'point2'], ['point1'], 'p2', $no, '-'],
);

sub crls { join ', ', map { $list{$_} } @_ }

sub verdict
{
	my ($p, $device) = @_;
	my $from = $p->mark;
	my $c = peer->try_tls(device => $device, max => '1.2',
		port => $p->port('tls'));
	my $in = $c->{tls}{status} eq 'ok';

	$c->close;
	return 'in' if $in;
	$p->wait_log(qr/event=refuse .*reason=/, from => $from);
	return substr($p->text, $from) =~ /event=refuse .*?reason=(\w+)/ ? $1
	    : 'nothing';
}

sub explained
{
	my ($ini, $device) = @_;
	my (undef, $out) = sallyport_run('explain', '-c', $ini,
		$pki->cert($device));

	return $out =~ /^verdict +admitted/m ? 'in'
	    : $out =~ /refused: (\w+)/ ? $1 : $out;
}

sub openssl_says
{
	my ($device, @names) = @_;
	my $file = tmp('all.crl');

	write_file($file, join '', map { read_file($list{$_}) } @names);
	my ($code) = Sallyport::Proc::run(30, 'openssl', 'verify',
		'-crl_check', '-extended_crl', '-CAfile', $pki->cert('client-ca'), '-CRLfile',
		$file, $pki->cert($device));
	return $code == 0 ? 'in' : 'out';
}

my $proxy = sallyport(daemon => { watch_interval => '0' },
	backend => { address => $broker->address });

# The daemon's lists become these, with nothing left of those before.
sub load
{
	my ($p, @names) = @_;
	my $from = $p->mark;

	$p->write_ini(daemon => { watch_interval => '0' },
		backend => { address => $broker->address },
		tls => @names ? { crl => crls(@names) } : {});
	$p->signal('HUP');
	$p->wait_log(qr/event=reload(?:_failed)? /, from => $from);
	return substr $p->text, $from;
}

for (@rows) {
	my ($before, $lists, $device, $start, $reload, $says, $differs) = @$_;
	my $what = "(@$before) @$lists: $device";

	$reload = $start if !defined $reload || $reload eq '-';
	load($proxy);
	load($proxy, @$lists);
	is(verdict($proxy, $device), $start, "$what: from the start");
	is(explained($proxy->{ini}, $device), $start, "$what: explain");
	my ($code, undef, $err) = sallyport_check('-c', $proxy->{ini});
	my $any = grep { !/^(?:ended|soon)/ } @$lists;
	is($code, 0, "$what: -t");
	is($err =~ /there is no CRL in force/ ? 1 : 0, $any ? 0 : 1,
		"$what: -t warns if none is in force");
	if (@$before) {
		load($proxy);
		load($proxy, @$before);
		like(load($proxy, @$lists), qr/$says/, "$what: the log")
		    if defined $says;
		load($proxy, @$lists) if !defined $says;
		is(verdict($proxy, $device), $reload, "$what: by a reload");
		load($proxy, @$lists);
		is(verdict($proxy, $device), $reload, "$what: by another");
	}
	my $openssl = openssl_says($device, @$lists);
	ok(($openssl eq 'in') == ($start eq 'in') || defined $differs,
		"$what: as openssl says, or $openssl for a reason");
}
done_testing;
