# SPDX-License-Identifier: ISC
package Sallyport::Peer;

# Drives t/lib/peer: a device, or the broker that records. Calls wait for the
# answer; begin/finish split them where two peers must work at once.

use strict;
use warnings;

use Carp;
use IPC::Open2;
use Sallyport::Mqtt ();

sub new
{
	my ($class, $program, $pki) = @_;
	my $self = bless { pki => $pki, count => 0, end => '' }, $class;

	croak "$program is not built" unless -x $program;
	$self->{pid} = open2($self->{from}, $self->{to}, $program);
	binmode $self->{$_} for qw(from to);
	return $self;
}

sub stop
{
	my ($self) = @_;

	return unless $self->{pid};
	close $self->{to};
	kill 'KILL', $self->{pid};
	waitpid delete $self->{pid}, 0;
}

# Sends a command without waiting for its answer.
sub begin
{
	my ($self, $verb, $name, %arg) = @_;
	my $scale = $ENV{SALLYPORT_TEST_SLOW} || 1;

	$arg{timeout} = int(($arg{timeout} || 5000) * $scale);
	my $line = join ' ', $verb, $name, map { "$_=$arg{$_}" }
	    grep { defined $arg{$_} } sort keys %arg;
	$self->{to}->print("$line\n");
	$self->{to}->flush;
	$self->{asked} = substr $line, 0, 200;
}

# The answer to what was begun: { status => ok | eof | timeout | error ... }.
sub finish
{
	my ($self) = @_;
	my $line = $self->{from}->getline;

	croak "peer died at: $self->{asked}" unless defined $line;
	my ($status, @facts) = split ' ', $line;
	return { status => $status, map { split /=/, $_, 2 } @facts };
}

sub command
{
	my $self = shift;

	$self->begin(@_);
	return $self->finish;
}

sub conn
{
	my ($self) = @_;
	my $name = 'c' . ++$self->{count};

	return bless { peer => $self, name => $name },
	    'Sallyport::Peer::Conn';
}

# A TCP connection (port, host; from = a local address) or a unix one (unix).
sub open
{
	my ($self, %arg) = @_;
	my $c = $self->conn;
	my %to = map { $_ => $arg{$_} } grep { exists $arg{$_} }
	    qw(port host unix from rcvbuf timeout);
	my $r = $self->command('open', $c->{name}, %to);

	croak "open: " . said($r) if $r->{status} ne 'ok';
	return $c;
}

# Like open, but hands the refusal back instead of dying.
sub try_open
{
	my ($self, %arg) = @_;
	my $c = $self->conn;
	my $r = $self->command('open', $c->{name}, %arg);

	return $r->{status} eq 'ok' ? $c : undef;
}

my @tls_args = qw(cert key ca min max sni session ciphers groups sigalgs
    timeout);

# Opens and shakes hands; returns the connection with its outcome in {tls}.
# device => NAME presents that certificate of the shared PKI.
sub try_tls
{
	my ($self, %arg) = @_;
	my $c = $self->open(%arg);

	if (defined(my $device = $arg{device})) {
		$arg{cert} //= $self->{pki}->cert($device);
		$arg{key} //= $self->{pki}->key($device);
	}
	my %tls = map { $_ => $arg{$_} } grep { exists $arg{$_} } @tls_args;
	$c->{tls} = $self->command('tls', $c->{name}, %tls);
	return $c;
}

# Opens and shakes hands; dies unless that succeeds. The certificate of the
# server is checked, unless ca => undef says not to.
sub tls
{
	my ($self, %arg) = @_;

	$arg{ca} = $self->{pki}->cert('server-ca') unless exists $arg{ca};
	my $c = $self->try_tls(%arg);
	croak "tls: " . said($c->{tls}) if $c->{tls}{status} ne 'ok';
	return $c;
}

# TLS and WebSocket upgrade; dies unless both succeed.
sub wss
{
	my ($self, %arg) = @_;
	my $c = $self->tls(%arg);
	my $answer = $c->upgrade(
		Sallyport::Ws::ws_request(path => $arg{path} // '/mqtt'));

	croak "upgrade: $answer" unless $answer =~ m{^HTTP/1\.1 101 };
	return $c;
}

# tls or wss, by word: lets one test body run over both.
sub device
{
	my ($self, $transport, %arg) = @_;

	return $transport eq 'wss' ? $self->wss(%arg) : $self->tls(%arg);
}

# Attempts TLS and waits for the refusal, which TLS 1.3 may deliver after the
# client is done: { status, alert, how, ... }.
sub refused
{
	my ($self, %arg) = @_;
	my $c = $self->try_tls(%arg);
	my $r = $c->{tls};

	$r = $c->ended if $r->{status} eq 'ok';
	$c->close;
	return $r;
}

# A listening socket (the recording backend); knows its {port}.
sub listen
{
	my ($self, %arg) = @_;
	my $c = $self->conn;
	my $r = $self->command('listen', $c->{name}, %arg);

	croak "listen: " . said($r) if $r->{status} ne 'ok';
	$c->{port} = $r->{port};
	$c->{address} = defined $arg{unix}
	    ? "unix:$arg{unix}" : "127.0.0.1:$r->{port}";
	return $c;
}

sub said
{
	my ($r) = @_;

	return join ' ', $r->{status},
	    map { "$_=$r->{$_}" } grep { $_ ne 'status' } sort keys %$r;
}

package Sallyport::Peer::Conn;

use strict;
use warnings;

use Carp;

sub command
{
	my ($self, $verb, %arg) = @_;

	return $self->{peer}->command($verb, $self->{name}, %arg);
}

# The next connection to this listener.
sub accept
{
	my ($self, %arg) = @_;
	my $c = $self->{peer}->conn;
	my $r = $self->{peer}->command('accept', $c->{name},
		from => $self->{name}, %arg);

	croak 'accept: ' . Sallyport::Peer::said($r)
	    if $r->{status} ne 'ok';
	return $c;
}

# The next connection to this listener on which a packet comes, and that packet.
# A broker that was down may see a connection without bytes first: the trial
# whether it is back.
sub accept_packet
{
	my ($self, %arg) = @_;

	for (1 .. 8) {
		my $c = $self->accept(%arg);
		my $packet = eval { $c->packet(%arg) };

		return ($c, $packet) if defined $packet;
		$c->close;
	}
	croak 'accept_packet: connections without a packet only';
}

# The next connection to this listener, on which CLIENT has sent a CONNECT and
# has been accepted. Fields as for mqtt_connect().
sub session
{
	my ($self, $client, %connect) = @_;

	$client->send(Sallyport::Mqtt::mqtt_connect(%connect));
	my $c = $self->accept;
	$c->packet;
	$c->send(Sallyport::Mqtt::mqtt_connack(
		($connect{version} // 4) == 5 ? (properties => '') : ()));
	$client->packet;
	return $c;
}

# True if a connection waits at this listener, or bytes wait here.
sub pending
{
	return $_[0]->command('pending')->{pending};
}

sub port
{
	return $_[0]->{port};
}

sub address
{
	return $_[0]->{address};
}

# Sends bytes; chunk => N cuts them into records or frames, raw => 1 goes
# round WebSocket framing. Returns the connection.
sub send
{
	my ($self, $bytes, %arg) = @_;
	my $r = $self->command('send', hex => unpack('H*', $bytes), %arg);

	croak 'send: ' . Sallyport::Peer::said($r) if $r->{status} ne 'ok';
	return $self;
}

# Like send, but a broken connection is fine.
sub try_send
{
	my ($self, $bytes, %arg) = @_;

	$self->command('send', hex => unpack('H*', $bytes), %arg);
	return $self;
}

# Exactly N bytes; dies when they do not come.
sub recv
{
	my ($self, $n, %arg) = @_;
	my $r = $self->command('recv', n => $n, %arg);

	croak "recv $n: " . Sallyport::Peer::said($r)
	    if $r->{status} ne 'ok';
	return pack 'H*', $r->{hex} // '';
}

# One whole MQTT packet.
sub packet
{
	my ($self, %arg) = @_;
	my $head = $self->recv(2, %arg);
	my ($n, $factor) = (0, 1);

	$head .= $self->recv(1, %arg) while ord(substr $head, -1) & 128;
	for my $byte (unpack 'x C*', $head) {
		$n += ($byte & 127) * $factor;
		$factor *= 128;
	}
	return $n ? $head . $self->recv($n, %arg) : $head;
}

# Reads to the end: { status => eof, how, alert, close, bytes }.
sub ended
{
	my ($self, %arg) = @_;
	my $r = $self->command('recv', n => 0, %arg);

	$r->{bytes} = pack 'H*', $r->{hex} // '';
	return $r;
}

# Sends an upgrade request; returns the head of the answer and, when that is
# 101, frames everything from here on.
sub upgrade
{
	my ($self, $request, %arg) = @_;

	$self->try_send($request, %arg);
	my $r = $self->command('head');
	return Sallyport::Peer::said($r) if $r->{status} ne 'ok';
	my $head = pack 'H*', $r->{hex};
	$self->command('websocket') if $head =~ m{^HTTP/1\.1 101 };
	return $head;
}

# The next WebSocket frame: { op, fin, rsv, masked, payload }.
sub frame
{
	my ($self, %arg) = @_;
	my $r = $self->command('frame', %arg);

	$r->{payload} = pack 'H*', $r->{hex} // '';
	return $r;
}

# Waits for a TLS ticket and keeps it as NAME for tls(session => NAME).
sub ticket
{
	my ($self, $name) = @_;
	my $r = $self->command('ticket', as => $name);

	croak 'ticket: ' . Sallyport::Peer::said($r)
	    if $r->{status} ne 'ok';
	return $self;
}

# Sends and receives at once, see t/lib/peer_pump.c. begin_pump does not wait.
sub pump
{
	my ($self, %arg) = @_;

	return $self->command('pump', %arg);
}

sub begin_pump
{
	my ($self, %arg) = @_;

	$self->{peer}->begin('pump', $self->{name}, %arg);
}

sub finish
{
	return $_[0]->{peer}->finish;
}

# Half-close.
sub eof
{
	my ($self, %arg) = @_;

	$self->command('eof', %arg);
	return $self;
}

sub reset
{
	$_[0]->command('reset');
}

sub close
{
	$_[0]->command('close');
}

1;
