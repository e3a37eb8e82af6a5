#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The alert rules pass their tests, and rules and dashboard ask only for metrics
# that the daemon has.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;

use JSON::PP;

my $rules = srcdir . '/contrib/prometheus';
my $socket = tmp('admin.sock');
my $proxy = sallyport(daemon => { admin_socket => $socket });
my ($code, $text) = ctl($socket, 'metrics');
my (undef, $types) = prometheus($text);
my %known = map { $_ => 1 } keys %$types;

for my $h (grep { $types->{$_} eq 'histogram' } keys %$types) {
	$known{"${h}_$_"} = 1 for qw(bucket sum count);
}

# With [fleet] there are more, which the manual names.
for (read_file(srcdir . '/etc/sallyport.8') =~ /^\.It Cm (fleet_.*)$/mg) {
	$known{"sallyport_$_"} = 1 for split / , /;
}

# Those of sallyport-fetch, by its manual.
$known{$_} = 1 for read_file(srcdir . '/etc/sallyport-fetch.8')
    =~ /^\.It Cm (sallyport_fetch_\w+)$/mg;

sub unknown
{
	my %asked = map { $_ => 1 }
	    $_[0] =~ /\b((?:sallyport|process)_[a-z_]+)\b/g;

	return [ grep { !$known{$_} } sort keys %asked ];
}

my $alerts = read_file("$rules/alerts.yml");
is_deeply(unknown($alerts), [], 'the rules ask for metrics that are there');

# Each has a section of the guide, and both are in the same order.
my $guide = read_file(srcdir . '/etc/doc/alerts.md');
is_deeply([ $guide =~ /^## (\w+)$/mg ], [ $alerts =~ /- alert: (\w+)$/mg ],
	'the guide has a section for each alert');
is_deeply([ $alerts =~ m{runbook: etc/doc/alerts\.md#(\w+)$}mg ],
	[ map { lc } $alerts =~ /- alert: (\w+)$/mg ], 'which the alert names');

# Kubernetes has them as an object. (kubernetes.t looks at the dashboard's.)
my ($rule) = read_file(srcdir . '/contrib/kubernetes/components/monitoring'
    . '/prometheusrule.yaml') =~ /^kind: PrometheusRule\n.*?^spec:\n(.*)\z/ms;
is($rule =~ s/^  //mgr, $alerts =~ s/\A.*?^(?=groups:)//msr,
	'PrometheusRule: the same rules');

my $dashboard = decode_json(
	read_file(srcdir . '/contrib/grafana/dashboard.json'));
my @panels = grep { $_->{type} ne 'row' } @{ $dashboard->{panels} };
my @exprs = map { $_->{expr} } map { @{ $_->{targets} } } @panels;
cmp_ok(@exprs, '>', 20, 'the dashboard has queries');
is_deeply(unknown(join "\n", @exprs), [], 'for metrics that are there');
my %ids = map { $_->{id} => 1 } @{ $dashboard->{panels} };
is(keys %ids, @{ $dashboard->{panels} }, 'each panel has its own id');
is(scalar(grep { !$_->{description} } @panels), 0, 'and says what it shows');
my %place;
for my $g (map { $_->{gridPos} } @{ $dashboard->{panels} }) {
	for my $x ($g->{x} .. $g->{x} + $g->{w} - 1) {
		$place{"$x $_"}++ for $g->{y} .. $g->{y} + $g->{h} - 1;
	}
}
is(scalar(grep { $_ > 1 } values %place), 0, 'no two lie upon each other');
is(scalar(grep { my @t = map { $_->{expr} =~ /rate\(|increase\(/ ? 1 : 0 }
    @{ $_->{targets} }; grep { $_ != $t[0] } @t } @panels), 0,
	'gauges and rates are not mixed in one panel');

SKIP: {
	skip 'promtool is not installed', 2 unless has_tool('promtool');
	my ($bad, $out, $err) = Sallyport::Proc::run(30, '/bin/sh', '-c',
		'cd "$1" && promtool check rules alerts.yml && '
		. 'promtool test rules alerts_test.yml', '-', $rules);
	is($bad, 0, 'the rules pass their tests') or diag($out, $err);

	# Each query of the dashboard parses: as rules of a file of ours.
	my $n = 0;
	my $yaml = "groups:\n- name: x\n  rules:\n" . join '', map {
		my $e = $_;
		$e =~ s/\$__rate_interval/5m/g;
		$e =~ s/"\$(?:job|instance)"/".*"/g;
		"  - record: q" . $n++ . "\n    expr: " . encode_json([$e])
		    =~ s/^\[|\]$//gr . "\n"
	} @exprs;
	write_file(tmp('queries.yml'), $yaml);
	($bad, $out, $err) = Sallyport::Proc::run(30, '/bin/sh', '-c',
		'exec promtool check rules "$1"', '-', tmp('queries.yml'));
	is($bad, 0, 'every query of the dashboard parses')
	    or diag($out, $err);
}
done_testing;
