#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Each worker finds out for itself that a broker is down, and that it is back;
# the log has one line for each.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;

my $broker = peer('broker')->listen;
my $address = $broker->address;
my ($port) = $address =~ /:(\d+)$/;
my $workers = 8;

$broker->close;
my $proxy = sallyport(
	daemon => { workers => $workers, http_listen => '127.0.0.1:0' },
	backend => { address => $address, probe => 'tcp',
		probe_interval => '100ms' },
);

sub of
{
	my ($metric) = @_;
	my ($samples) = prometheus(http($proxy->port('http_listen'), 'GET',
		'/metrics')->{body});
	my ($key) = grep { /^sallyport_backend_$metric\{.*"\Q$address\E"/ }
	    keys %$samples;

	return $samples->{ $key // '' } // -1;
}

wait_until('every worker has tried', sub {
	of('connection_failures_total') >= 5 * $workers
}, 30);
is($proxy->count_log(qr/event=backend_down /), 1, 'one line says it is down');
is(of('up'), 0, 'and the metric does');
is($proxy->count_log(qr/event=backend_up /), 0, 'it is not up');

my $from = $proxy->mark;

$broker = peer('broker')->listen(port => $port);
wait_until('every worker finds it', sub { of('up') == 1 }, 30);
$proxy->wait_log(qr/event=backend_up /, from => $from);
is($proxy->count_log(qr/event=backend_up /), 1, 'one line says it is up');
is($proxy->count_log(qr/event=backend_down /), 1, 'and none that it is down');
done_testing;
