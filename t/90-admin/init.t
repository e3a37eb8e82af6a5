#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# sallyport init: what it makes works at once.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;

need_tool('openssl');
$ENV{SALLYPORT_PKI} = srcdir . '/contrib/pki/pki';
my $dir = tmp('new');
my ($code, $out, $said) = sallyport_run('init', $dir);
is($code, 0, 'init') or diag($said);
like($out, qr{^  \S*sallyport -c \Q$dir\E/sallyport\.ini$}m, 'what to type next');
like($out, qr/^    --cert \Q$dir\E\/pki\/devices\/device-001\.crt/m,
	'the first device');
like($out, qr{^Every week: +\S+ -d \Q$dir\E/pki crl$}m,
	'and what has to be renewed');
unlike($out, qr/^Next: /m, 'and nothing of sallyport-pki');
if ($> == 0) {
	# The test has no user sallyport, whom the next steps speak of.
	like($out, qr{^  chown -R sallyport \Q$dir\E/state \Q$dir\E/pki/server\.key$}m,
		'what the daemon needs to own');
	write_file("$dir/sallyport.ini", read_file("$dir/sallyport.ini") =~
	    s/^\[daemon\]$/[daemon]\nuser = nobody/mr);
	system 'chown', '-R', 'nobody', "$dir/state", "$dir/pki/server.key";
	chmod 0755, tmp;
}
($code, $out, $said) = sallyport_run('-t', '-c', "$dir/sallyport.ini");
is($code, 0, 'the configuration is good') or diag($said);
unlike($said, qr/warning/, 'and nothing is odd about it');
($code, $out) = sallyport_run('explain', '-c', "$dir/sallyport.ini",
	"$dir/pki/devices/device-001.crt");
is($code, 0, 'the device is admitted');
like($out, qr/^broker +Username = "device-001"$/m, 'by its name');
like($out, qr/^broker +ClientID = "device-001"$/m, 'and ClientID');

# It runs so, and the page and the commands that it names work.
{
	my $socket = "$dir/state/admin.sock";
	my @free = map { free_port() } 1 .. 2;
	my $text = read_file("$dir/sallyport.ini");

	write_file(tmp('run.ini'), $text =~ s/:8883$/:$free[0]/mr
	    =~ s/:9884$/:$free[1]/mr =~ s{= (pki|state)/}{= $dir/$1/}gr
	    =~ s{(, )(pki|state)/}{$1$dir/$2/}gr);
	my $daemon = owned(Sallyport::Proc->new(name => 'made', slow => slow,
		log => tmp('made.log'), any_exit => 1));
	$daemon->launch(Sallyport::Daemon::program(builddir), '-c',
		tmp('run.ini'));
	$daemon->wait_log(qr/event=ready/);
	is(http($free[1], 'GET', '/')->{status}, 200, 'the page');
	is((ctl($socket, qw(deny cn device-001)))[0], 0,
		'the deny list can be written');
	is((stat "$dir/pki/private")[4], $>, 'not the keys of the CAs');
}

my $ini = read_file("$dir/sallyport.ini");
($code, undef, $said) = sallyport_run('init', $dir);
is($code, 1, 'a second time');
like($said, qr/exists already, and is not changed/, 'is refused');
is(read_file("$dir/sallyport.ini"), $ini, 'nothing is changed');

$ENV{SALLYPORT_PKI} = '/nonexistent';
($code, undef, $said) = sallyport_run('init', tmp('other'));
is($code, 1, 'without sallyport-pki');
like($said, qr/nonexistent: No such file.*name it in SALLYPORT_PKI/,
	'says how to get it');
ok(!-e tmp('other'), 'and leaves no folder');

# A build has it beside the program, and what to type is said in full.
delete $ENV{SALLYPORT_PKI};
SKIP: {
	my $build = builddir;
	skip 'not the program of the build folder', 4
	    unless Sallyport::Daemon::program($build) eq "$build/sallyport"
	    && -x "$build/contrib/pki/sallyport-pki";
	($code, $out, $said) = sallyport_run('init', tmp('built'));
	is($code, 0, 'it is found in the build folder') or diag($said);
	like($out, qr{^More devices: +\Q$build\E/contrib/pki/sallyport-pki -d}m,
		'and so are the others');
	local $ENV{PATH} = "$build:$ENV{PATH}";
	($code, $out, $said) = sallyport_run('init', tmp('path'));
	is($code, 0, 'also when PATH has the build folder') or diag($said);
	like($out, qr{^Who is there: +sallyportctl -s}m,
		'what PATH finds needs no folder');
}
is((sallyport_run('init'))[0], 64, 'no folder');
($code, $out) = sallyport_run('init', '--help');
is($code, 0, 'init --help');
like($out, qr/^usage: sallyport init DIR/, 'is about init');
done_testing;
