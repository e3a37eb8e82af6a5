#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Brokers' names: what resolv.conf, hosts and nameservers say is what the C
# library makes of it, also when the files are replaced inside the sandbox; and
# a name that is not found is explained, once.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Nameserver;
use Sallyport::Proc;

need_tool(qw(unshare mount ip));
plan skip_all => 'only root may have an /etc of his own' if $> != 0;
if (($ENV{SALLYPORT_NAMES} // '') ne $0) {
	my @own = ('unshare', '-mnp', '--fork', '--kill-child',
		'--mount-proc', '--propagation', 'private');

	plan skip_all => 'no namespaces here'
	    if (Sallyport::Proc::run(10, @own, 'true'))[0] != 0;
	$ENV{SALLYPORT_NAMES} = $0;
	exec @own, $^X, $0 or die "unshare: $!";
}

sub command
{
	my ($code, $out, $err) = Sallyport::Proc::run(10, @_);

	die "@_: $out$err" if $code != 0;
}

command(qw(ip link set lo up));
my $etc = tmp() . '/etc';
mkdir $etc;
command('cp', '-a', (grep { -e } map { "/etc/$_" }
	qw(passwd group nsswitch.conf ssl ld.so.cache)), $etc);
command('mount', '--bind', $etc, '/etc');

# Replaces a file of /etc as most programs do: by rename.
sub replace
{
	my ($name, $text) = @_;

	open my $fh, '>', "/etc/.$name" or die "$name: $!";
	print $fh $text;
	close $fh;
	rename "/etc/.$name", "/etc/$name" or die "$name: $!";
}

my $broker = peer('broker')->listen;
my ($port) = $broker->address =~ /:(\d+)$/;

nameserver('127.0.0.51', 'mq.test' => '127.0.0.1',
	'long.test' => [ map { "127.0.0.1" } 1 .. 40 ],
	'mq.bad.example' => 2);
nameserver('127.0.0.52', '*' => undef);
nameserver('127.0.0.53', 'mq.lan' => '127.0.0.1');

# Returns true if the broker is found by this name.
sub found
{
	my ($name, %arg) = @_;
	my $proxy = sallyport(
		daemon => { workers => 4, %{ $arg{daemon} // {} } },
		timeouts => { backend => '9s' },
		backend => { address => "$name:$port",
			resolve_interval => '1s' });

	return ($proxy, reached($proxy));
}

sub reached
{
	my ($proxy) = @_;
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));
	my $b;

	$c->send(mqtt_connect());
	$b = eval { $broker->accept(timeout => 9000) };
	$b->packet if $b;
	$_->close for grep { $_ } $c, $b;
	return defined $b;
}

replace('hosts', "127.0.0.1 localhost\n127.0.0.1 mq.hosts\n");
for (
	['an ordinary file', "nameserver 127.0.0.51\n", 'mq.test'],
	['lines that end in CR LF', "nameserver 127.0.0.51\r\n", 'mq.test'],
	['a blank before, a comment behind',
		"\tnameserver 127.0.0.51 # one\n", 'mq.test'],
	['a nameserver of the link first',
		"nameserver fe80::1%lo\nnameserver 127.0.0.51\n", 'mq.test'],
	['a silent nameserver first', "nameserver 127.0.0.52\n"
		. "nameserver 127.0.0.51\noptions timeout:1\n", 'mq.test'],
	['SERVFAIL in the search list', "nameserver 127.0.0.51\n"
		. "search bad.example test\noptions ndots:5\n", 'mq'],
	['an answer that is too long for UDP', "nameserver 127.0.0.51\n",
		'long.test'],
	['a name in hosts', "nameserver 127.0.0.52\n", 'mq.hosts'],
) {
	my ($what, $conf, $name) = @$_;

	replace('resolv.conf', $conf);
	my ($proxy, $found) = found($name);
	ok($found, "found: $what");
	$proxy->stop;
}

# The files change while the daemon runs in its sandbox.
{
	unlink '/etc/resolv.conf';
	my $proxy = sallyport(daemon => { workers => 4 },
		timeouts => { backend => '9s' },
		backend => { address => "mq.lan:$port",
			resolve_interval => '1s' });

	ok($proxy->wait_log(qr/backend_resolve_failed.*mq\.lan/),
		'no resolv.conf: not found');
	replace('resolv.conf', "nameserver 127.0.0.53\n");
	ok(reached($proxy), 'resolv.conf appears: found');
	$proxy->stop;

	replace('resolv.conf', "nameserver 127.0.0.51\n");
	$proxy = sallyport(daemon => { workers => 4 },
		timeouts => { backend => '9s' },
		backend => { address => "mq.lan:$port",
			resolve_interval => '1s' });
	ok($proxy->wait_log(
		qr/mq\.lan: .*\(mq\.lan: 127\.0\.0\.51 NXDOMAIN\)/),
		'the log names the question, the server and what it said');
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));
	$c->send(mqtt_connect());
	replace('resolv.conf', "nameserver 127.0.0.53\n");
	my $b = $broker->accept;
	ok($b, 'resolv.conf is replaced: a client that waits gets in');
	$_->close for $c, $b;
	my @lines = $proxy->text =~ /(event=backend_resolve_failed.*)/g;
	is(scalar @lines, 1, 'one line for a name, not one for each worker');
	$proxy->stop;
}
{
	replace('hosts', "127.0.0.1 localhost\n127.0.0.9 mq.hosts\n");
	my $proxy = sallyport(daemon => { workers => 1 },
		timeouts => { backend => '9s' },
		backend => { address => "mq.hosts:$port",
			resolve_interval => '1s' });
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));
	$c->send(mqtt_connect());
	ok($proxy->wait_log(qr/backend_down.*127\.0\.0\.9/),
		'hosts names a place where no server listens');
	replace('hosts', "127.0.0.1 localhost mq.hosts\n");
	my $b = $broker->accept;
	ok($b, 'hosts is replaced: the client that waits gets in');
	$_->close for $c, $b;
	$proxy->stop;
}
done_testing;
