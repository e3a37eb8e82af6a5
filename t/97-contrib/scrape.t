#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# A real Prometheus scrapes the daemon, with our rules: it takes the format it
# likes best, every rule can be evaluated, alerts rise, and every query of the
# dashboard has an answer.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
BEGIN { $ENV{SALLYPORT_TEST_LIMIT} ||= 120 }
use Sallyport;
use Sallyport::Redis;

use HTTP::Tiny;
use JSON::PP;

need_tool('prometheus');
pki->crl(tmp('client.crl'), 'client-ca');
pki->make('soon', subject => '/CN=soon', end => 5);
my $deny = write_file(tmp('deny.csv'), "as,who\nusername,a\n");
my $broker = mosquitto();
my $has_fleet = !defined Sallyport::Redis::missing();
my $proxy = sallyport(
	daemon => { http_listen => '127.0.0.1:0' },
	$has_fleet ? (fleet => { address => redis()->address }) : (),
	backend => { address => $broker->address },
	tls => { crl => tmp('client.crl') },
	denylist => { file => $deny },
);
my $target = '127.0.0.1:' . $proxy->port('http_listen');
my $port = free_port;
my $rules = srcdir . '/contrib/prometheus/alerts.yml';
write_file(tmp('prometheus.yml'), <<"YAML");
global: { scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms }
rule_files: [ "$rules" ]
scrape_configs:
  - job_name: sallyport
    static_configs: [ targets: [ "$target" ] ]
YAML
my $prometheus = owned(Sallyport::Proc->new(name => 'prometheus',
	slow => slow, log => tmp('prometheus.log')));
$prometheus->launch('prometheus', '--config.file=' . tmp('prometheus.yml'),
	'--storage.tsdb.path=' . tmp('tsdb'),
	"--web.listen-address=127.0.0.1:$port", '--log.level=warn');

# What its API says to a path and a query.
sub api
{
	my ($path, %query) = @_;
	my $http = HTTP::Tiny->new(timeout => 10);
	my $r = $http->get("http://127.0.0.1:$port/api/v1/$path?"
	    . $http->www_form_urlencode(\%query));
	my $json = eval { decode_json($r->{content}) }
	    or return { error => "$r->{status} $r->{content}" };

	return $json->{data} // $json;
}

sub result
{
	return @{ api('query', query => $_[0])->{result} // [] };
}

sub session
{
	my ($device, %tls) = @_;
	my $c = peer->tls(port => $proxy->port('tls'), device => $device, %tls);

	$c->send(mqtt_connect(clientid => $device));
	$c->packet;
	return $c;
}

my @in = map { session($_) } qw(ec soon);
wait_until('Prometheus has scraped', sub {
	result('scrape_samples_scraped{job="sallyport"} > 100');
}, 20);
my ($scraped) = grep { $_->{scrapeUrl} =~ /$target/ }
    @{ api('targets')->{activeTargets} };
is($scraped->{lastError}, '', 'it has nothing to say');
is($scraped->{health}, 'up', 'up');
my $meta = api('metadata');
is($meta->{$_}[0]{type}, { qw(connections_closed counter
	session_certificate_remaining_seconds gaugehistogram
	tls_handshake_duration_seconds histogram ready gauge) }->{$_
	    =~ s/^sallyport_//r}, "$_: its type")
    for map { "sallyport_$_" } qw(connections_closed ready
	session_certificate_remaining_seconds tls_handshake_duration_seconds);

# Something that grows while it looks.
peer->refused(port => $proxy->port('tls'), device => 'untrusted');
push @in, session('rsa');
my $grown = 'rate(sallyport_connections_closed_total'
    . '{reason="tls_untrusted"}[5m]) > 0 and on (instance) '
    . 'rate(sallyport_sessions_opened_total[5m]) > 0';
wait_until('it has seen the refusal', sub { result($grown) }, 20);

my @rules = map { @{ $_->{rules} } } @{ api('rules')->{groups} };
cmp_ok(@rules, '>', 10, 'the rules are loaded');
wait_until('all are evaluated', sub {
	@rules = map { @{ $_->{rules} } } @{ api('rules')->{groups} };
	return !grep { $_->{health} eq 'unknown' } @rules;
});
is_deeply([ map { "$_->{name}: " . ($_->{lastError} // '') }
	grep { $_->{health} ne 'ok' } @rules ], [], 'each can be evaluated');
# A scrape that comes too late leaves a gap; so the test waits first.
my @alerts;
ok(eval { wait_until('alerts rise', sub {
	@alerts = sort map { $_->{metric}{alertname} } result('ALERTS');
	return "@alerts" eq 'SallyportDeviceCertificatesExpireSoon';
}) }, 'one device has to renew, and nothing else is wrong') or diag("@alerts");

my $dashboard = decode_json(
	read_file(srcdir . '/contrib/grafana/dashboard.json'));
for my $panel (grep { $_->{targets} } @{ $dashboard->{panels} }) {
	for my $expr (map { $_->{expr} } @{ $panel->{targets} }) {
		$expr =~ s/\$__rate_interval/5m/g;
		$expr =~ s/\$(?:job|instance)\b/.*/g;
		next if $expr =~ /sallyport_fleet_/ && !$has_fleet;
		ok(eval { wait_until('an answer', sub { result($expr) }) },
			"$panel->{title}: an answer")
		    or diag($expr, encode_json(api('query',
			query => $expr)));
	}
}

# Gone.
$proxy->{any_exit} = 1;
$proxy->signal('KILL');
$proxy->wait_exit(5);
ok(eval { wait_until('SallyportDown rises', sub {
	result('ALERTS{alertname="SallyportDown"}') }) }, 'it is missed');
done_testing;
