#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The metrics: well-formed in both formats, and what they count is what
# happened.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;

my $socket = tmp('admin.sock');
my $crl = tmp('client.crl');
my $deny = write_file(tmp('deny.csv'), "as,who\nusername,\"a\"\"b\"\n");
my $broker = peer('broker')->listen;

pki->crl($crl, 'client-ca');
my $proxy = sallyport(
	daemon => { admin_socket => $socket, http_listen => '127.0.0.1:0' },
	backend => { address => $broker->address },
	tls => { crl => $crl, crl_policy => 'soft' },
	denylist => { file => $deny },
);
my $port = $proxy->port('http_listen');

sub metrics
{
	my ($samples) = prometheus(http($port, 'GET', '/metrics')->{body});

	return $samples;
}

my $r = http($port, 'GET', '/metrics');
is($r->{status}, 200, '/metrics');
is($r->{'content-type'}, 'text/plain; version=0.0.4; charset=utf-8',
	'text format');
my ($before, $types) = eval { prometheus($r->{body}) };
ok($before, 'it is well-formed') or diag($@);
ok(!(grep { !/^(?:sallyport|process)_/ } keys %$types), 'prefixes');
is($types->{sallyport_connections_closed_total}, 'counter', 'a counter');

$r = http($port, 'GET', '/metrics', Accept =>
	'application/openmetrics-text;version=1.0.0,text/plain;q=0.5');
is($r->{'content-type'},
	'application/openmetrics-text; version=1.0.0; charset=utf-8',
	'OpenMetrics when asked');
my ($open) = eval { prometheus($r->{body}, openmetrics => 1) };
ok($open, 'it is well-formed') or diag($@);
is_deeply([ sort keys %$open ], [ sort keys %$before ], 'the same samples');
is(http($port, 'HEAD', '/metrics')->{body}, '', 'HEAD');

my ($api) = (sallyport_run('-V'))[1] =~ /API (\d+)/;
ok((grep { /^sallyport_build_info\{.*tls_library_api="$api"/ } keys %$before),
	'build_info names the TLS library as -V does');

# One close reason for each row of the manual.
my @reasons = map { /^sallyport_connections_closed_total\{reason="(\w+)"/ }
    keys %$before;
my $manual = read_file(srcdir . '/etc/sallyport.8');
is_deeply([ sort @reasons ], [ sort $manual =~ /^\.It Sy (\w+)/mg ],
	'every reason of the manual, and no other');

# A session each way, a resumed one, a refusal.
sub session
{
	my ($transport, %tls) = @_;
	my $c = peer->device($transport, port => $proxy->port($transport),
		%tls);
	my $b = $broker->session($c, clientid => 'x');
	return ($c, $b);
}

my ($c, $b) = session('tls', device => 'ec');
$c->ticket('t');
my ($w, $wb) = session('wss', device => 'rsa', max => '1.2',
	ciphers => 'ECDHE-ECDSA-CHACHA20-POLY1305');
my ($again, $ab) = session('tls', device => 'ec', session => 't');
peer->refused(port => $proxy->port('tls'), device => 'untrusted');
$proxy->wait_close('tls_untrusted');
my $plain = peer->open(port => $proxy->port('tls'));
$plain->send('GET / HTTP/1.1');
$proxy->wait_close('tls_not_tls');
$c->send(mqtt_publish(payload => 'x' x 5000));
$b->packet;

sub handshakes
{
	return sprintf 'sallyport_tls_handshakes_total'
	    . '{version="%s",cipher="%s",result="%s"}', @_;
}

# Which one depends on what the processor is good at.
my ($cipher) = $proxy->wait_log(qr/event=open .* tls=TLSv1\.3 /)
    =~ / cipher=(\S+)/;
my $left = 'sallyport_session_certificate_remaining_seconds';
my %want = (
	'sallyport_connections{listener="tls",stage="relay"}' => 2,
	'sallyport_connections{listener="wss",stage="relay"}' => 1,
	'sallyport_connections_accepted_total{listener="tls"}' => 4,
	'sallyport_sessions_opened_total' => 3,
	'sallyport_connections_closed_total{reason="tls_untrusted"}' => 1,
	handshakes('1.3', $cipher, 'full') => 1,
	handshakes('1.3', $cipher, 'resumed') => 1,
	# A client with a bad certificate has agreed on a cipher before that.
	handshakes('1.3', $cipher, 'failed') => 1,
	handshakes('1.2', 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
		'full') => 1,
	handshakes('none', 'none', 'failed') => 1,
	handshakes('none', 'none', 'full') => 0,
	'sallyport_connacks_total{result="accepted"}' => 3,
	'sallyport_tls_handshake_duration_seconds_count' => 3,
	'sallyport_connect_duration_seconds_count' => 3,
	'sallyport_config_generation' => 1,
	'sallyport_denylist_entries' => 1,
	'sallyport_ready' => 1,
	'sallyport_draining' => 0,
	'sallyport_workers' => 2,
	'sallyport_clone_suspects_total' => 0,
	'sallyport_accept_pauses_total{reason="resource"}' => 0,
	'sallyport_accept_shed_total' => 0,
	"$left\_bucket{le=\"604800.0\"}" => 0,
	"$left\_bucket{le=\"+Inf\"}" => 3,
	"${left}_count" => 3,
);
my $m = metrics();
is($m->{$_}, $want{$_}, $_) for sort keys %want;

my ($up) = grep { /^sallyport_backend_up\{/ } keys %$m;
is($m->{$up}, 1, 'the broker is up');
my ($crl_time) = grep { /^sallyport_crl_this_update_timestamp_seconds/ }
    keys %$m;
cmp_ok(abs($m->{$crl_time} - time), '<', 86400 * 2, 'CRL age');
my @certs = grep { /^sallyport_certificate_not_after/ } keys %$m;
is(@certs, 2, 'server certificate and client CA');
cmp_ok($m->{$certs[0]}, '>', time, 'in the future');
cmp_ok($m->{process_open_fds}, '>', 10, 'descriptors');
cmp_ok($m->{process_resident_memory_bytes}, '>', 1e6, 'memory');
cmp_ok(abs($m->{process_start_time_seconds} - time), '<', 600, 'start');

# Bytes of live sessions are added up once a second.
my $bytes = 'sallyport_relayed_bytes_total{direction="up"}';
wait_until('the bytes are counted', sub { metrics()->{$bytes} > 5000 });
my $seen = metrics()->{$bytes};
$_->close for $c, $b;
wait_until('the session has ended', sub {
	metrics()->{'sallyport_connections{listener="tls",stage="relay"}'} == 1;
});
cmp_ok(metrics()->{$bytes}, '>=', $seen, 'they do not go back at its end');

# Counters never decrease; the remaining time of certificates does.
my $after = metrics();
my @back = grep { /_(?:total|count|bucket)/ && $after->{$_} < $m->{$_} }
    grep { !/^$left/ } keys %$m;
is_deeply(\@back, [], 'no counter goes back');

# How long the certificates of the connected devices remain valid: one ends in
# five days, two in twenty, one in years.
$_->close for $w, $wb, $again, $ab;
pki->make('five', subject => '/CN=five', end => 5);
pki->make('twenty', subject => '/CN=twenty', end => 20);
wait_until('all have left', sub { metrics()->{"${left}_count"} == 0 });
my @in = map { session('tls', device => $_) } qw(five twenty twenty ec);
$m = metrics();
for ([ 0, 0 ], [ 1, 0 ], [ 7, 1 ], [ 14, 1 ], [ 30, 3 ], [ 730, 3 ]) {
	my ($days, $count) = @$_;
	is($m->{"$left\_bucket{le=\"" . $days * 86400 . '.0"}'}, $count,
		"$count within $days days");
}
is($m->{"$left\_bucket{le=\"+Inf\"}"}, 4, 'four in all');
cmp_ok($m->{"${left}_sum"}, '>', 45 * 86400, 'their sum');
my ($code, $json) = ctl_json($socket, 'status');
is_deeply([ grep { $_->[1] } @{ $json->{device_certificates_days_left} } ],
	[ [ 7, 1 ], [ 30, 2 ], [ undef, 1 ] ], 'status has them, each once');

# Has a program that knows the format judge the text.
sub judged
{
	my ($text, @judge) = @_;
	my $file = write_file(tmp('metrics.txt'), $text);
	my ($bad, $out, $err) = Sallyport::Proc::run(20, '/bin/sh', '-c',
		'file=$1; shift; exec "$@" <"$file"', '-', $file, @judge);

	is("$bad $out$err", '0 ', "$judge[0] has nothing to say");
}

SKIP: {
	skip 'promtool is not installed', 1 unless has_tool('promtool');
	judged(http($port, 'GET', '/metrics')->{body},
		qw(promtool check metrics));
}
SKIP: {
	my @python = ('/usr/bin/python3', '-c');
	skip 'python3-prometheus-client is not installed', 1
	    if system("@python 'import prometheus_client' 2>/dev/null");
	judged(http($port, 'GET', '/metrics',
		Accept => 'application/openmetrics-text')->{body}, @python,
		'import sys; from prometheus_client.openmetrics.parser import '
		. 'text_fd_to_metric_families as p; list(p(sys.stdin))');
}
done_testing;
