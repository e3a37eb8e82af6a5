#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The process stands still for longer than a stage may take (a frozen machine, no
# CPU). A client that sent its bytes in time is admitted.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Time::HiRes qw(time);

my $broker = peer('broker')->listen;
my $proxy = sallyport(
	backend => { address => $broker->address },
	timeouts => { mqtt => '1s', tls => '1s' });

my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));
my $silent = peer->open(port => $proxy->port('tls'));
my $from = $proxy->mark;
$proxy->signal('STOP');
$c->send(mqtt_connect());
my $until = time + 2;
wait_until('it has stood still', sub { time > $until });
$proxy->signal('CONT');
my $b = $broker->accept;
is(hex($b->packet), hex(mqtt_connect(username => 'device-001')),
	'a CONNECT that waited in the socket arrives');
$b->send(mqtt_connack());
is(hex($c->packet), hex(mqtt_connack()), 'and is answered');
ok($proxy->wait_close('tls_timeout', from => $from),
	'a silent client is still sent away');
done_testing;
