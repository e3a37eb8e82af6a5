#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The demo runs to its end, twice, leaves nothing behind, and shows what it
# promises.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

need_tool(qw(mosquitto mosquitto_pub /usr/bin/python3));
plan skip_all => 'the demo runs the sallyport of the build folder'
    unless -x builddir() . '/sallyport';

local $ENV{TMPDIR} = tmp();
for my $run (1, 2) {
	my ($code, $out, $err) = Sallyport::Proc::run(40 * slow,
		srcdir() . '/contrib/demo/run', builddir());

	is($code, 0, "run $run: exit 0") or diag($out, $err);
	for my $id (qw(tls-mqttv311 tls-mqttv5 wss-v4 wss-v5)) {
		like($out, qr/as device-001\/\Q$id\E\S* \(.*u'device-001'\)/,
			"run $run: the broker saw device-001 by $id");
	}
	like($out, qr/reason=tls_no_certificate/,
		"run $run: nobody without certificate");
	is_deeply([grep { -d } glob tmp('sallyport-demo.*')], [],
		"run $run: its folder is gone");
}
done_testing;
