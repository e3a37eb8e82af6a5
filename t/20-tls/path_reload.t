#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# What leads to client_ca, of a daemon: at start, and after a reload that added or
# renewed a CA no device is lost, whichever comes first.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Paths;

my $pki = pki;
my $broker = peer('broker')->listen;

ca("r$_", '/O=Test/CN=Same r', ext => $CA . $NOID) for 1 .. 3;
leaf("r-d$_", "r$_", ext => $LEAF . $NOID) for 1 .. 3;
ca('old', '/CN=Renewed', ext => $CA . $KEYID, start => -20, end => -1);
ca('new', '/CN=Renewed', ext => $CA . $KEYID, key => 'old');
ca('newid', '/CN=Renewed', key => 'old',
	ext => $CA . "subjectKeyIdentifier = 0102030405\n");
leaf('by-new', 'new', ext => $LEAF . $AKI_SERIAL);
leaf('plain', 'new', ext => $LEAF . $NOID);
ca('root', '/CN=Root of paths');
leaf('ku-agree', 'root', ext => "basicConstraints = CA:false\n"
	. "keyUsage = critical, keyAgreement\n");

sub comes
{
	my ($p, $device) = @_;
	my $c = peer->try_tls(device => $device, max => '1.2',
		port => $p->port('tls'));
	my $status = $c->{tls}{status} eq 'ok' ? 'in' : 'out';

	$c->close;
	return $status;
}

{
	my $p = sallyport(backend => { address => $broker->address },
		tls => { client_ca => cas('root') });

	# The library of the test's own client takes no such certificate.
	for my $version (qw(-tls1_2 -tls1_3)) {
		my $from = $p->mark;

		Sallyport::Proc::run(30, 'openssl', 's_client', $version,
			'-connect', '127.0.0.1:' . $p->port('tls'),
			'-cert', $pki->cert('ku-agree'),
			'-key', $pki->key('ku-agree'));
		ok($p->wait_close('tls_purpose', from => $from),
			"keyAgreement: the daemon refuses it, $version");
	}
}

for (
	['r', [['r1'], ['r2', 'r1'], ['r1', 'r2', 'r3'], ['r3', 'r1']],
		{ 'r-d1' => 'in in in in', 'r-d2' => 'out in in out',
			'r-d3' => 'out out in in' }],
	['renewal', [['new'], ['new', 'newid'], ['newid'], ['old', 'newid']],
		{ plain => 'in in in in', 'by-new' => 'in in in in' }],
    ) {
	my ($what, $steps, $devices) = @$_;
	my %said;

	for my $i (0 .. $#$steps) {
		my $p = sallyport(backend => { address => $broker->address },
			tls => { client_ca => cas(@{ $steps->[$i] }) });
		for my $device (sort keys %$devices) {
			my @want = split ' ', $devices->{$device};
			is(comes($p, $device), $want[$i],
				"$what: start with @{ $steps->[$i] }: $device");
		}
		next if $i == $#$steps;
		$p->write_ini(tls => { client_ca => cas(@{ $steps->[$i + 1] }) });
		my $from = $p->mark;
		$p->signal('HUP');
		$p->wait_log(qr/event=reload /, from => $from);
		for my $device (sort keys %$devices) {
			my @want = split ' ', $devices->{$device};
			is(comes($p, $device), $want[$i + 1],
				"$what: reload to @{ $steps->[$i + 1] }: $device");
		}
	}
}
done_testing;
