# SPDX-License-Identifier: ISC
package Sallyport::Daemon;

# The sallyport under test: a config over defaults that listen for TLS and
# WSS on free loopback ports, its log, its ports, its memory.

use strict;
use warnings;

use Test::More ();
use Time::HiRes qw(time);

use parent 'Sallyport::Proc';

my $count = 0;

sub program
{
	my ($builddir) = @_;

	return $ENV{SALLYPORT} if $ENV{SALLYPORT};
	for my $path ("$builddir/sallyport", "$builddir/src/sallyport") {
		return $path if -x $path;
	}
	die "sallyport is not built in $builddir\n";
}

# Fields dir, pki, builddir, slow, and kit (a hash for Sallyport::Proc; its wrap
# is a command that executes the daemon, its args are options more) belong to the kit; every other one is a section whose keys go over the defaults
# (undef takes one, or a section, out).
sub start
{
	my ($class, %arg) = @_;
	my %kit = map { $_ => delete $arg{$_} } qw(dir pki builddir slow kit);
	my $name = 'sallyport' . ++$count;
	my $self = $class->new(
		name => $name, drop => 1, pki => $kit{pki}, slow => $kit{slow},
		log => "$kit{dir}/$name.log", ini => "$kit{dir}/$name.ini",
		ports_file => "$kit{dir}/$name.ports", %{ $kit{kit} || {} });

	$self->{program} = program($kit{builddir});
	$self->write_ini(%arg);
	$self->launch(@{ $self->{wrap} || [] }, $self->{program},
		@{ $self->{args} || [] }, '-c', $self->{ini});
	$self->wait_ready;
	return $self;
}

sub defaults
{
	my ($self) = @_;
	my $pki = $self->{pki};

	return (
		daemon => {
			workers => 2, log => 'stderr', log_level => 'debug',
			ports_file => $self->{ports_file},
			watch_interval => 0, drain_timeout => '5s',
			# A sanitizer's report needs what the sandbox forbids.
			sandbox => $self->sanitized ? 'off' : 'on',
		},
		'listener tls' => { bind => '127.0.0.1:0' },
		'listener wss' => {
			bind => '127.0.0.1:0', transport => 'websocket',
			path => '/mqtt',
		},
		tls => {
			certificate => $pki->cert('server'),
			private_key => $pki->key('server'),
			client_ca => $pki->cert('client-ca'),
		},
		identity => { username => '${cn}' },
		backend => { address => '127.0.0.1:1' },
	);
}

# The text of a config: sections in a fixed order, then the others.
sub ini_text
{
	my (%sections) = @_;
	my $text = '';

	for my $name (sort keys %sections) {
		my $keys = $sections{$name} or next;
		$text .= "[$name]\n";
		for my $key (sort keys %$keys) {
			next unless defined $keys->{$key};
			$text .= "$key = $keys->{$key}\n";
		}
	}
	return $text;
}

# Writes the config: the defaults with these sections over them. Profiles that do
# not mention clientid, not even as undef, leave it to the client, which makes
# packets easy to compare.
sub write_ini
{
	my ($self, %over) = @_;
	my %sections = $self->defaults;

	for my $name (keys %over) {
		if (!defined $over{$name}) {
			delete $sections{$name};
			next;
		}
		$sections{$name} = { %{ $sections{$name} || {} },
			%{ $over{$name} } };
		# As in defaults().
		$sections{$name} = { clientid => 'none', %{ $sections{$name} } }
		    if $name =~ /^identity /;
	}
	for my $name (grep { /^identity\b/ } keys %sections) {
		my $profile = $sections{$name};
		$profile->{clientid} = 'none' if !exists $profile->{clientid};
	}
	$self->write_text(ini_text(%sections));
}

sub write_text
{
	my ($self, $text) = @_;

	open my $fh, '>', $self->{ini} or die "$self->{ini}: $!";
	print $fh $text;
	close $fh or die "$self->{ini}: $!";
}

# It is ready when ports_file contains all that it has bound.
sub wait_ready
{
	my ($self) = @_;
	my $end = time + 10 * ($self->{slow} || 1);

	until (-s $self->{ports_file}) {
		die "$self->{name} did not start:\n" . $self->text
		    unless $self->alive;
		die "$self->{name} is not ready in time\n" if time > $end;
		select undef, undef, undef, 0.005;
	}
}

# The port a listener of that name has; the first when it has several.
sub port
{
	my ($self, $listener) = @_;

	return ($self->ports($listener))[0];
}

# Lines of ports_file are "LISTENER ADDRESS:PORT".
sub ports
{
	my ($self, $listener) = @_;
	my @ports;

	open my $fh, '<', $self->{ports_file} or die "no ports_file: $!";
	while (my $line = <$fh>) {
		push @ports, $2 if $line =~ /^(\S+)\s+\S*:(\d+)$/
		    && $1 eq $listener;
	}
	die "no listener $listener in ports_file\n" unless @ports;
	return @ports;
}

# True if it is built with a sanitizer: then its memory and its speed mean
# nothing.
sub sanitized
{
	my ($self) = @_;

	return $self->{sanitized} //= do {
		open my $fh, '<:raw', $self->{program} or die "$!";
		local $/;
		<$fh> =~ /__(?:asan|tsan|msan)_init/ ? 1 : 0;
	};
}

# Resident memory in KiB.
sub rss
{
	my ($self) = @_;

	open my $fh, '<', "/proc/$self->{pid}/status" or return 0;
	local $/;
	return <$fh> =~ /^VmRSS:\s+(\d+)/m ? $1 : 0;
}

# Waits for the one line at the end of a connection, refused or closed, that
# gives this reason; returns it, or undef when it does not come.
sub wait_close
{
	my ($self, $reason, %opt) = @_;
	my $line = eval {
		$self->wait_log(
			qr/event=(?:close|refuse) .*\breason=(?:$reason)(?: |$)/,
			timeout => 5, %opt)
	};

	Test::More::diag($@, substr $self->text, $opt{from} || 0)
	    unless defined $line;
	return $line;
}

1;
