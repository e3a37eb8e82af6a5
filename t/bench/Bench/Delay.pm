# SPDX-License-Identifier: ISC
package Bench::Delay;

# What the rows with a delayed line need: a network namespace of the bench's
# own, which the whole run moves into, so that peers may listen there on any
# address; and t/bench/delay, which delays what goes between it and the
# generator.

use strict;
use warnings;

# Starts the bench once more in a namespace, with the arguments that it had.
# Returns only when that is not possible, or done already: then what is in the
# way of a delayed line, or nothing.
sub move_in
{
	my (@arguments) = @_;

	return 'only root makes network namespaces' if $> != 0;
	return 'there is no /dev/net/tun' if !-w '/dev/net/tun';
	if (!$ENV{BENCH_NETNS}) {
		return 'there are no network namespaces'
		    if system('unshare -n true 2>/dev/null') != 0;
		$ENV{BENCH_NETNS} = 1;
		exec 'unshare', '-n', $^X, $0, @arguments
		    or return "unshare: $!";
	}
	return 'ip is not there'
	    if system('ip link set lo up 2>/dev/null') != 0;
	return system("$ENV{BENCH_DIR}/delay 1 true 2>/dev/null") == 0 ? undef :
	    'a TUN device cannot be made';
}

# The four figures of one load, as rows: its first row has the load.
sub rows_of
{
	my ($nagle, $ms, $at_once, $count, %more) = @_;
	my $name = 'connect-' . ($nagle ? 'nagle' : 'nodelay')
	    . "-${ms}ms-$at_once";
	my $text = "Nagle " . ($nagle ? 'on' : 'off') . ", $ms ms, $at_once at once: ";
	my %each = (unit => 'ms', against => 'proxy');
	my @rows = (
		{ name => $name, text => "${text}CONNACK, p50",
		    figure => 'connack_p50_us', goal => 1.0, delay => $ms,
		    load => [ 'mode=connect', "nagle=$nagle", "count=$count",
			"concurrency=$at_once" ], %each, %more },
		{ name => "$name-p99", text => '... CONNACK, p99',
		    figure => 'connack_p99_us' },
		{ name => "$name-first", text => '... first message, p50',
		    figure => 'p50_us' },
		{ name => "$name-first-p99", text => '... first message, p99',
		    figure => 'p99_us' },
	);

	return $rows[0], map { { %$_, %each, %more, from => $name } }
	    @rows[1 .. 3];
}

# How long a client waits. A quick run takes the first load alone.
sub rows
{
	my ($scale) = @_;
	my @rows;

	for my $nagle (1, 0) {
		for my $ms (1, 50) {
			for my $at_once (1, 64) {
				my $count = $at_once == 64 ? 640 :
				    $ms == 1 ? 100 : 40;

				push @rows, rows_of($nagle, $ms, $at_once,
					int($count * $scale) || 1,
					@rows ? (slow => 1) : ());
			}
		}
	}
	return @rows;
}

1;
