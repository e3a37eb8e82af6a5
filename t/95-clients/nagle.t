#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# A client that leaves Nagle's algorithm on does not wait for a delayed
# acknowledgement, and one that wants a ticket first gets it. The kernel delays
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
is_prompt('... a PUBLISH behind the CONNECT',
	connects('tls', '1.3', follow => \1));
is_prompt('... the CONNECT after a ticket',
	connects('tls', '1.3', ticket => \1));
is_prompt('TLS 1.2', connects('tls', '1.2'));
is_prompt('... resumed', connects('tls', '1.2', resumed => \1));
is_prompt('... a PUBLISH behind the CONNECT',
	connects('tls', '1.2', follow => \1));
is_prompt('WSS', connects('wss', '1.3', websocket => \1));
is_prompt('... a PUBLISH behind the CONNECT',
	connects('wss', '1.3', websocket => \1, follow => \1));
done_testing;
