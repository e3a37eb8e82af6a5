# SPDX-License-Identifier: ISC
package Sallyport::Redis;

# A real redis-server (or valkey-server) on a port of its own, which keeps its
# data in memory or, with save => 1, on disk. A test that needs one is skipped
# where there is none.

use strict;
use warnings;

use Exporter qw(import);
use IO::Socket::IP;

use Sallyport;
use parent 'Sallyport::Proc';

our @EXPORT = qw(redis);

my $count = 0;

sub program
{
	for my $name (qw(redis-server valkey-server)) {
		for my $dir (split(/:/, $ENV{PATH}), '/usr/sbin') {
			return "$dir/$name" if -x "$dir/$name";
		}
	}
	return;
}

# Returns why a test cannot have a fleet; undef if it can.
sub missing
{
	my $ini = tmp('fleet.ini');

	return 'redis-server is not installed' unless program();
	write_file($ini, "[fleet]\naddress = 127.0.0.1:1\n");
	return 'built without hiredis'
	    if (sallyport_check('-c', $ini))[2] =~ /hiredis/;
	return;
}

# Starts one. Fields: port (a free one), config (more lines), before, save.
sub redis
{
	my (%arg) = @_;
	my $name = 'redis' . ++$count;
	my $self = Sallyport::Redis->new(name => $name, slow => slow,
		log => tmp("$name.log"), host => $arg{host} // '127.0.0.1',
		before => $arg{before}, config => $arg{config} // '',
		any_exit => 1);

	my $missing = missing();
	plan(skip_all => $missing) if defined $missing;
	mkdir tmp($name) or die "mkdir: $!";
	for (1 .. 5) {
		$self->{port} = $arg{port} // free_port;
		return owned($self) if $self->start;
		die "no redis: " . $self->text if defined $arg{port};
	}
	die 'no port for redis';
}

# Starts it, or starts it again with what it has on disk: nothing, as a rule.
sub start
{
	my ($self) = @_;
	my $conf = tmp("$self->{name}.conf");

	write_file($conf, <<"END" . $self->{config});
bind $self->{host}
port $self->{port}
dir @{[tmp($self->{name})]}
save ""
appendonly no
daemonize no
END
	delete $self->{status};
	$self->launch(program(), $conf);
	my $end = time + 10 * slow;
	while ($self->alive && time < $end) {
		return 1 if $self->{config} =~ /^port 0/m ||
		    $self->text =~ /Ready to accept connections/;
		select undef, undef, undef, 0.005;
	}
	return 0;
}

# Ends it at once, as a crash does.
sub crash
{
	my ($self) = @_;

	$self->signal('KILL');
	$self->wait_exit(10);
	return $self;
}

sub address
{
	return "$_[0]{host}:$_[0]{port}";
}

sub read_reply
{
	my ($s) = @_;
	my $line = readline $s;

	die "redis: no reply\n" unless defined $line;
	$line =~ s/\r\n\z//;
	my ($kind, $rest) = $line =~ /^(.)(.*)$/;
	die "redis: $rest\n" if $kind eq '-';
	return $rest if $kind =~ /[+:]/;
	return if $rest == -1;
	return [ map { read_reply($s) } 1 .. $rest ] if $kind eq '*';
	read $s, my $text, $rest + 2;
	return substr $text, 0, $rest;
}

# One command; dies of an error. With a password it logs in first.
sub command
{
	my ($self, @argv) = @_;
	my $s = IO::Socket::IP->new(PeerHost => $self->{host},
		PeerPort => $self->{port}, Timeout => 10)
	    or die "redis: $@\n";

	for my $c ($self->{login} ? ['AUTH', @{ $self->{login} }] : (),
		[@argv]) {
		print $s '*' . @$c . "\r\n"
		    . join('', map { '$' . length($_) . "\r\n$_\r\n" } @$c);
		$s->flush;
		@argv = (read_reply($s));
	}
	return $argv[0];
}

1;
