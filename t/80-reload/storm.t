#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Many reloads in a short time: they are merged, the old snapshots are freed, and
# the memory is returned to the system.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;
use Time::HiRes qw(time);

my $broker = peer('broker')->listen;
my $deny = write_file(tmp('deny.csv'), "as,who,reason,until\n" .
	join('', map { "clientid,device-$_,,\n" } 1 .. 20_000));
my $socket = tmp('admin.sock');
my %config = (
	backend => { address => $broker->address },
	daemon => { admin_socket => $socket, http_listen => '127.0.0.1:0',
		log_level => 'info' },
	denylist => { file => $deny },
);
my $proxy = sallyport(%config);

# One command causes one reload, and the log says what led to it.
my $from = $proxy->mark;
$proxy->write_ini(%config, identity => { username => 'x-${cn}' });
is((ctl($socket, 'reload'))[0], 0, 'a reload by command');
like($proxy->wait_log(qr/event=reload /, from => $from),
	qr/cause=command changed=\Q$proxy->{ini}\E/,
	'the log names the cause and the changed file');

my $before = $proxy->rss;
my $peak = $before;
my $slowest = 0;
my $storm = time;
for my $n (1 .. 250) {
	$proxy->signal('HUP');
	if ($n % 10 == 0) {
		my $began = time;
		http($proxy->port('http_listen'), 'GET', '/healthz');
		$slowest = time - $began if time - $began > $slowest;
	}
	my $now = $proxy->rss;
	$peak = $now if $now > $peak;
	wait_until('50 a second', sub { time > $storm + $n / 50 });
}
is((ctl($socket, 'reload'))[0], 0, 'and one more, which is answered');
my $generation = (ctl_json($socket, 'status'))[1]{config}{generation};
ok($generation > 3 && $generation <= 253, 'reloads are drawn together');
SKIP: {
	skip 'the build makes memory and speed meaningless', 3
	    if $proxy->sanitized;
	ok($peak < $before + 16 * 1024,
		"memory grew by at most 16 MiB ($before, $peak KiB)");
	my $after;
	wait_until('memory goes back', sub {
		($after = $proxy->rss) < $before + 4 * 1024
	});
	pass("and went back ($after KiB)");
	ok($slowest < 0.5 * slow, "health was answered within $slowest s");
}
sub metrics
{
	return (prometheus(http($proxy->port('http_listen'), 'GET',
		'/metrics')->{body}))[0];
}
my $metrics = metrics();
is($metrics->{sallyport_config_last_reload_successful}, 1,
	'the last reload was good');
$proxy->write_text("nonsense\n");
isnt((ctl($socket, 'reload'))[0], 0, 'a bad one is refused');
$metrics = metrics();
is($metrics->{sallyport_config_last_reload_successful}, 0, 'and a gauge says so');
done_testing;
