# SPDX-License-Identifier: ISC
package Sallyport::Admin;

# Asks a running sallyport: by sallyportctl, by HTTP at its admin socket and
# http_listen; and reads Prometheus text, strictly.

use strict;
use warnings;

use Exporter qw(import);
use IO::Socket::IP;
use IO::Socket::UNIX;
use JSON::PP ();

use Sallyport::Proc;

our @EXPORT = qw(ctl ctl_json http raw_http prometheus);

sub program
{
	return $ENV{SALLYPORTCTL} || ($ENV{TOP_BUILDDIR} || '.')
	    . '/sallyportctl';
}

# Runs sallyportctl: (exit code, stdout, stderr).
sub ctl
{
	my ($socket, @args) = @_;

	return Sallyport::Proc::run(20 * ($ENV{SALLYPORT_TEST_SLOW} || 1),
		program(), '-s', $socket, @args);
}

# The same with --json: (exit code, the answer).
sub ctl_json
{
	my ($socket, @args) = @_;
	my ($code, $out) = ctl($socket, '--json', @args);

	return ($code, $out eq '' ? undef : JSON::PP::decode_json($out));
}

# Sends bytes and reads to the end; at a port, an ADDRESS:PORT or a socket's
# path.
sub raw_http
{
	my ($at, $bytes) = @_;
	my $s = $at =~ m{^/}
	    ? IO::Socket::UNIX->new(Peer => $at)
	    : IO::Socket::IP->new(
		PeerHost => $at =~ /^(.+):\d+$/ ? $1 : '127.0.0.1',
		PeerPort => $at =~ s/^.+://r);
	my $answer = '';

	return unless $s;
	print $s $bytes;
	$s->flush;
	1 while sysread $s, $answer, 65536, length $answer;
	return $answer;
}

# One request: { status, head, body, NAME => value of each header }.
sub http
{
	my ($at, $method, $target, %headers) = @_;
	my $request = "$method $target HTTP/1.1\r\nHost: test\r\n"
	    . join('', map { "$_: $headers{$_}\r\n" } sort keys %headers)
	    . "\r\n";
	my ($head, $body) = split /\r\n\r\n/, raw_http($at, $request) // '', 2;
	my %r = (head => $head // '', body => $body // '');

	($r{status}) = $r{head} =~ m{^HTTP/1\.1 (\d{3}) };
	$r{lc $1} = $2 while $r{head} =~ /^([\w-]+): (.*?)\r?$/mg;
	return \%r;
}

my $name = qr/[a-zA-Z_:][a-zA-Z0-9_:]*/;
my $label = qr/[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"/;
my $number = qr/[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN/;

# Reads the text format 0.0.4 or, with openmetrics => 1, OpenMetrics 1.0. Dies
# at the first thing that is not as it must be: (samples, types). A sample's
# key is its line without the number.
sub prometheus
{
	my ($text, %opt) = @_;
	my (%samples, %types, %help, %done, $family);

	die "no newline at the end\n" if $text !~ /\n\z/;
	my @lines = split /\n/, $text;
	if ($opt{openmetrics}) {
		my $eof = pop @lines;
		die "no # EOF\n" if $eof ne '# EOF';
	}
	for (@lines) {
		if (/^# HELP ($name) (\S.*)$/) {
			die "HELP twice: $_\n" if $help{$1}++;
			$done{$family} = 1 if defined $family;
			$family = $1;
			next;
		}
		if (/^# TYPE ($name) (counter|gauge|histogram|gaugehistogram)$/) {
			die "TYPE without HELP: $_\n" if $family ne $1;
			$types{$1} = $2;
			next;
		}
		/^($name)(\{$label(?:,$label)*\})? ($number)$/
		    or die "not a line: $_\n";
		my ($metric, $labels, $value) = ($1, $2 // '', $3);
		check_name($metric, $family, $types{$family}, %opt);
		die "sample twice: $_\n"
		    if exists $samples{"$metric$labels"};
		my %seen;
		for ($labels =~ /(\w+)="/g) {
			die "label twice: $metric$labels\n" if $seen{$_}++;
		}
		# The same name in both formats, to compare them.
		$metric =~ s/_g(count|sum)$/_$1/
		    if $types{$family} eq 'gaugehistogram';
		$samples{"$metric$labels"} = $value;
	}
	check_histograms(\%samples, \%types);
	return (\%samples, \%types);
}

# Samples stand behind their family, and are called as its type asks.
sub check_name
{
	my ($metric, $family, $type, %opt) = @_;
	my $good = $type eq 'histogram' ? "${family}_(?:bucket|sum|count)"
	    : $type eq 'gaugehistogram' ? "${family}_(?:bucket|gsum|gcount)"
	    : $type eq 'counter' && $opt{openmetrics} ? "${family}_total"
	    : $family;

	die "$metric in the family $family\n" if $metric !~ /^$good$/;
	die "$metric is a counter without _total\n"
	    if $type eq 'counter' && $metric !~ /_total$/;
	die "$metric looks like a counter\n"
	    if $type eq 'gauge' && $metric =~ /_total$/;
}

# Buckets go up, end with +Inf, and agree with the count.
sub check_histograms
{
	my ($samples, $types) = @_;

	for my $h (grep { $types->{$_} =~ /histogram$/ } keys %$types) {
		my %bucket = map {
			/^\Q$h\E_bucket\{le="(.*)"\}$/
			    ? ($1 => $samples->{$_}) : ()
		} keys %$samples;
		my $last = 0;
		for my $le (sort { $a <=> $b } keys %bucket) {
			die "$h: le=$le goes down\n" if $bucket{$le} < $last;
			$last = $bucket{$le};
		}
		die "$h: +Inf is not the count\n" if !defined $bucket{'+Inf'}
		    || $bucket{'+Inf'} != $samples->{"${h}_count"};
		die "$h: no sum\n" unless defined $samples->{"${h}_sum"};
	}
}

1;
