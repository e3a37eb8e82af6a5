# SPDX-License-Identifier: ISC
package Bench::Fleet;

# The rows about a fleet of three replicas. Their figures come from the tests
# that make check-fleet runs, which write them to the file FLEET_FIGURES; there
# is no peer to compare them with.

use strict;
use warnings;

my @tests = ('t/scale/fleet', 't/98-fleet/sessions_stay.t');

sub rows
{
	return map { { %$_, slow => 1, fleet => 1 } } (
		{ name => 'fleet_deny', unit => 'ms', limit => 100,
		    text => 'fleet: deny to a close elsewhere, p99' },
		{ name => 'fleet_many', unit => 's', limit => 10,
		    text => '... 10,000 denials on all replicas' },
		{ name => 'fleet_away', unit => 's', limit => 1,
		    text => '... a replica that missed 5,000 changes' },
		{ name => 'fleet_lost', unit => 'of 3000', limit => 0,
		    text => '... sessions lost when the Redis server dies' },
		{ name => 'fleet_cpu', unit => 'times', limit => 1.1,
		    text => '... CPU of a connect, to that without' },
	);
}

# Runs the tests; the figures by name. What has no figure was skipped or failed.
sub figures
{
	my ($dir) = @_;
	my $file = "$dir/fleet.figures";
	my %figures;

	unlink $file;
	local $ENV{FLEET_FIGURES} = $file;
	local $ENV{FLEET_SESSIONS} = $ENV{FLEET_SESSIONS} || 3000;
	local $ENV{SALLYPORT_TEST_LIMIT} = 600;
	for my $test (@tests) {
		system("perl '$ENV{TOP_SRCDIR}/$test' >&2");
	}
	open my $f, '<', $file or return;
	while (<$f>) {
		$figures{$1} = $2 if /^(\w+) ([\d.]+)$/;
	}
	return %figures;
}

1;
