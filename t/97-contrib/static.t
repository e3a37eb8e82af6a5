#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# --enable-static: programs that need nothing but themselves. In a root that
# holds no library, no loader and no nsswitch.conf the daemon starts, finds its
# user and its broker by name, and serves.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use Sallyport;

plan skip_all => 'configured without --enable-static'
    if ($ENV{SALLYPORT_STATIC} // '') ne 'yes';
need_tool(qw(readelf ldd mosquitto_pub));

for my $program (map { builddir() . "/$_" } qw(sallyport sallyportctl)) {
	my (undef, $segments) = Sallyport::Proc::run(10 * slow,
		'readelf', '-lW', $program);
	my (undef, $dynamic) = Sallyport::Proc::run(10 * slow,
		'readelf', '-dW', $program);
	my (undef, @ldd) = Sallyport::Proc::run(10 * slow, 'ldd', $program);

	like($segments, qr/^\s+LOAD\s/m, "$program: can be read");
	unlike($segments, qr/INTERP/, "$program: asks for no loader");
	unlike($dynamic, qr/NEEDED/, "$program: nor for a library");
	like("@ldd", qr/statically linked|not a dynamic executable/,
		"$program: and ldd agrees");
}

SKIP: {
	skip('only root can chroot', 1) if $> != 0;

	# The folder of this test is the daemon's whole world, and has the same
	# name inside.
	make_path(tmp('etc'), tmp('run'), tmp() . dirname(tmp()));
	symlink('/', tmp() . tmp()) or die "symlink: $!";
	copy(builddir() . '/sallyport', tmp('sallyport')) or die "copy: $!";
	chmod 0755, tmp('sallyport');
	write_file(tmp('etc/passwd'), "root:x:0:0::/:\ndoor:x:4242:4243::/:\n");
	write_file(tmp('etc/group'), "root:x:0:\nkeepers:x:4244:\n");
	write_file(tmp('etc/hosts'), "127.0.0.1 the-broker\n");

	my $broker = mosquitto();
	local $ENV{SALLYPORT} = '/sallyport';
	my $proxy = sallyport(
		kit => { drop => 0, sanitized => 0,
			before => sub { chroot tmp() or die "chroot: $!" } },
		daemon => { user => 'door', group => 'keepers' },
		backend => { address => 'the-broker:' . $broker->port });

	# The ports file is written while it is still root.
	$proxy->wait_log(qr/event=ready/);
	like(read_file("/proc/$proxy->{pid}/status"),
		qr/^Uid:(\t4242){4}\nGid:(\t4244){4}$/m,
		'user and group from the files of that root');
	for my $version (qw(mqttv311 mqttv5)) {
		my ($code, undef, $err) = Sallyport::Proc::run(15 * slow,
			'mosquitto_pub', '-h', '127.0.0.1',
			'-p', $proxy->port('tls'), '-V', $version, '-q', 1,
			'--cafile', pki->cert('server-ca'),
			'--cert', pki->cert('ec'), '--key', pki->key('ec'),
			'-i', "static-$version", '-t', 't', '-m', $version);

		is($code, 0, "$version: published at QoS 1") or diag($err);
		ok($broker->wait_log(
			qr/ as static-$version .*u'device-001'/),
			"$version: by device-001");
	}
}
done_testing;
