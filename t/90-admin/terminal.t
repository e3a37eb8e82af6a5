#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The log on a terminal is for people: a line of a session is about as long as
# a terminal is wide, and says who, where, and how it ended.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

need_tool('script');
my $broker = peer('broker')->listen;
my $first = sallyport(backend => { address => $broker->address },
	daemon => { $> == 0 ? (user => 'nobody') : () });
$first->stop;
# The daemon gives up root by itself on the terminal, and LeakSanitizer cannot
# look into such a process.
plan skip_all => 'a build with a sanitizer' if $first->sanitized;

my $screen = owned(Sallyport::Proc->new(name => 'terminal', slow => slow,
	log => tmp('screen'), any_exit => 1));
$screen->launch('script', '-qfc', 'exec '
	. Sallyport::Daemon::program(builddir()) . " -c $first->{ini}",
	'/dev/null');

sub line
{
	return $screen->wait_log(@_) =~ s/\r//r;
}

my ($port) = line(qr/listen listener=tls /) =~ /address=\S+:(\d+)$/;
line(qr/ info ready/);
ok($port, 'it listens');

my $c = peer->tls(port => $port, device => 'ec');
my $b = $broker->session($c, clientid => 'greenhouse-4711');
my $address = $broker->address;
my $open = line(qr/ info open /);
like($open, qr/^\d\d:\d\d:\d\d info open sid=\d+ peer=127\.0\.0\.1:\d+ /,
	'open: when and from where');
like($open, qr/ listener=tls client_id=greenhouse-4711 user=device-001 /,
	'open: who');
like($open, qr/ backend=\Q$address\E$/, 'open: to which broker');
cmp_ok(length $open, '<=', 132, 'and no more');
$c->send(mqtt_disconnect());
$c->close;
$b->ended;
$b->close;
my $close = line(qr/ info close /);
like($close, qr/ reason=relay_client_(?:closed|disconnected) .*up=\d+ down=4 /,
	'close: why');
unlike($close, qr/connack|identity/, 'and nothing that is as always');
cmp_ok(length $close, '<=', 180, 'not too long either');

# A refusal needs a little more: who it was.
$c = peer->tls(port => $port, device => 'ec');
$c->send("\x10\x03\0\4M");
$c->ended;
$c->close;
my $refuse = line(qr/ info refuse /);
like($refuse, qr/ reason=mqtt_\w+ /, 'refuse: why');
like($refuse, qr/ cert_subject="CN=device-001"/, 'and whom');
unlike($refuse, qr/cert_sha256|cert_serial|cipher/, 'and nothing else');
$screen->stop;
done_testing;
