# SPDX-License-Identifier: ISC
package Strangers;

# The attackers: a machine of its own whose addresses are in 16 networks. An
# attack is a process there that opens RATE connections a second for SECONDS and
# holds them, 8,000 at the most; the head of %attacks says what it does with them.

use strict;
use warnings;

use IO::Handle;
use POSIX ();
use Socket;
use Time::HiRes qw(time);

use Sallyport::Netns;

my $networks = 16;
my $held_most = 8000;

# The kinds of attacks: what is sent at once, or what is done with a connection
# a hundred times a second until it returns true.
my %attacks = (
	silent => '',
	denied => '',
	'half a ClientHello' => substr(hello(), 0, 40),
	'byte by byte' => sub {
		my ($c) = @_;

		return 1 if time < ($c->{next} // 0);
		$c->{next} = time + 0.1;
		syswrite $c->{socket}, substr(hello(), $c->{sent}++, 1);
		return $c->{sent} == length hello();
	},
	'ClientHello, then nothing' => hello(),
	'endless Certificate' => \&endless_certificate,
	'not TLS' => "GET / HTTP/1.1\r\nHost: mqtt\r\n\r\n" . "\0" x 500,
	'requests for /status' => "GET /status HTTP/1.1\r\nHost: a\r\n\r\n" x 5,
);

sub extension
{
	my ($type, $body) = @_;

	return pack 'n n/a', $type, $body;
}

# A TLS record with a handshake message.
sub message
{
	my ($type, $body) = @_;
	my $message = pack 'CCn a*', $type, 0, length $body, $body;

	return pack 'Cn n/a', 22, 0x0303, $message;
}

# A ClientHello of TLS 1.2 with ECDHE and X25519, P-256.
sub hello
{
	my $extensions = extension(10, pack 'n/a', pack 'nn', 29, 23);

	$extensions .= extension(11, pack 'C/a', "\0");
	$extensions .= extension(13, pack 'n/a', pack 'nnn', 0x0403, 0x0804,
		0x0401);
	return message(1, pack 'n a32 C/a n/a C/a n/a', 0x0303, 'r' x 32, '',
		(pack 'nnn', 0xc02b, 0xc02f, 0xc02c), "\0", $extensions);
}

# A Certificate message of 60,000 bytes, but for the last record.
sub endless_certificate
{
	my ($c) = @_;
	my $records = '';

	syswrite $c->{socket}, hello() unless $c->{greeted}++;
	sysread $c->{socket}, $c->{flight}, 16_384, length($c->{flight} // '');
	# The ServerHelloDone.
	return unless ($c->{flight} // '') =~ /\x0e\0\0\0/;
	my $body = pack 'Cn a*', 0, 59_997, pack 'Cn', 0, 59_994;
	my $message = pack 'CCn a*', 11, 0, 60_000, $body . 'x' x 48_000;
	$records .= pack 'Cn n/a', 22, 0x0303, $_
	    for unpack '(a16000)*', $message;
	syswrite $c->{socket}, $records;
	return 1;
}

# The machine.
sub new
{
	my ($class) = @_;
	my $self = bless { machine => Sallyport::Netns->new('strangers', 2) },
	    $class;

	Sallyport::Netns::ip('-n', 'strangers', 'addr', 'add',
		"10.78.$_.1/24", 'dev', 'lo') for 1 .. $networks + 1;
	Sallyport::Netns::ip('route', 'add', '10.78.0.0/16', 'via',
		$self->{machine}->address);
	return $self;
}

# The network that the attack "denied" comes from.
sub denied_network
{
	return '10.78.' . ($networks + 1) . '.0/24';
}

sub names
{
	return sort keys %attacks;
}

sub open_one
{
	my ($kind, $n, $to) = @_;
	my $net = $kind eq 'denied' ? $networks + 1 : 1 + $n % $networks;

	socket my $s, PF_INET, SOCK_STREAM, 0 or return;
	$s->blocking(0);
	bind $s, pack_sockaddr_in(0, inet_aton("10.78.$net.1")) or return;
	connect $s, $to;
	return { socket => $s, sent => 0 };
}

# True if there is no more to do with the connection. One that is not yet
# established is tried again.
sub work
{
	my ($do, $c) = @_;

	return $do->($c) if ref $do;
	return 1 if $do eq '';
	return defined syswrite($c->{socket}, $do) || !$!{EAGAIN};
}

# The process. Returns how many connections it opened.
sub run
{
	my ($kind, $port, $seconds, $rate) = @_;
	my $to = pack_sockaddr_in($port, inet_aton('10.77.0.1'));
	my $began = time;
	my (@held, @active);
	my $opened = 0;

	while ((my $passed = time - $began) < $seconds) {
		while ($opened < $passed * $rate) {
			my $c = open_one($kind, $opened, $to) or last;
			$opened++;
			push @held, $c;
			push @active, $c;
			shift @held if @held > $held_most;
		}
		@active = grep { !work($attacks{$kind}, $_) } @active;
		splice @active, 0, @active - $held_most
		    if @active > $held_most;
		select undef, undef, undef, 0.01;
	}
	return $opened;
}

# Begins an attack on PORT of the test's machine.
sub attack
{
	my ($self, $kind, $port, $seconds, $rate) = @_;

	pipe my $in, my $out or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		alarm 0;
		$SIG{PIPE} = 'IGNORE';
		close $in;
		# Real ones would not share our CPUs.
		POSIX::nice(10);
		$self->{machine}->enter->();
		syswrite $out, run($kind, $port, $seconds, $rate) . "\n";
		POSIX::_exit(0);
	}
	close $out;
	return { pid => $pid, in => $in };
}

# Is it going on?
sub goes_on
{
	my ($attack) = @_;
	my $ready = '';

	vec($ready, fileno $attack->{in}, 1) = 1;
	return select($ready, undef, undef, 0) == 0;
}

# Its end; returns how many connections there were.
sub end
{
	my ($attack) = @_;
	my $opened = readline($attack->{in}) // 0;

	waitpid $attack->{pid}, 0;
	return $opened + 0;
}

1;
