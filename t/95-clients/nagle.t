#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# A client that leaves Nagle's algorithm on does not wait for a delayed
# acknowledgement: not for its CONNACK, and not for its first message when its
# SUBSCRIBE and PUBLISH follow the CONNECT at once. A client that waits for a
# ticket before its CONNECT, as GnuTLS can, gets the ticket. The kernel delays
# by 40 ms at least, every time; so it is enough that some of several connects
# are faster, which they are on a busy machine too.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use JSON::PP;

my $python = '/usr/bin/python3';
need_tool($python);

my $script = "$FindBin::Bin/../lib/nagle_client.py";
my ($delayed, $times, $fast) = (38, 12, 3);

my $broker = owned(Sallyport::Proc->new(name => 'broker', slow => slow,
	log => tmp('broker.log'), any_exit => 1));
$broker->launch($python, $script, 'broker', tmp('port'));
wait_until('the broker listens', sub { -s tmp('port') });
my %pair = (certificate => pki->cert('server'),
	private_key => pki->key('server'), client_ca => pki->cert('client-ca'));
my $proxy = sallyport(
	backend => { address => '127.0.0.1:' . read_file(tmp('port')) },
	'listener proxied' => { bind => '127.0.0.1:0',
		accept_proxy => 'required', trusted_proxies => '127.0.0.1' },
	'listener bare' => { bind => '127.0.0.1:0', tls => 'bare' },
	'tls bare' => { %pair, session_tickets => 'off' },
);

sub connects
{
	my ($listener, $tls, %o) = @_;
	my ($code, $out, $err) = Sallyport::Proc::run(50 * slow,
		$python, $script, encode_json({
			ca => pki->cert('server-ca'), cert => pki->cert('ec'),
			key => pki->key('ec'), tls => $tls, timeout => 10 * slow,
			port => $proxy->port($listener) + 0, times => $times,
			%o }));

	diag($err) if $code != 0;
	return $code == 0 ? @{ decode_json($out) } : ();
}

sub is_prompt
{
	my ($what, @ms) = @_;

	ok((grep { $_ < $delayed } @ms) >= $fast, "$what: does not wait")
	    or diag('ms: ' . join ' ', map { sprintf '%.1f', $_ } @ms);
}

is_prompt('TLS 1.3', connects('tls', '1.3'));
is_prompt('... resumed', connects('tls', '1.3', resumed => \1));
is_prompt('... without tickets', connects('bare', '1.3'));
is_prompt('... behind a balancer', connects('proxied', '1.3', proxy => \1));
is_prompt('... SUBSCRIBE and PUBLISH behind the CONNECT',
	connects('tls', '1.3', follow => \1));
is_prompt('... the CONNECT after a ticket',
	connects('tls', '1.3', ticket => \1));
is_prompt('... all of it',
	connects('tls', '1.3', ticket => \1, follow => \1));
is_prompt('TLS 1.2', connects('tls', '1.2'));
is_prompt('... resumed', connects('tls', '1.2', resumed => \1));
is_prompt('... SUBSCRIBE and PUBLISH behind the CONNECT',
	connects('tls', '1.2', follow => \1));
is_prompt('WSS', connects('wss', '1.3', websocket => \1));
is_prompt('... SUBSCRIBE and PUBLISH behind the CONNECT',
	connects('wss', '1.3', websocket => \1, follow => \1));
is_prompt('... the upgrade after a ticket',
	connects('wss', '1.3', websocket => \1, ticket => \1));
is_prompt('... all of it', connects('wss', '1.3', websocket => \1,
		ticket => \1, follow => \1));

# gnutls-cli sends what it reads only after it has connected, waited for a
# ticket, and connected again with it.
sub gnutls_connects
{
	my ($listener, $upgrade) = @_;
	my $connect = "\x10\x10\0\4MQTT\4\2\0\x3c\0\4dev1";

	my $mark = $proxy->mark;

	pipe my $in, my $to or die "pipe: $!";
	my $client = owned(Sallyport::Proc->new(name => 'gnutls-cli',
		log => tmp("gnutls-$listener.log"), slow => slow, any_exit => 1,
		before => sub { close $to; open STDIN, '<&', $in }));
	$client->launch('/usr/bin/gnutls-cli', '--resume', '--waitresumption',
		'--x509cafile', pki->cert('server-ca'), '--x509certfile',
		pki->cert('ec'), '--x509keyfile', pki->key('ec'),
		'--verify-hostname=localhost', '--port', $proxy->port($listener),
		'127.0.0.1');
	close $in;
	if ($upgrade) {
		syswrite $to, join "\r\n", 'GET /mqtt HTTP/1.1',
		    'Host: localhost', 'Upgrade: websocket',
		    'Connection: Upgrade', 'Sec-WebSocket-Version: 13',
		    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
		    'Sec-WebSocket-Protocol: mqtt', '', '';
		$client->wait_log(qr/101 Switching/);
		$connect = "\x82" . chr(0x80 | length $connect) . "\0\0\0\0"
		    . $connect;
	}
	syswrite $to, $connect;
	ok(eval { $proxy->wait_log(
		qr/event=open .*listener=$listener .*resumed=true/,
		from => $mark) }, "gnutls-cli, $listener: CONNECT after a ticket")
	    or diag($client->text);
	close $to;
	$client->stop;
}

SKIP: {
	skip 'gnutls-cli is not installed', 2 if !has_tool('/usr/bin/gnutls-cli');
	gnutls_connects('tls', 0);
	gnutls_connects('wss', 1);
}
done_testing;
