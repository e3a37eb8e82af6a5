# SPDX-License-Identifier: ISC
package Sallyport::Live;

# Live sessions through a proxy, for tests of revocation: begin one, check that
# it lives, or that it was ended with the right packets on both sides, and that
# its client cannot come back.

use strict;
use warnings;

use Sallyport::Mqtt;
use Sallyport::Peer;
use Sallyport::Proc;
use Test::More ();

# PROXY is a Sallyport::Daemon, BROKER a listening peer that records.
sub new
{
	my ($class, $peer, $proxy, $broker) = @_;

	return bless { peer => $peer, proxy => $proxy, broker => $broker },
	    $class;
}

# A session under way. Fields: transport (tls, wss), version (4, 5), device,
# clientid, ticket (a name to keep a ticket under), and what Peer::tls takes.
sub begin
{
	my ($self, %arg) = @_;
	my %s = map { $_ => delete $arg{$_} }
	    qw(transport version clientid ticket);
	my $c = $self->{peer}->device($s{transport},
		port => $self->{proxy}->port($s{transport}), %arg);
	my $b = $self->{broker}->session($c, version => $s{version},
		clientid => $s{clientid} // 'c');

	$c->ticket($s{ticket}) if defined $s{ticket};
	return { c => $c, b => $b, version => $s{version},
		what => ($arg{device} // $arg{session})
		    . ", $s{transport}, v$s{version}" };
}

# The same device by both transports and both versions, each once.
sub begin_both
{
	my ($self, %arg) = @_;

	return ($self->begin(transport => 'tls', version => 5, %arg),
		$self->begin(transport => 'wss', version => 4, %arg));
}

sub lives
{
	my ($self, $why, @sessions) = @_;

	for my $s (@sessions) {
		$s->{c}->send(mqtt_pingreq);
		Test::More::is(unpack('H*', $s->{b}->packet), 'c000',
			"$s->{what}: lives: $why");
	}
}

# CODE is the reason code that MQTT 5 clients get.
sub is_out
{
	my ($self, $code, $why, @sessions) = @_;

	for my $s (@sessions) {
		my $r = $s->{c}->ended;
		Test::More::is(unpack('H*', $r->{bytes}),
			$s->{version} == 5 ? "e002${code}00" : '',
			"$s->{what}: out: $why")
		    or Test::More::diag(Sallyport::Peer::said($r));
		Test::More::isnt($s->{b}->ended->{status}, 'timeout',
			"$s->{what}: out: $why: the broker hears");
		$s->{$_}->close for qw(c b);
	}
}

sub leave
{
	my ($self, @sessions) = @_;

	for my $s (@sessions) {
		$s->{$_}->close for qw(c b);
	}
}

# Sends SIGHUP and waits for its result; returns what the log says about it.
sub reload
{
	my ($self, $event) = @_;
	my $p = $self->{proxy};
	my $from = $p->mark;

	$event //= 'reload';
	$p->signal('HUP');
	$p->wait_log(qr/event=$event /, from => $from);
	return substr $p->text, $from;
}

# Checks that it is refused for REASON: by TLS, or, if CODE is given, by a
# CONNACK with that reason code.
sub is_refused
{
	my ($self, $reason, $why, %arg) = @_;
	my $p = $self->{proxy};
	my $from = $p->mark;
	my $clientid = delete $arg{clientid} // 'c';
	my $c = $self->{peer}->try_tls(port => $p->port('tls'), %arg);

	$c->try_send(mqtt_connect(version => 5, clientid => $clientid))
	    if $c->{tls}{status} eq 'ok';
	Test::More::isnt($c->ended->{status}, 'timeout', "$why: closed");
	Test::More::ok($p->wait_close($reason, from => $from),
		"$why: $reason");
	$c->close;
}

1;
