# SPDX-License-Identifier: ISC
package Sallyport::Guide;

# The guides in etc/doc, run as a reader would: one shell in a folder of its
# own, whose screen is a file. What a fenced block's first line says:
#
#   ```console              "$ " begins a command, one that ends in \ goes on
#                           in the next line. Lines below it have to come on
#                           the screen, where daemons write too and in their
#                           own time; `...' is anything.
#   ```console fails        the commands end with an exit status other than 0
#   ```KIND FILE            the file FILE; of a .ini file that is there already
#                           only these keys of these sections change
#   ```KIND [FILE] needs=X  only where the program X is installed
#   ```text                 nothing to do
#
# Ports are numbers that stand alone, and are exchanged for free ones.

use strict;
use warnings;

use parent 'Sallyport::Proc';

# Blocks of a guide, each { line, kind, words, text }; complains about what a
# reader could run but would not.
sub parse
{
	my ($path) = @_;
	my (@blocks, $block);

	open my $fh, '<:encoding(UTF-8)', $path or die "$path: $!";
	while (my $line = <$fh>) {
		if (!$block) {
			next unless $line =~ /^```(.*)$/;
			my ($kind, @words) = split ' ', $1;
			die "$path:$.: a block without a kind\n" unless $kind;
			die "$path:$.: commands go into console blocks\n"
			    if $kind =~ /^(?:ba)?sh$/;
			$block = { line => $., kind => $kind, text => '',
				words => { map { $_ => 1 } @words } };
		} elsif ($line =~ /^```$/) {
			push @blocks, $block;
			$block = undef;
		} else {
			$block->{text} .= $line;
		}
	}
	die "$path: a block has no end\n" if $block;
	return @blocks;
}

# The commands of a console block, each { line, text, shown => [lines] }.
sub commands
{
	my ($block) = @_;
	my $n = $block->{line};
	my (@commands, $goes_on);

	for my $line (split /\n/, $block->{text}) {
		$n++;
		if ($goes_on) {
			$commands[-1]{text} .= "\n$line";
		} elsif ($line =~ /^\$ (.*)$/) {
			push @commands, { line => $n, text => $1, shown => [] };
		} else {
			die "line $n: no command before\n" unless @commands;
			push @{ $commands[-1]{shown} }, $line;
			next;
		}
		$goes_on = $line =~ /\\$/;
	}
	return @commands;
}

# The text of an ini file with the keys of another over it.
sub merge
{
	my ($old, $new) = @_;
	my ($section, %over) = ('');

	for (split /\n/, $new) {
		$section = $1, $over{$section} //= [] if /^(\[.*\])$/;
		push @{ $over{$section} }, [ $1, $_ ] if /^([a-z_]+) *=/;
	}
	for my $name (sort keys %over) {
		$old .= "\n$name\n" unless $old =~ /^\Q$name\E$/m;
		for (@{ $over{$name} }) {
			my ($key, $line) = @$_;
			$old =~ s/^(\Q$name\E\n(?:(?!\[).*\n)*?)\Q$key\E *=.*/$1$line/m
			    or $old =~ s/^(\Q$name\E)$/$1\n$line/m;
		}
	}
	return $old;
}

# Starts the shell in DIR, which is also its HOME. Fields: dir, slow, ports (a
# hash, from the guide's to those of this run).
sub start
{
	my ($class, %arg) = @_;
	my $self = $class->new(%arg, name => 'guide', drop => 1,
		log => "$arg{dir}/.screen", count => 0,
		env => { HOME => $arg{dir}, LC_ALL => 'C.UTF-8' },
		before => sub { chdir $arg{dir} or POSIX::_exit(127) });
	my $fifo = "$arg{dir}/.keyboard";

	system('mkfifo', '-m', '644', $fifo) == 0 or die "mkfifo: $?";
	# Both ends, so that neither the open nor the shell waits for the other.
	open $self->{keyboard}, '+<', $fifo or die "$fifo: $!";
	$self->{keyboard}->autoflush(1);
	# A terminal, or programs would keep to themselves what they print.
	$self->launch('/usr/bin/script', '-q', '-c',
		"exec /bin/bash --norc --noprofile $fifo", '/dev/null');
	print { $self->{keyboard} } "echo guide-shell \$\$\n";
	($self->{shell}) = $self->wait_log(qr/^guide-shell \d+/) =~ /(\d+)/;
	return $self;
}

# The folder the reader is in.
sub folder
{
	return readlink "/proc/$_[0]{shell}/cwd";
}

sub text
{
	return $_[0]->SUPER::text =~ tr/\r//dr;
}

sub mark
{
	return length $_[0]->text;
}

sub with_ports
{
	my ($self, $text) = @_;
	my $ports = $self->{ports};

	return $text =~ s{\b(\d{4,5})\b}{$ports->{$1} // $1}ger;
}

# Runs a command; returns what is wrong, or nothing.
sub run
{
	my ($self, $command, %opt) = @_;
	my $from = $self->mark;
	my $end = 'guide-' . ++$self->{count};
	my $what = $self->with_ports($command->{text});

	print { $self->{keyboard} } "$what\necho $end \$?\n";
	my $line = eval {
		$self->wait_log(qr/\b$end \d+$/, from => $from,
			timeout => 100)
	} // return "it does not end\n" . $self->since($from);
	return "exit status $1\n" . $self->since($from)
	    if $line =~ /(\d+)$/ && !$1 != !$opt{fails};
	for my $shown (@{ $command->{shown} }) {
		$self->see($shown, $from)
		    or return "not shown: $shown\n" . $self->since($from);
	}
	return;
}

sub since
{
	my ($self, $from) = @_;

	return substr $self->text, $from;
}

# Waits for a line on the screen from FROM on; returns whether it came.
sub see
{
	my ($self, $shown, $from) = @_;
	my $pattern = join '.*', map {
		join '\s+', map { quotemeta } split /\s+/
	} split /\s*\.\.\.\s*/, $self->with_ports($shown), -1;

	return eval {
		Sallyport::wait_until($shown, sub {
			$self->since($from) =~ /^\s*$pattern\s*?\n/m
		}, 100); # RabbitMQ, on a machine with other things to do
	};
}

# Ends the shell and all it left running, which is of its group.
sub stop
{
	my ($self) = @_;

	return unless $self->{shell};
	print { $self->{keyboard} } "trap '' TERM\nkill 0\nwait\nexit\n";
	return if defined $self->wait_exit(5);
	kill 'KILL', -$self->{shell}, $self->{pid};
	$self->wait_exit(5);
	return 'what the guides started had to be killed';
}

1;
