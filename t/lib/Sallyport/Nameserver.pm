# SPDX-License-Identifier: ISC
package Sallyport::Nameserver;

# Nameservers of a test that has a network of its own, where port 53 is free.

use strict;
use warnings;

use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use POSIX ();

our @EXPORT = qw(nameserver nameserver_stop);

my %servers;

# What one says to a name (A only): an address, a list of them, a number (the
# code), or nothing: silence. "*" stands for all other names.
sub answer
{
	my ($query, $says, $tcp) = @_;
	my ($id) = unpack 'n', $query;
	my ($at, @labels) = (12);
	my ($n, $type, $question, @list);
	my $code = 3;

	while ($n = ord substr $query, $at, 1) {
		push @labels, lc substr $query, $at + 1, $n;
		$at += 1 + $n;
	}
	$question = substr $query, 12, $at + 5 - 12;
	$type = unpack 'n', substr $query, $at + 1, 2;
	my $found = exists $says->{ join '.', @labels }
	    ? $says->{ join '.', @labels } : $says->{'*'};
	return if exists $says->{'*'} && !defined $found;
	if (defined $found && !ref $found && $found =~ /^\d+$/) {
		$code = $found;
	} elsif (defined $found) {
		$code = 0;
		@list = ref $found ? @$found : $found if $type == 1;
	}
	my $cut = !$tcp && @list > 20;
	@list = () if $cut;
	return pack('n6', $id, 0x8180 | $code | ($cut ? 0x200 : 0), 1,
		scalar @list, 0, 0) . $question . join '', map {
		pack 'n3 N n a4', 0xc00c, 1, 1, 1, 4, pack 'C4', split /\./
	    } @list;
}

sub serve
{
	my ($udp, $tcp, $says) = @_;
	my $select = IO::Select->new($udp, $tcp);

	while (my @ready = $select->can_read) {
		for my $from (@ready) {
			my ($query, $reply);
			if ($from == $udp) {
				my $peer = $udp->recv($query, 600);
				$reply = answer($query, $says, 0);
				$udp->send($reply, 0, $peer) if defined $reply;
			} else {
				my $c = $tcp->accept or next;
				# The C library asks for A and AAAA in one go.
				while ($c->read($query, 2)) {
					$c->read($query, unpack 'n', $query);
					$reply = answer($query, $says, 1);
					print {$c} pack('n', length $reply),
					    $reply;
					$c->flush;
				}
			}
		}
	}
}

# Starts a nameserver at an address; it ends with the test.
sub nameserver
{
	my ($address, %says) = @_;
	my %common = (LocalAddr => $address, LocalPort => 53, ReuseAddr => 1);
	my $udp = IO::Socket::INET->new(%common, Proto => 'udp')
	    or die "$address: $!";
	my $tcp = IO::Socket::INET->new(%common, Listen => 5) or die $!;
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		serve($udp, $tcp, \%says);
		POSIX::_exit(0);
	}
	$servers{$address} = $pid;
}

# Ends the nameserver at an address.
sub nameserver_stop
{
	my ($address) = @_;
	my $pid = delete $servers{$address} or return;

	kill 'KILL', $pid;
	waitpid $pid, 0;
}

END
{
	my $status = $?;

	nameserver_stop($_) for keys %servers;
	$? = $status;
}

1;
