#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# A reload that does not change a [backend] keeps what is known of its brokers;
# a changed [backend] starts without that knowledge.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;

my $broker = peer('broker')->listen;
my $gone = peer('broker')->listen;
my $gone_address = $gone->address;
$gone->close;

my %daemon = (workers => 2, http_listen => '127.0.0.1:0');
my %address = (address => "$gone_address, " . $broker->address,
	connect_rate => 1000);
my $proxy = sallyport(daemon => \%daemon, backend => \%address);

# A metric of one address, workers together.
sub of
{
	my ($metric, $address) = @_;
	my ($samples) = prometheus(http($proxy->port('http_listen'), 'GET',
		'/metrics')->{body});
	my ($key) = grep { /^sallyport_backend_$metric\{.*"\Q$address\E"/ }
	    keys %$samples;

	return $samples->{ $key // '' };
}

sub visit
{
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));
	my $b = $broker->session($c);
	return ($c, $b);
}

sub reload
{
	my ($what, %config) = @_;
	my $from = $proxy->mark;

	$proxy->write_ini(daemon => \%daemon, %config);
	$proxy->signal('HUP');
	$proxy->wait_log(qr/event=reload /, from => $from);
	my ($c, $b) = visit();
	pass("$what: devices come in");
	return ($c, $b);
}

my @all = visit();
is(of('connections_total', $broker->address), 1, 'one connection');
cmp_ok(of('connection_failures_total', $gone_address), '>=', 1,
	'one broker is not there');

push @all, reload('other names', backend => \%address,
	identity => { username => 'x-${cn}' });
is(of('connections_total', $broker->address), 2, 'counted on');
cmp_ok(of('connection_failures_total', $gone_address), '>=', 1,
	'and not forgotten');

push @all, reload('another deadline', backend => \%address,
	timeouts => { backend => '4s' });
is(of('connections_total', $broker->address), 1, 'that is a new beginning');

push @all, reload('another order', timeouts => { backend => '4s' },
	backend => { %address, balance => 'roundrobin' });
is(of('connections_total', $broker->address), 1, 'and that is one');

# All these sessions still have the broker that they began with.
for (my $i = 0; $i < @all; $i += 2) {
	$all[$i]->send(mqtt_pingreq);
	is(hex($all[$i + 1]->packet), 'c000', 'each session goes on');
	$_->close for @all[$i, $i + 1];
}
done_testing;
