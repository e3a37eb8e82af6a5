#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Dates that pass while devices are connected: a CRL's nextUpdate with each
# crl_policy, and a certificate's notAfter with each on_expiry.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Live;

my $pki = pki;
my $broker = peer('broker')->listen;
my $began = time;

sub start
{
	my (%tls) = @_;
	my $proxy = sallyport(backend => { address => $broker->address },
		tls => \%tls, denylist => { file => delete $tls{denylist} });

	return Sallyport::Live->new(peer, $proxy, $broker);
}

# Tests that need no date come first: all devices of the others must be
# connected before `ends'.
$pki->make('honest', subject => '/CN=honest');
my $crl = $pki->crl(tmp('keep.crl'), 'client-ca');
my $denied = write_file(tmp('denied.csv'), "as,who\ncn,somebody\n");
my $out = start(client_ca => $pki->cert('client-ca'));
my $keep = start(crl => $crl, on_expiry => 'keep');
my @with = map { start(denylist => $_) } undef, $denied;
my @honest = $out->begin_both(device => 'honest');

# What follows takes about three times as long as what was done so far, and must
# be done before the dates pass: a busy machine gets more time.
my $so_far = time - $began;
my $ends = time + ($so_far > 2 * slow ? 4 * $so_far : 8 * slow);
$pki->make($_, subject => "/CN=$_", end_at => $ends) for qw(brief brief2);

# An issuer that no CRL covers, and one whose CRL ends while devices are in.
# Live sessions stay, because they are not revoked; new clients are refused.
my %live;
my %in;
for my $policy (qw(hard grace soft)) {
	$pki->crl(tmp("$policy.crl"), 'client-ca', next_at => $ends);
	my $live = $live{$policy} = start(crl => tmp("$policy.crl"),
		crl_policy => $policy, crl_grace => '1h', client_ca =>
		join(',', $pki->cert('client-ca'), $pki->cert('other-ca')));
	$in{$policy} = [$live->begin_both(device => 'honest',
		ticket => "stale-$policy")];
	if ($policy ne 'soft') {
		$live->is_refused('tls_crl_unavailable',
			"$policy: no CRL of its CA", device => 'untrusted');
		next;
	}
	my @other = $live->begin_both(device => 'untrusted');
	$live->lives('soft: no CRL of its CA', @other);
	$live->leave(@other);
}

# Expired certificates are disconnected or kept, as on_expiry says; revoked ones
# are disconnected in any case.
my @out = $out->begin_both(device => 'brief');
my @keep = map { $keep->begin_both(device => $_, ticket => $_) }
    qw(brief brief2);

# An intermediate ends before the device below it does.
$pki->make('brief-ca', subject => '/CN=Brief CA', is_ca => 1,
	ca => 'client-ca', end_at => $ends);
$pki->make('below', subject => '/CN=below', ca => 'brief-ca', chain => 1);
my @below = map { [$_->begin_both(device => 'below')] } @with;

# A CA is renewed before it ends, and another one's renewal is taken back.
for (['old-ca', $ends], ['new-ca', undef]) {
	my ($name, $end) = @$_;
	$pki->make($name, subject => '/CN=Renewed CA', is_ca => 1,
		end_at => $end, $name eq 'new-ca' ? (key => 'old-ca') : ());
}
$pki->make('heir', subject => '/CN=heir', ca => 'old-ca');
my %ca = (old => $pki->cert('old-ca'),
	both => join(', ', map { $pki->cert("$_-ca") } qw(old new)));
my @renewal = map {
	my ($from, $to) = @$_;
	my $live = start(client_ca => $ca{$from});
	my @in = $live->begin_both(device => 'heir');

	$live->{proxy}->write_ini(backend => { address => $broker->address },
		tls => { client_ca => $ca{$to} });
	$live->reload;
	$live->lives('before its CA ends', @in);
	[$live, @in];
} [qw(old both)], [qw(both old)];

wait_until('the dates pass', sub { time > $ends }, $ends - time + 10);
$live{hard}->is_refused('tls_crl_unavailable', 'hard: the CRL ended',
	device => 'honest');
$live{hard}->is_refused('tls_crl_unavailable', 'hard: the CRL ended, resumed',
	session => 'stale-hard');
for my $policy (qw(grace soft)) {
	my @more = $live{$policy}->begin_both(device => 'honest');
	$live{$policy}->lives("$policy: the CRL ended", @more);
	$live{$policy}->leave(@more);
}
for my $policy (qw(hard grace soft)) {
	my $live = $live{$policy};
	like($live->reload, qr/crl: \S+: its nextUpdate has passed/,
		"$policy: a reload warns");
	$live->lives("$policy: the CRL ended, and a reload",
		@{ $in{$policy} });
	$pki->crl(tmp("$policy.crl"), 'client-ca', revoked => ['honest'],
		number => '02');
	$live->reload;
	$live->is_out('87', "$policy: then it is revoked", @{ $in{$policy} });
}

$out->is_out('87', 'expired', @out);
$out->lives('another expired', @honest);
$out->is_refused('tls_expired|tls_alert', 'expired', device => 'brief');
for my $i (0, 1) {
	my $what = 'its intermediate expired' . ($i ? ', a deny list' : '');

	$with[$i]->is_out('87', $what, @{ $below[$i] });
	$with[$i]->is_refused('tls_expired|tls_alert', $what,
		device => 'below');
}
my ($renewed, $back) = @renewal;
$_->[0]->is_out('87', 'its CA ended, the renewal was taken back',
	@$_[1, 2]) for $back;
$_->[0]->lives('its CA was renewed in time', @$_[1, 2]) for $renewed;
$keep->lives('expired, on_expiry = keep', @keep);
$keep->is_refused('tls_expired', 'keep: no new client', device => 'brief');
$keep->is_refused('tls_expired', 'keep: no resumption', session => 'brief');
$pki->crl($crl, 'client-ca', revoked => ['brief'], number => '02');
$keep->reload;
$keep->is_out('87', 'kept, but revoked', @keep[0, 1]);
$keep->lives('another is revoked', @keep[2, 3]);
# Once the CAs have changed, no cached result is used.
$keep->{proxy}->write_ini(backend => { address => $broker->address },
	tls => { crl => $crl, on_expiry => 'keep', client_ca =>
		join(',', $pki->cert('client-ca'), $pki->cert('other-ca')) });
$keep->reload;
$keep->lives('a CA more', @keep[2, 3]);
$pki->crl($crl, 'client-ca', revoked => ['brief', 'brief2'], number => '03');
$keep->reload;
$keep->is_out('87', 'a CA more, then revoked', @keep[2, 3]);
ok(!$broker->pending, 'none of the refused reached the broker');
done_testing;
