# SPDX-License-Identifier: ISC
package Sallyport::DenyList;

# What the deny lists of several replicas contain. A replica is a daemon with
# the path of its admin socket in the field socket.

use strict;
use warnings;

use Exporter qw(import);

use Sallyport;
use Sallyport::Admin;

our @EXPORT = qw(denied all_have);

# Returns the values that a replica denies, sorted, with a blank between them.
sub denied
{
	my (undef, $answer) = ctl_json($_[0]{socket}, 'denied');

	return join ' ', sort map { $_->{who} } @{ $answer->{denied} };
}

# Waits until each of the replicas denies the values of $list, and no others.
sub all_have
{
	my ($list, $what, @replicas) = @_;

	for my $r (@replicas) {
		my $have;

		eval {
			wait_until($what,
				sub { ($have = denied($r)) eq $list }, 20);
		};
		is($have, $list, "$what: $r->{name}");
	}
}

1;
