#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# A sweep is divided into slices, and more changes come meanwhile: still exactly
# the sessions concerned end, whichever change it was. A CA that is removed from
# client_ca ends only the sessions of its own devices.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Live;

my $pki = pki;
my $broker = peer('broker')->listen;
my $crl = $pki->crl(tmp('client.crl'), 'client-ca');
my $deny = write_file(tmp('deny.csv'), "as,who\n");
my $bundle = write_file(tmp('bundle.crt'),
	read_file($pki->cert('client-ca')) . read_file($pki->cert('other-ca')));

$pki->make($_, subject => "/CN=$_") for qw(honest thief banned);
my $proxy = sallyport(daemon => { workers => 1, watch_interval => '100ms' },
	backend => { address => $broker->address },
	tls => { crl => $crl, crl_policy => 'soft', client_ca => $bundle },
	denylist => { file => $deny });
my $live = Sallyport::Live->new(peer, $proxy, $broker);
my %in = map { $_ => [] } qw(honest thief banned untrusted);

for (1 .. 4) {
	push @{ $in{$_} }, $live->begin_both(device => $_)
	    for qw(honest thief honest banned honest untrusted);
}

# Three changes at once, told by a signal each and by the watcher.
$pki->crl($crl, 'client-ca', revoked => ['thief'], number => '02');
$proxy->signal('HUP');
write_file($deny, "as,who\ncn,banned\n");
$proxy->signal('HUP');
write_file("$bundle.new", read_file($pki->cert('client-ca')));
rename "$bundle.new", $bundle;
$proxy->signal('HUP');
$live->is_out('87', 'revoked', @{ $in{thief} });
$live->is_out('98', 'denied', @{ $in{banned} });
$live->is_out('87', 'its CA left', @{ $in{untrusted} });
$live->lives('none of it', @{ $in{honest} });
is($proxy->count_log(qr/event=close .*reason=relay_$_/), 8, "relay_$_")
    for qw(revoked denied untrusted);

# Nothing has changed: no session is judged, and all stay.
$live->reload for 1 .. 3;
$live->lives('reloads without a change', @{ $in{honest} });

# And after them a change is still seen.
write_file($deny, "as,who\ncn,banned\nusername_re,^hon\n");
$live->is_out('98', 'denied after that', @{ $in{honest} });
ok(!$broker->pending, 'no other client reached the broker');
done_testing;
