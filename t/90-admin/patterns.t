#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# A deny list of many regular expressions takes long to judge a session. The
# sessions are judged a few at a time: all of them are, and other clients are
# served in between.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;

my $socket = tmp('admin.sock');
my $deny = write_file(tmp('deny.csv'), "as,who,reason,until\n"
    . join '', map { "clientid_re,^(a|b|ab)*x$_\$,,\n" } 1 .. 500);
chown +(getpwnam 'nobody')[2, 3], $deny if $> == 0;
my $broker = peer('broker')->listen;
my $proxy = sallyport(backend => { address => $broker->address },
	daemon => { admin_socket => $socket, workers => 1,
		log_level => 'info' },
	denylist => { file => $deny });

sub session
{
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));

	$c->send(mqtt_connect(clientid => $_[0]));
	my $b = $broker->accept;
	$b->packet;
	$b->send(mqtt_connack());
	is(hex($c->packet), '20020000', "$_[0] is in") if $_[0] eq 'other';
	return ($c, $b);
}

my ($c, $b) = session('other');
my @many = map { [session("ab$_")] } 1 .. 40;

# Runs the command while the client pings.
sub while_pinging
{
	my ($expect, @command) = @_;
	my $ctl = Sallyport::Proc->new(name => "ctl$expect", slow => slow,
		log => tmp("ctl-$command[-1].log"));
	my $pings = 0;

	$ctl->launch(Sallyport::Admin::program(), '-s', $socket, @command);
	while ($ctl->alive) {
		$c->send(mqtt_pingreq);
		is(hex($b->packet), 'c000', 'a ping') if $pings++ == 0;
	}
	like($ctl->text, qr/\b$expect session/, "@command");
	return;
}

while_pinging(40, qw(deny clientid_re ^ab[0-9]+$ --dry-run));
while_pinging(40, qw(deny clientid_re ^ab[0-9]+$ --reason test));
isnt($_->[0]->ended->{status}, 'timeout', 'ended') for @many[0, -1];
$c->send(mqtt_pingreq);
is(hex($b->packet), 'c000', 'the other session stays');
done_testing;
