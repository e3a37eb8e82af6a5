#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# CRLs that are renamed into place and found by the watcher: which sessions end,
# what each crl_policy does, and that a bad CRL changes nothing and is logged once.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Copy qw(copy);
use Sallyport;
use Sallyport::Live;

my $pki = pki;
my $broker = peer('broker')->listen;

sub der
{
	Sallyport::Pki::openssl('crl', '-in', $_[0], '-outform', 'DER',
		'-out', $_[1]);
}

# Puts FILE in the place of TO by a rename; returns what the log says of it.
sub put
{
	my ($proxy, $to, $event, $make) = @_;
	my $from = $proxy->mark;

	$make->("$to.tmp");
	rename "$to.tmp", $to or die "$to: $!";
	$proxy->wait_log(qr/event=$event /, from => $from);
	return substr $proxy->text, $from;
}

sub start
{
	my (%tls) = @_;
	my $proxy = sallyport(daemon => { watch_interval => '100ms' },
		backend => { address => $broker->address }, tls => \%tls);

	return ($proxy, Sallyport::Live->new(peer, $proxy, $broker));
}

$pki->make($_, subject => "/CN=$_") for qw(thief honest);
$pki->make($_, subject => "/CN=$_", ca => 'inter-ca', chain => 1)
    for qw(below below2);

# Lists that revoke the device's certificate or an intermediate, in a folder, as
# DER beside PEM.
{
	my $dir = tmp('crls');
	mkdir $dir;
	$pki->crl("$dir/client.crl", 'client-ca', number => '05');
	$pki->crl("$dir/inter.crl", 'inter-ca', number => '05', der => 1);
	my ($proxy, $live) = start(crl => $dir);
	my @honest = $live->begin_both(device => 'honest');
	my @thief = $live->begin_both(device => 'thief', ticket => 'thief');
	my @below = $live->begin_both(device => 'below', ticket => 'below');
	my @below2 = $live->begin_both(device => 'below2');

	put($proxy, "$dir/client.crl", 'reload', sub {
		$pki->crl($_[0], 'client-ca', revoked => ['thief'],
			number => '06', der => 1) });
	$live->is_out('87', 'revoked', @thief);
	$live->is_refused('tls_revoked', 'revoked: resumes',
		session => 'thief');
	$live->is_refused('tls_revoked', 'revoked', device => 'thief');
	put($proxy, "$dir/inter.crl", 'reload', sub {
		$pki->crl($_[0], 'inter-ca', revoked => ['below'],
			number => '06') });
	$live->is_out('87', 'revoked below an intermediate', @below);
	$live->is_refused('tls_revoked', 'and resumes', session => 'below');
	$live->lives('its sister is revoked', @below2);
	put($proxy, "$dir/client.crl", 'reload', sub {
		$pki->crl($_[0], 'client-ca', revoked => ['thief', 'inter-ca'],
			number => '07') });
	$live->is_out('87', 'its intermediate is revoked', @below2);
	$live->is_refused('tls_revoked', 'its intermediate is',
		device => 'below2');

	# The directory vanishes, and comes back.
	my $from = $proxy->mark;
	rename $dir, "$dir.gone";
	$proxy->wait_log(qr/event=reload_failed /, from => $from);
	like(substr($proxy->text, $from), qr/crl: \Q$dir\E: No such file/,
		'a directory that vanishes is named');
	$live->lives('the directory vanished', @honest);
	$live->is_refused('tls_revoked', 'the old CRLs stay',
		device => 'thief');
	$from = $proxy->mark;
	rename "$dir.gone", $dir;
	$proxy->wait_log(qr/event=reload /, from => $from);
	$live->lives('through all of it', @honest);
	$live->leave(@honest);
}

# Bad lists: what was in force stays, and the log says why, once.
{
	my $crl = tmp('bad.crl');
	my $good = tmp('good.crl');
	$pki->crl($crl, 'client-ca', revoked => ['thief'], number => '10');
	copy($crl, $good);
	my ($proxy, $live) = start(crl => $crl);
	my @honest = $live->begin_both(device => 'honest');
	my @bad = (
		['truncated PEM', 'reload_failed', qr/no END/, sub {
			write_file($_[0], substr read_file($good), 0, 300) }],
		['truncated DER', 'reload_failed', qr/damaged/, sub {
			der($good, $_[0]);
			truncate $_[0], 150 }],
		['rubbish', 'reload_failed', qr/no CRL/, sub {
			write_file($_[0], "no CRL at all\n") }],
		['empty', 'reload_failed', qr/no CRL/, sub {
			write_file($_[0], '') }],
		['unreadable', 'reload_failed', qr/Permission denied/, sub {
			copy($good, $_[0]);
			chmod 0, $_[0] }],
		['foreign-signed', 'reload_failed', qr/signature is not by/, sub {
			$pki->crl($_[0], 'false-ca', number => '11') }],
		['expired', 'reload', qr/nextUpdate has passed.*stays/, sub {
			$pki->crl($_[0], 'client-ca', number => '11',
				last_at => time - 7200,
				next_at => time - 3600) }],
		['of the future', 'reload', qr/not valid before.*stays/, sub {
			$pki->crl($_[0], 'client-ca', number => '11',
				last_at => time + 3600) }],
		['rolled back', 'reload', qr/older than.*stays/, sub {
			$pki->crl($_[0], 'client-ca', number => '09',
				last_at => time - 7200) }],
		['numbered anew', 'reload', qr/disagree about whether/, sub {
			$pki->crl($_[0], 'client-ca', number => '01') }],
	);
	my @told;
	for (@bad) {
		my ($what, $event, $why, $make) = @$_;
		my $from = $proxy->mark;
		my $said = put($proxy, $crl, $event, $make);

		like($said, qr/\Q$proxy->{ini}\E:\d+: crl: \Q$crl\E: .*$why/,
			"$what: the log says where and why");
		$live->lives($what, @honest);
		$live->is_refused('tls_revoked', "$what: the old one stays",
			device => 'thief');
		push @told, [$what, $why, $from];
	}
	# By the next change the watcher has looked several times.
	for my $i (0 .. $#told) {
		my ($what, $why, $from) = @{ $told[$i] };
		my $to = $i < $#told ? $told[$i + 1][2] : $proxy->mark;
		is(scalar(() = substr($proxy->text, $from, $to - $from)
			=~ /bad\.crl: .*$why/g), 1, "$what: told once");
	}
	my $from = $proxy->mark;
	unlink $crl;
	$proxy->wait_log(qr/event=reload_failed /, from => $from);
	$live->lives('removed', @honest);
	$live->is_refused('tls_revoked', 'removed: the old one stays',
		device => 'thief');
	put($proxy, $crl, 'reload', sub {
		$pki->crl($_[0], 'client-ca', number => '12') });
	my @thief = $live->begin_both(device => 'thief');
	$live->lives('a newer CRL forgives', @thief);
	$live->leave(@honest, @thief);
}

# A CA's own certificate is refused as a client's, whatever a list says of it.
$pki->make('both', subject => '/CN=both', is_ca => 1, ca => 'client-ca',
	ext => "basicConstraints = critical, CA:true\n"
	    . "keyUsage = critical, digitalSignature, keyCertSign\n");
for my $only (qw(CA user)) {
	my %revoked = ($only => ['both']);
	my @crls = map { $pki->crl(tmp("only-$_.crl"), 'client-ca',
		only => $_, revoked => $revoked{$_}) } qw(CA user);
	my $proxy = sallyport(backend => { address => $broker->address },
		tls => { crl => join ', ', @crls });
	my $live = Sallyport::Live->new(peer, $proxy, $broker);

	$live->is_refused('tls_purpose', "a CA as a client, $only",
		device => 'both');
}
ok(!$broker->pending, 'none of the refused reached the broker');
done_testing;
