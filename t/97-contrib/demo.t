#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The demo runs to its end, twice, leaves nothing behind, and shows what it
# promises.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;

need_tool(qw(mosquitto mosquitto_pub /usr/bin/python3));
plan skip_all => 'the demo runs the sallyport of the build folder'
    unless -x builddir() . '/sallyport';

local $ENV{TMPDIR} = tmp();
for my $run (1, 2) {
	my ($code, $out, $err) = Sallyport::Proc::run(40 * slow,
		srcdir() . '/contrib/demo/run', builddir());

	is($code, 0, "run $run: exit 0") or diag($out, $err);
	unlike($out, qr/warning:/, "run $run: nothing to warn of");
	for my $id (qw(tls-mqttv311 tls-mqttv5 wss-v4 wss-v5)) {
		like($out, qr/as device-001\/\Q$id\E\S* \(.*u'device-001'\)/,
			"run $run: the broker saw device-001 by $id");
	}
	like($out, qr/reason=tls_no_certificate/,
		"run $run: no client without certificate");
	is_deeply([grep { -d } glob tmp('sallyport-demo.*')], [],
		"run $run: its folder is gone");
}

# --keep leaves it running, with what its last lines name.
my ($code, $out, $err) = Sallyport::Proc::run(40 * slow,
	srcdir() . '/contrib/demo/run', '--keep', builddir());
is($code, 0, '--keep: exit 0') or diag($out, $err);
my ($dir) = $out =~ m{^   To stop it all: +(\S+)/stop$}m;
my ($page) = $out =~ m{^   The status page: +http://127\.0\.0\.1:(\d+)/$}m;
ok($dir && $page, '--keep: it names a page, and how to stop it');
SKIP: {
	skip 'it does not run', 7 unless $dir && $page;
	is(http($page, 'GET', '/')->{status}, 200, 'the page is there');
	my $socket = "$dir/state/admin.sock";
	like((ctl($socket, 'sessions'))[1], qr/device-001/, 'a device, too');
	is((ctl($socket, qw(deny cn device-001 --for 1h)))[0], 0,
		'which can be denied');
	is((ctl($socket, qw(allow cn device-001)))[0], 0, 'and admitted');
	ok(wait_until('the device is back', sub {
		(ctl($socket, 'sessions'))[1] =~ /device-001/ }),
		'it connects again');
	is((Sallyport::Proc::run(10, "$dir/stop"))[0], 0, 'stop');
	ok(!-d $dir, 'leaves nothing');
	wait_until('it has ended', sub { !defined eval {
		http($page, 'GET', '/')->{status} } });
}
done_testing;
