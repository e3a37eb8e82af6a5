#!/usr/bin/perl
# SIGTERM lets sessions go and exits 0; SIGINT, or a second TERM, is at once.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Time::HiRes qw(time);

my $broker = peer('broker')->listen;

sub start
{
	my ($drain) = @_;

	return sallyport(backend => { address => $broker->address },
		daemon => { drain_timeout => $drain });
}

sub session
{
	my ($proxy, $transport, %c) = @_;
	my $c = peer->device($transport, device => 'ec',
		port => $proxy->port($transport));

	$c->send(mqtt_connect(%c));
	my $b = $broker->accept;
	$b->packet;
	$b->send(($c{version} || 4) == 5 ? mqtt_connack(properties => '')
		: mqtt_connack());
	$c->packet;
	return ($c, $b);
}

{
	my $proxy = start('30s');
	my $began = time;
	$proxy->signal('TERM');
	is($proxy->wait_exit(5), 0, 'TERM without sessions: exit 0');
	cmp_ok(time - $began, '<', 2 * slow, 'at once');
}
{
	my $proxy = start('2s');
	my ($c, $b) = session($proxy, 'tls');
	my ($c5, $b5) = session($proxy, 'tls', version => 5);
	my ($w5, $wb5) = session($proxy, 'wss', version => 5);
	my $began = time;
	my $last = mqtt_publish(payload => 'x' x 100_000, properties => '');

	# Data on its way is not lost.
	$b5->send($last);
	$proxy->signal('TERM');
	$proxy->wait_log(qr/event=drain /);
	wait_until('the port closes', sub {
		!peer->try_open(port => $proxy->port('tls'))
	});
	pass('TERM: nobody new is let in');
	ok($c5->packet eq $last, 'what was on its way arrives');
	is(hex($c5->ended->{bytes}), 'e0028b00',
		'v5 hears that the server shuts down');
	is(hex($w5->ended->{bytes}), 'e0028b00', 'v5 over wss too');
	is(hex($c->ended->{bytes}), '', 'v4 is closed');
	is($proxy->wait_exit(5), 0, 'exit 0');
	cmp_ok(time - $began, '<', 4 * slow, 'within drain_timeout');
	is($proxy->count_log(qr/event=close .*reason=relay_drained/), 3, 'relay_drained');
	$_->close for $c, $b, $c5, $b5, $w5, $wb5;
}
{
	my $proxy = start('30s');
	my ($c, $b) = session($proxy, 'tls');
	$proxy->signal('TERM');
	$proxy->wait_log(qr/event=drain /);
	$c->send(mqtt_disconnect)->close;
	$b->ended;
	$b->close;
	is($proxy->wait_exit(5), 0, 'the last client leaves: exit 0');
}
for (['INT', 'INT'], ['TERM', 'TERM']) {
	my ($first, $second) = @$_;
	my $proxy = start('30s');
	my ($c, $b) = session($proxy, 'tls');
	my $began = time;

	$proxy->signal($first);
	if ($first eq 'TERM') {
		$proxy->wait_log(qr/event=drain /);
		$proxy->signal($second);
	}
	is($proxy->wait_exit(5), 0, "$first: exit 0");
	cmp_ok(time - $began, '<', 3 * slow, "$first: fast");
	isnt($b->ended->{status}, 'timeout', "$first: the broker hears");
	isnt($c->ended->{status}, 'timeout', "$first: the client hears");
	$_->close for $b, $c;
}
# The log file is opened anew.
{
	my $log = tmp('own.log');
	my %log = (daemon => { log => $log });
	my $proxy = sallyport(%log);
	wait_until('the log is there', sub { -s $log });
	rename $log, "$log.1";
	$proxy->signal('HUP');
	wait_until('the log is there again', sub { -s $log });
	pass('SIGHUP opens the log file anew');
}
done_testing;
