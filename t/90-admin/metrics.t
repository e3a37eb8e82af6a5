#!/usr/bin/perl
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

	$c->send(mqtt_connect(clientid => 'x'));
	my $b = $broker->accept;
	$b->packet;
	$b->send(mqtt_connack());
	$c->packet;
	return ($c, $b);
}

my ($c, $b) = session('tls', device => 'ec');
$c->ticket('t');
my ($w, $wb) = session('wss', device => 'rsa', max => '1.2');
my ($again, $ab) = session('tls', device => 'ec', session => 't');
peer->refused(port => $proxy->port('tls'), device => 'untrusted');
$proxy->wait_close('tls_untrusted');
$c->send(mqtt_publish(payload => 'x' x 5000));
$b->packet;

my %want = (
	'sallyport_connections{listener="tls",stage="relay"}' => 2,
	'sallyport_connections{listener="wss",stage="relay"}' => 1,
	'sallyport_connections_accepted_total{listener="tls"}' => 3,
	'sallyport_sessions_opened_total' => 3,
	'sallyport_connections_closed_total{reason="tls_untrusted"}' => 1,
	'sallyport_tls_handshakes_total{version="1.3",resumed="false"}' => 1,
	'sallyport_tls_handshakes_total{version="1.3",resumed="true"}' => 1,
	'sallyport_tls_handshakes_total{version="1.2",resumed="false"}' => 1,
	'sallyport_connacks_total{result="accepted"}' => 3,
	'sallyport_tls_handshake_duration_seconds_count' => 3,
	'sallyport_connect_duration_seconds_count' => 3,
	'sallyport_config_generation' => 1,
	'sallyport_denylist_entries' => 1,
	'sallyport_ready' => 1,
	'sallyport_draining' => 0,
	'sallyport_workers' => 2,
	'sallyport_sessions_certificate_expiring{days="1"}' => 0,
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

# Counters never go back.
my $after = metrics();
my @back = grep { /_(?:total|count|bucket)/ && $after->{$_} < $m->{$_} }
    keys %$m;
is_deeply(\@back, [], 'no counter goes back');

SKIP: {
	skip 'promtool is not installed', 2
	    unless grep { -x "$_/promtool" } split /:/, $ENV{PATH};
	my $text = write_file(tmp('metrics.txt'),
		http($port, 'GET', '/metrics')->{body});
	my $out = `promtool check metrics <$text 2>&1`;
	is($?, 0, 'promtool has nothing to say');
	is($out, '', 'nothing at all');
}
done_testing;
