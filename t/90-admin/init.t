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
like($out, qr{^  sallyport -c \Q$dir\E/sallyport\.ini$}m, 'what to type next');
like($out, qr/^    --cert \Q$dir\E\/pki\/devices\/device-001\.crt/m,
	'the first device');
unlike($out, qr/^Next: /m, 'and nothing of sallyport-pki');
if ($> == 0) {
	# The test has no user sallyport, whom the next steps speak of.
	like($out, qr/^  chown -R sallyport \Q$dir\E$/m, 'whose files they are');
	write_file("$dir/sallyport.ini", read_file("$dir/sallyport.ini") =~
	    s/^\[daemon\]$/[daemon]\nuser = nobody/mr);
	system 'chown', '-R', 'nobody', $dir;
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
is((sallyport_run('init'))[0], 64, 'no folder');
($code, $out) = sallyport_run('init', '--help');
is($code, 0, 'init --help');
like($out, qr/^usage: sallyport init DIR/, 'is about init');
done_testing;
