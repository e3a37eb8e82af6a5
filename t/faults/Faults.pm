# SPDX-License-Identifier: ISC
package Faults;

# What the faults share: a good client in a process of its own, whose session
# must last and whose connects must succeed while things go wrong beside it;
# and the table of what was injected and what became of it.

use strict;
use warnings;

use Exporter qw(import);
use POSIX ();
use Time::HiRes qw(time);

use Sallyport;

our @EXPORT = qw(fault good_client good_result session until_ended table);

my @rows;

# A session through LISTENER to the recording BROKER: (client's end, broker's).
sub session
{
	my ($proxy, $listener, $broker, %connect) = @_;
	my $c = peer->tls(device => 'ec', port => $proxy->port($listener));
	my $v5 = ($connect{version} || 4) == 5;

	$c->send(mqtt_connect(%connect));
	my $b = $broker->accept;
	$b->packet;
	$b->send($v5 ? mqtt_connack(properties => '') : mqtt_connack());
	$c->packet;
	return ($c, $b);
}

# Reads to the end without keeping what comes.
sub until_ended
{
	return $_[0]->command('recv', n => 0, quiet => 1,
		timeout => $_[1] || 5000)->{status};
}

sub greet
{
	my ($peer, $port, $id) = @_;
	my $c = $peer->tls(device => 'ec', port => $port);

	$c->send(mqtt_connect(clientid => $id));
	die "CONNACK\n" if $c->packet(timeout => 10_000) ne mqtt_connack();
	return $c;
}

sub alive
{
	my ($c) = @_;

	$c->send(mqtt_pingreq);
	return $c->packet eq mqtt_pingresp;
}

# One round: the lasting session answers, and a new one gets in.
sub round
{
	my ($state, $peer, $port, $fresh) = @_;

	$state->{pings}++;
	if (!eval { alive($state->{lasting}) }) {
		push @{ $state->{bad} }, "lasting: $@";
		$state->{lasting} = eval { greet($peer, $port, 'lasting') };
	}
	return unless $fresh;
	my $began = time;
	my $c = eval { greet($peer, $port, 'fresh') };
	push @{ $state->{times} }, time - $began;
	if (!$c) {
		push @{ $state->{bad} }, "connect: $@";
		return;
	}
	$c->send(mqtt_disconnect);
	$c->close;
}

# The child: rounds until told to stop, then a line of what came of them.
sub be_good
{
	my ($port, $fresh, $out) = @_;
	my %state = (times => [], bad => [], pings => 0);
	my $stop = 0;

	local $SIG{TERM} = sub { $stop = 1 };
	alarm 0;
	my $peer = Sallyport::Peer->new(builddir() . '/t/lib/peer', pki());
	$state{lasting} = eval { greet($peer, $port, 'lasting') };
	push @{ $state{bad} }, "first: $@" if !$state{lasting};
	syswrite $out, "in\n";
	until ($stop) {
		round(\%state, $peer, $port, $fresh);
		select undef, undef, undef, 0.01;
	}
	my @times = sort { $a <=> $b } @{ $state{times} };
	my $p99 = @times ? $times[int($#times * 0.99)] : 0;
	my $bad = join '; ', @{ $state{bad} };
	$bad =~ s/\s+/ /g;
	syswrite $out, sprintf "%d %d %d %.2f %s\n", $state{pings},
	    scalar(@times), scalar @{ $state{bad} }, $p99 * 1000, $bad;
	$peer->stop;
}

# Starts it; fresh => 0: the lasting session only.
sub good_client
{
	my ($port, %arg) = @_;

	pki();
	pipe my $in, my $out or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		close $in;
		eval { be_good($port, $arg{fresh} // 1, $out); 1 }
		    or syswrite $out, "0 0 1 0 $@\n";
		POSIX::_exit(0);
	}
	close $out;
	my $good = { pid => $pid, in => $in };
	my $line = <$in>;
	die "the good client did not get in\n" if ($line // '') ne "in\n";
	return $good;
}

# Ends it: { pings, connects, bad, p99 (ms), why }.
sub good_result
{
	my ($good) = @_;

	kill 'TERM', $good->{pid};
	my $line = readline($good->{in}) // '0 0 1 0 it died';
	waitpid $good->{pid}, 0;
	my %r;
	@r{qw(pings connects bad p99 why)} = split ' ', $line, 5;
	return \%r;
}

# Injects one fault beside a good client on PORT (none: undef) and adds the
# row. CODE runs the fault with its own checks and returns what became of it.
sub fault
{
	my ($name, $port, $code, %arg) = @_;
	my $began = time;
	my $good = defined $port ? good_client($port, %arg) : undef;
	my $became = eval { $code->() };
	my $error = $@;
	my $r = $good ? good_result($good) : undef;

	ok(!$error, "$name: done") or diag($error);
	is($r->{bad}, 0, "$name: the good client is unharmed")
	    or diag($r->{why}) if $r;
	push @rows, [$name, $became // 'FAILED',
	    $r ? sprintf('%d/%d, p99 %.0f ms', $r->{connects} + $r->{pings}
		- $r->{bad}, $r->{connects} + $r->{pings}, $r->{p99}) : '-',
	    time - $began];
	return $r;
}

sub table
{
	printf "# %-34s %-42s %-22s %s\n", 'injected', 'what became of it',
	    'good client', 'time';
	printf "# %-34s %-42s %-22s %.1f s\n", @$_ for @rows;
}

1;
