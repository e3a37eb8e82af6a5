# SPDX-License-Identifier: ISC
package Sallyport::Mosquitto;

# A real mosquitto on a plaintext port of its own, which accepts every client
# and logs all it sees.

use strict;
use warnings;

use parent 'Sallyport::Proc';

my $count = 0;

sub program
{
	for my $dir (split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin') {
		return "$dir/mosquitto" if -x "$dir/mosquitto";
	}
	return 'mosquitto';
}

# Fields: dir, port (a sub that finds a free one), host (127.0.0.1), slow,
# config (more lines), before (see Sallyport::Proc).
sub start
{
	my ($class, %arg) = @_;
	my $name = 'mosquitto' . ++$count;
	my $self = $class->new(name => $name, log => "$arg{dir}/$name.log",
		host => $arg{host} // '127.0.0.1', slow => $arg{slow},
		before => $arg{before});

	# Another process may take the port between the finding and the binding.
	for (1 .. 5) {
		$self->{port} = $arg{port}->();
		$self->launch(program(), '-c', $self->write_config(%arg));
		return $self
		    if eval { $self->wait_log(qr/ running$/); 1 };
		die $@ unless $self->text =~ /in use/;
		delete $self->{pid};
	}
	die "no port for mosquitto\n";
}

sub write_config
{
	my ($self, %arg) = @_;
	my $path = "$arg{dir}/$self->{name}.conf";
	my $user = getpwuid $<;

	open my $fh, '>', $path or die "$path: $!";
	print $fh <<"END";
listener $self->{port} $self->{host}
allow_anonymous true
log_dest stderr
log_type all
log_timestamp false
connection_messages true
persistence false
max_queued_messages 0
message_size_limit 0
user $user
END
	print $fh $arg{config} if defined $arg{config};
	close $fh;
	return $path;
}

sub address
{
	return "$_[0]{host}:$_[0]{port}";
}

sub port
{
	return $_[0]{port};
}

1;
