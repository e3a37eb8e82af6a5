#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# 50 MB in both directions at once arrive unchanged, in bounded memory.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $packets = $ENV{SALLYPORT_TEST_SLOW} ? 200 : 800;
my $body = 65_536;
my $total = $packets * ($body + 4);
my $broker = peer('broker')->listen;
my $proxy = sallyport(backend => { address => $broker->address });

for my $transport (qw(tls wss)) {
	for my $version ('1.2', '1.3') {
		my $what = "$transport, TLS $version";
		my $c = peer->device($transport, device => 'ec',
			max => $version, port => $proxy->port($transport));
		my $b = $broker->session($c);
		my $before = $proxy->rss;

		my %arg = (packets => $packets, size => $body,
			expect => $total, timeout => 30_000);
		$b->begin_pump(%arg, seed => 11);
		$c->begin_pump(%arg, seed => 22, chunk => 30_011);
		my ($down, $up) = ($b->finish, $c->finish);

		is($up->{status}, 'ok', "$what: up is done")
		    or diag(Sallyport::Peer::said($up));
		is($down->{status}, 'ok', "$what: down is done")
		    or diag(Sallyport::Peer::said($down));
		is($down->{received_sha256}, $up->{sent_sha256},
			"$what: $total bytes up, intact");
		is($up->{received_sha256}, $down->{sent_sha256},
			"$what: $total bytes down, intact");
		cmp_ok($proxy->rss - $before, '<', 8 * 1024,
			"$what: memory has not grown")
		    unless $proxy->sanitized;
		$_->close for $b, $c;
	}
}
done_testing;
