# SPDX-License-Identifier: ISC
package Sallyport;

# The kit of the integration tests: a temp folder for each test, daemons on
# loopback with ports of their own, waiting for log lines instead of sleeping,
# a hard time limit, and logs on the screen when something failed. It ends
# only processes that it started. Core Perl only.
#
#   use Sallyport;
#   my $broker = mosquitto();
#   my $proxy = sallyport(backend => { address => $broker->address });
#   my $device = peer()->tls_connect($proxy->port('tls'), device => 'ec');

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Socket::IP;
use Test::More;
use Time::HiRes qw(time);

use Sallyport::Daemon;
use Sallyport::Mosquitto;
use Sallyport::Mqtt;
use Sallyport::Peer;
use Sallyport::Pki;
use Sallyport::Proc;
use Sallyport::Ws;

our @EXPORT = (
	@Test::More::EXPORT,
	@Sallyport::Mqtt::EXPORT,
	@Sallyport::Ws::EXPORT,
	qw(builddir srcdir tmp write_file read_file slow has_tool need_tool free_port
	    peer pki sallyport sallyport_run sallyport_check explained mosquitto owned wait_until
	    hex)
);

my $limit = $ENV{SALLYPORT_TEST_LIMIT} || 60;
my ($builddir, $srcdir, $tmp, $peer, $pki);
my @daemons;
my $owner = $$;

# Where the sources are; known from where this file lies.
sub srcdir
{
	return $srcdir //= abs_path(dirname(__FILE__) . '/../..');
}

# Where the programs were built: TOP_BUILDDIR, or the current folder.
sub builddir
{
	return $builddir //= abs_path($ENV{TOP_BUILDDIR} || '.');
}

# A file of this test's own folder, which goes when the test ends.
sub tmp
{
	my ($name) = @_;

	if (!defined $tmp) {
		$tmp = tempdir('sallyport-XXXXXX', TMPDIR => 1, CLEANUP => 1);
		# As root the daemon runs as nobody, see Sallyport::Proc.
		chmod 0755, $tmp;
		chown +(getpwnam 'nobody')[2, 3], $tmp if $> == 0;
	}
	return defined $name ? "$tmp/$name" : $tmp;
}

sub write_file
{
	my ($path, $text) = @_;

	open my $fh, '>:raw', $path or die "$path: $!";
	print $fh $text;
	close $fh or die "$path: $!";
	return $path;
}

sub read_file
{
	my ($path) = @_;

	open my $fh, '<:raw', $path or return '';
	local $/;
	return scalar <$fh> // '';
}

# Every deadline times this: sanitizers and valgrind are slow.
sub slow
{
	return $ENV{SALLYPORT_TEST_SLOW} || 1;
}

sub hex
{
	return unpack 'H*', $_[0];
}

sub has_tool
{
	my ($tool) = @_;

	return -x $tool || scalar grep { -x "$_/$tool" }
	    split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin';
}

# Skips the whole file when a tool is not installed.
sub need_tool
{
	for my $tool (@_) {
		plan skip_all => "$tool is not installed"
		    unless has_tool($tool);
	}
}

# A port on which no server listens, below the range that outgoing connections
# use, for daemons that cannot bind port 0.
sub free_port
{
	for (1 .. 200) {
		my $port = 12000 + int rand 18000;
		my $socket = IO::Socket::IP->new(
			LocalHost => '127.0.0.1', LocalPort => $port,
			Listen => 1, Type => IO::Socket::IP::SOCK_STREAM(),
		);
		return $port if $socket;
	}
	die 'no free port';
}

# Calls CODE until it returns true; dies after SECONDS.
sub wait_until
{
	my ($what, $code, $seconds) = @_;
	my $end = time + ($seconds || 10) * slow;

	until (my $value = $code->()) {
		die "waited in vain: $what\n" if time > $end;
		select undef, undef, undef, 0.005;
	}
	return 1;
}

# The one peer of this test; peer('other') makes more, for things that must
# go on at the same time.
my %peers;
sub peer
{
	my ($name) = @_;

	return $peers{ $name // '' } //=
	    Sallyport::Peer->new(builddir() . '/t/lib/peer', pki());
}

# This test's copy of the certificates that all tests share.
sub pki
{
	return $pki //= Sallyport::Pki->shared(
		$ENV{SALLYPORT_PKI} || builddir() . '/t/pki.cache')
	    ->copy(tmp('pki'));
}

# Starts sallyport with the given sections over the defaults of the kit, and
# waits until it is ready. See Sallyport::Daemon.
sub sallyport
{
	my $d = Sallyport::Daemon->start(
		dir => tmp(), pki => pki(), builddir => builddir(),
		slow => slow(), @_);
	push @daemons, $d;
	return $d;
}

# Runs `sallyport ARGS' to its end; returns (exit code, stdout, stderr).
sub sallyport_run
{
	return Sallyport::Proc::run(10 * slow(),
		Sallyport::Daemon::program(builddir()), @_);
}

# The result of `sallyport -t' with these arguments, as the user that daemons
# under test run as.
sub sallyport_check
{
	return Sallyport::Proc::run_as_nobody(10 * slow(),
		Sallyport::Daemon::program(builddir()), '-t', @_);
}

# What `sallyport explain' says of a client of PROXY: "admitted HEX" with the
# packet the broker would get, or "refused REASON". By the same files.
sub explained
{
	my ($proxy, $listener, $device, $connect) = @_;
	my $file = tmp('explain.connect');

	write_file($file, $connect);
	my ($code, $out) = sallyport_run('explain', '-c', $proxy->{ini},
		'-l', $listener, pki->cert($device), $file);
	if ($code == 0) {
		my $packet = join '', $out =~ /^packet {3,}([0-9a-f ]+)$/mg;
		return 'admitted ' . $packet =~ tr/ //dr;
	}
	return "refused $1" if $code == 1 && $out =~ / refused: (\w+)/;
	return "exit $code: $out";
}

# Starts a real plaintext mosquitto; skips the file when there is none.
sub mosquitto
{
	need_tool('mosquitto');
	my $d = Sallyport::Mosquitto->start(
		dir => tmp(), port => \&free_port, slow => slow(), @_);
	push @daemons, $d;
	return $d;
}

# Another process (a Sallyport::Proc) ends with the test, however that ends;
# its log is shown when something failed.
sub owned
{
	push @daemons, $_[0];
	return $_[0];
}

sub dump_logs
{
	for my $d (@daemons) {
		my $text = read_file($d->{log});
		my $cut = length $text > 20000;
		$text = substr $text, -20000 if $cut;
		diag("---- $d->{log}" . ($cut ? ' (its end)' : ''));
		diag($text);
	}
}

sub time_limit
{
	die "time limit of $limit s\n";
}

$SIG{ALRM} = \&time_limit;
$SIG{PIPE} = 'IGNORE';
$SIG{$_} = sub { exit 99 } for qw(INT TERM HUP);
alarm $limit * slow();

END {
	my $status = $?;

	if ($$ == $owner) {
		alarm 0;
		local $@;
		for my $d (reverse @daemons) {
			my $bad = $d->stop;
			next unless $bad;
			diag($bad);
			$status ||= 1;
		}
		$_->stop for values %peers;
		my $passing = Test::More->builder->is_passing;
		dump_logs() if $status || !$passing;
		$? = $status;
	}
}

1;
