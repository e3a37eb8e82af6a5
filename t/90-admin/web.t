#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# http_listen: read-only, strict, with its headers; health and readiness.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;

use IO::Socket::IP;
use JSON::PP;

my $broker = peer('broker')->listen;
my $socket = tmp('admin.sock');
my $proxy = sallyport(
	daemon => { http_listen => '127.0.0.1:0', admin_socket => $socket },
	backend => { address => $broker->address, probe => 'tcp',
		probe_interval => '100ms' },
);
my $port = $proxy->port('http_listen');

for my $path (qw(/ /metrics /healthz /readyz /status /nothing)) {
	my $r = http($port, 'GET', $path);
	is($r->{status}, $path eq '/nothing' ? 404 : 200, $path);
	is($r->{'x-content-type-options'}, 'nosniff', "$path: nosniff");
	is($r->{'cache-control'}, 'no-store', "$path: not cached");
	is($r->{connection}, 'close', "$path: closed");
	unlike($r->{head}, qr/test/, "$path: Host is not reflected");
	my $head = http($port, 'HEAD', $path);
	is($head->{body}, '', "HEAD $path: no body");
	is($head->{status}, $r->{status}, "HEAD $path: the same status");
}

# The page runs its own script only.
my $page = http($port, 'GET', '/');
my ($nonce) = $page->{'content-security-policy'} =~
    /^default-src 'none';.* script-src 'nonce-([0-9a-f]{32})'$/;
ok($nonce, 'a policy with a nonce');
is(() = $page->{body} =~ /nonce="\Q$nonce\E"/g, 2, 'style and script have it');
unlike($page->{body}, qr/\@NONCE\@/, 'all of them');
isnt(http($port, 'GET', '/')->{'content-security-policy'},
	$page->{'content-security-policy'}, 'a new one each time');
unlike($page->{body}, qr{(?:src|href)\s*=\s*["']?(?:https?:)?//},
	'nothing from elsewhere');

my $status = decode_json(http($port, 'GET', '/status')->{body});
is($status->{state}, 'serving', '/status');

# What happened lately.
my $past;
my $c0 = peer->tls(port => $proxy->port('tls'));
$c0->close;
wait_until('the history counts a connection', sub {
	$past = decode_json(http($port, 'GET', '/history')->{body});
	return grep { $_ > 0 } @{ $past->{accepted} };
});
is($past->{step_s}, 2, 'in steps of 2 seconds');
my $points = @{ $past->{at_ms} };
is(scalar @{ $past->{$_} }, $points, "as many of $_")
    for qw(span_ms sessions sessions_max accepted opened bytes_up bytes_down
    handshake_p50_ms handshake_p99_ms connack_p50_ms connack_p99_ms);
my ($reason) = keys %{ $past->{ended} };
is(scalar @{ $past->{ended}{$reason} }, $points, "as many of $reason");
my $newer = decode_json(http($port, 'GET',
	"/history?since=$past->{at_ms}[-1]")->{body});
ok(!grep({ $_ <= $past->{at_ms}[-1] } @{ $newer->{at_ms} }),
	'since: only what is newer');
is(decode_json(http($port, 'GET', '/history?range=24h')->{body})->{step_s},
	300, 'a day in steps of 5 minutes');
is(http($port, 'GET', '/history?range=1y')->{status}, 400, 'no other range');

# Read-only.
for my $method (qw(POST PUT DELETE OPTIONS TRACE PATCH)) {
	my $r = http($port, $method, '/status');
	is($r->{status}, 405, "$method is refused");
	like($r->{allow}, qr/^GET, HEAD$/, 'and told what is allowed');
}
for my $path (qw(/reload /drain /kick?all=1 /sessions /denied)) {
	is(http($port, 'GET', $path)->{status}, 404, "no $path here");
}

# Strict.
my @bad = (
	[ 400, "GET / HTTP/1.1\nHost: x\n\r\n\r\n", 'bare LF' ],
	[ 400, "GET /\r\n\r\n", 'HTTP/0.9' ],
	[ 400, "\r\n\r\n", 'nothing' ],
	[ 400, "GET  / HTTP/1.1\r\n\r\n", 'two blanks' ],
	[ 400, "GET / HTTP/1.1\r\n folded: x\r\n\r\n", 'folding' ],
	[ 400, "GET / HTTP/1.1\r\nno colon\r\n\r\n", 'no colon' ],
	[ 400, "GET http://x/ HTTP/1.1\r\n\r\n", 'absolute form' ],
	[ 400, "GET /\0 HTTP/1.1\r\n\r\n", 'NUL' ],
	[ 400, "GET /%00 HTTP/1.1\r\n\r\n", '%00' ],
	[ 505, "GET / HTTP/2.0\r\n\r\n", 'HTTP/2.0' ],
	[ 413, "GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", 'a body' ],
	[ 413, "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
		'chunked' ],
	[ 431, "GET / HTTP/1.1\r\nX: " . 'x' x 9000 . "\r\n\r\n", 'too large' ],
	[ 431, 'GET /' . 'x' x 9000, 'too large, and no end' ],
	[ 414, 'GET /?' . join('&', map { "a$_=1" } 1 .. 40)
		. " HTTP/1.1\r\n\r\n", 'too many parameters' ],
);
for (@bad) {
	my ($want, $bytes, $what) = @$_;
	my $answer = raw_http($port, $bytes);
	like($answer, qr{^HTTP/1\.1 $want }, "$what: $want");
	unlike($answer, qr/xxxx/, "$what: nothing is reflected");
}
is(http($port, 'GET', '/healthz')->{status}, 200, 'HTTP/1.1');
like(raw_http($port, "GET /healthz HTTP/1.0\r\n\r\n"), qr{ 200 OK\r\n},
	'HTTP/1.0');

# Byte by byte.
my $slow = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $port);
for my $byte (split //, "GET /healthz HTTP/1.1\r\n\r\n") {
	syswrite $slow, $byte;
}
my $answer = '';
1 while sysread $slow, $answer, 4096, length $answer;
like($answer, qr{^HTTP/1\.1 200 }, 'byte by byte');

# Clients that send nothing cannot take all connections: the oldest one makes
# room for a newcomer.
my @idle = map { IO::Socket::IP->new(PeerHost => '127.0.0.1',
	PeerPort => $port) } 1 .. 272;
wait_until('those beyond 256 are closed', sub {
	my $closed = 0;
	for (@idle) {
		my $bits = '';
		vec($bits, fileno $_, 1) = 1;
		$closed++ if select $bits, undef, undef, 0;
	}
	return $closed == 16;
});
is(http($port, 'GET', '/healthz')->{status}, 200, 'a health check gets in');
is((ctl($socket, 'status'))[0], 0, 'the admin socket has its own');
is(http($port, 'GET', '/healthz')->{status}, 200, 'and another one');
close $_ for @idle;

# Requests that look at every session run one at a time and are few; those
# beyond are refused at once. A health check does not wait for them.
{
	my @asking = map { IO::Socket::IP->new(PeerHost => '127.0.0.1',
		PeerPort => $port) } 1 .. 100;
	syswrite $_, "GET /metrics HTTP/1.0\r\n\r\n" for @asking;
	is(http($port, 'GET', '/healthz')->{status}, 200,
		'a health check does not wait for expensive requests');
	my %got = (200 => 0, 503 => 0);
	for (@asking) {
		my $answer = '';
		1 while sysread $_, $answer, 65536, length $answer;
		$got{$1}++ if $answer =~ m{^HTTP/1\.1 (\d+) };
		like($answer, qr/^Retry-After: 1\r$/m, 'told to come again')
		    if $answer =~ / 503 / && $got{503} == 1;
	}
	is($got{200} + $got{503}, 100, 'each is answered');
	cmp_ok($got{200}, '>', 0, 'some with the metrics');
	is(http($port, 'GET', '/metrics')->{status}, 200, 'and later again');
}

# Load balancers and people add to the path of a health check.
is(http($port, 'GET', "/$_")->{status}, 200, "/$_") for 'healthz?verbose',
    'readyz?verbose&exclude=etcd', 'healthz?1699999999', 'healthz?a=1&a=2',
    'healthz?', 'healthz?&&', 'readyz?verbose=1&verbose', 'status?x',
    'metrics?a=1&a=1';

# The Host header is checked against a list, where there is one.
sub host_status
{
	my ($host, $path) = @_;
	my $line = defined $host ? "Host: $host\r\n" : '';

	raw_http($port, "GET $path HTTP/1.1\r\n$line\r\n") =~
	    m{^HTTP/1\.1 (\d+) };
	return $1;
}
is(host_status('evil.example', '/status'), 200, 'no list: any Host');
$proxy->write_ini(
	daemon => { http_listen => '127.0.0.1:0', admin_socket => $socket,
		http_hosts => 'test, proxy.example, localhost' },
	backend => { address => $broker->address, probe => 'tcp',
		probe_interval => '100ms' },
);
is((ctl($socket, 'reload'))[0], 0, 'http_hosts');
for my $path (qw(/ /status /metrics /healthz /nothing)) {
	is(host_status($_, $path), 421, "$path for $_ is refused")
	    for 'evil.example', 'evil.example:80', 'proxy.example.evil.example',
	    'xproxy.example', '127.0.0.1.evil.example', '';
}
is(host_status($_, '/status'), 200, "$_ is answered") for 'proxy.example',
    "proxy.example:$port", 'PROXY.Example', 'proxy.example.', 'localhost',
    "127.0.0.1:$port", '10.1.2.3', '[::1]', "[::1]:$port";
is(host_status(undef, '/healthz'), 200, 'no Host at all');
is((ctl($socket, 'status'))[0], 0, 'the admin socket has no such list');

# The daemon ends while its workers are being asked.
{
	my $lazy = sallyport(
		daemon => { http_listen => '127.0.0.1:0', workers => 2,
			batch_delay => '100ms' },
		backend => { address => $broker->address });
	my $at = $lazy->port('http_listen');
	# After a burst the loops sleep between turns, so that queries take long.
	is(http($at, 'GET', '/healthz')->{status}, 200, 'asked') for 1 .. 10;
	my @asking = map { IO::Socket::IP->new(PeerHost => '127.0.0.1',
		PeerPort => $at) } 1 .. 40;
	syswrite $_, "GET /healthz HTTP/1.0\r\n\r\n" for @asking;
	sysread $asking[0], my $first, 1;
	$lazy->signal('QUIT');
	is($lazy->wait_exit(5), 0, 'it ends while workers are asked');
}

# One worker has found the broker down, the other has not tried: /readyz and
# the problems that the page shows agree.
{
	my $one = sallyport(
		daemon => { http_listen => '127.0.0.1:0', workers => 2 },
		backend => { address => '127.0.0.1:' . free_port(),
			hold => 'off' });
	my $at = $one->port('http_listen');
	is(http($at, 'GET', '/readyz')->{status}, 200, 'no client has tried yet');
	my $c = peer->tls(port => $one->port('tls'), device => 'ec');
	$c->send(mqtt_connect(clientid => 'first'));
	$c->ended;
	my $status = decode_json(http($at, 'GET', '/status')->{body});
	ok(!$status->{ready}, 'not ready');
	my ($worst) = @{ $status->{problems} };
	is("$worst->{level} $worst->{what}", 'bad no_broker_up', 'and why');
	like($worst->{text}, qr/1 of 1 broker is down: .*Connection refused/,
		'in words');
}

# Ready is: serving, and a broker is up.
is(http($port, 'GET', '/readyz')->{body}, "ready\n", 'ready');
my $backend_port = $broker->port;
$broker->close;
wait_until('not ready without a broker', sub {
	http($port, 'GET', '/readyz')->{status} == 503;
});
is(http($port, 'GET', '/readyz')->{body}, "no broker is up\n", 'says why');
is(http($port, 'GET', '/healthz')->{status}, 200, 'but alive');
ok(!decode_json(http($port, 'GET', '/status')->{body})->{ready},
	'/status says the same');
$broker = peer('broker')->listen(port => $backend_port);
wait_until('ready again', sub {
	http($port, 'GET', '/readyz')->{status} == 200;
});

# While it drains, /readyz says so. Sixty sessions leave, 50 ms apart.
my @many = map { peer->open(port => $proxy->port('tls')) } 1 .. 60;
wait_until('they are in', sub {
	my $list = (ctl_json($socket, 'sessions'))[1];
	return $list->{matched} == 60;
});
is((ctl($socket, 'drain'))[0], 0, 'drain');
is(http($port, 'GET', '/readyz')->{body}, "draining\n", 'not ready: draining');
is(http($port, 'GET', '/healthz')->{status}, 200, 'but alive');
is((ctl($socket, 'drain'))[0], 1, 'it drains only once');
is((ctl($socket, 'reload'))[0], 0, 'reloads still throw people out');
is($proxy->wait_exit(15), 0, 'then it ends');
done_testing;
