#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# sallyport-fetch --stay: it asks again by itself and on SIGHUP, reads a changed
# configuration, outlives failures, and ends at once on SIGTERM. Metrics. Root
# is given up.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Time::HiRes qw(time);
use Sallyport;
use Sallyport::Fetch;

my $program = fetch_program;
my $web = tmp('web');
mkdir $web;
my $http = http_server($web);
my ($crl, $prom) = (tmp('client.crl'), tmp('fetch.prom'));
my $number = 0;

sub publish
{
	my (%crl) = @_;

	$number++;
	return pki->crl("$web/ca.crl", 'client-ca',
		number => sprintf('%02x', $number),
		last_at => time - 3600 + 10 * $number, %crl);
}

sub configure
{
	my (%fetch) = @_;

	return fetch_ini('stay', $crl, 'fetch ca' => {
		url => "$http->{url}/file/ca.crl", file => $crl,
		interval => '30d', %fetch });
}

# The value of a metric, of the only source.
sub metric
{
	my ($name) = @_;
	my ($value) = read_file($prom) =~
	    /^sallyport_fetch_\Q$name\E\{fetch="ca",file="\Q$crl\E"\} (\S+)$/m;

	return $value;
}

publish();
my $ini = configure();
my $stay = owned(Sallyport::Proc->new(name => 'fetch', drop => 1,
	slow => slow, log => tmp('stay.log')));
$stay->launch($program, '--stay', '-c', $ini, '-m', $prom);
$stay->wait_log(qr/event=fetch_new .*number=01 /);

my $from = $stay->mark;
publish(revoked => [qw(0101 0102)]);
$stay->signal($_) for qw(USR1 USR2); # of log rotation: it goes on
$stay->signal('HUP');
$stay->wait_log(qr/event=fetch_new .*number=02 /, from => $from);
pass('SIGHUP: asked at once');
wait_until('metrics', sub { (metric('revoked') // 0) == 2 });
is(metric('up'), 1, 'metrics: up');
is(metric('in_force'), 1, 'metrics: in_force');
cmp_ok(metric('last_success_seconds'), '>', time - 600, 'and last_success');
cmp_ok(metric('next_update_seconds'), '>', time + 29 * 86400, 'next_update');
cmp_ok(metric('this_update_seconds'), '<', time, 'this_update');
like(read_file($prom), qr/^# HELP sallyport_fetch_up .*\n# TYPE .* gauge$/m,
	'with help and type');
is((stat $prom)[2] & 07777, 0644, 'which node_exporter may read');

# It fetches again after `interval', and has read the configuration again.
$from = $stay->mark;
configure(interval => '100ms');
publish();
$stay->signal('HUP');
$stay->wait_log(qr/event=fetch_new .*number=03 /, from => $from);
publish();
$stay->wait_log(qr/event=fetch_new .*number=04 /, from => $from);
pass('interval: asked without a signal');

# The server fails, and comes back.
rename "$web/ca.crl", "$web/gone";
$stay->wait_log(qr/event=fetch_failed /, from => $from);
wait_until('a failure', sub { !metric('up') });
is(metric('in_force'), 1, 'a failure: the old list is in force');
my $success = metric('last_success_seconds');
ok($success > 0, 'and its time is kept');
publish();
$stay->wait_log(qr/event=fetch_new .*number=05 /, from => $from);
pass('it comes back');

# A bad configuration is reported, and the previous one stays in force.
$from = $stay->mark;
my $good = read_file($ini);
write_file($ini, "[fetch ca]\nurl = nonsense\n");
$stay->wait_log(qr/event=fetch_config .*stay\.ini:2: url: /, from => $from);
publish();
$stay->wait_log(qr/event=fetch_new .*number=06 /, from => $from);
pass('a bad configuration: the one before stays');

# It ends at once, also in the middle of a download.
configure(url => "$http->{url}/stall", timeout => '1h');
$http->wait_log(qr{^GET /stall});
my $begin = time;
$stay->signal('TERM');
is($stay->wait_exit(20), 0, 'SIGTERM: exit code');
cmp_ok(time - $begin, '<', 20 * slow, 'at once');

# A run for a timer knows by the metrics when the last one succeeded.
configure(url => "$http->{url}/status/500");
is((fetch('-c', $ini, '-m', $prom))[0], 75, 'a failure by a timer');
is(metric('up'), 0, 'its metrics');
cmp_ok(metric('last_success_seconds'), '>=', $success, 'with the time before');

my ($code, $said) = fetch('-c', configure(), '-m', tmp('none/a.prom'));
is($code, 73, 'metrics that cannot be written: exit code');
like($said, qr/--metrics: .*none/, 'and told');

# Root becomes another user before it reads what the file names.
SKIP: {
	skip 'needs root', 4 if $> != 0;
	skip 'a sanitizer wants to look into the process', 4
	    if read_file($program) =~ /__(?:asan|tsan|msan)_init/;
	my @fetch = ($program, '-c', $ini);
	my ($code, $out, $err) = Sallyport::Proc::run(30 * slow, @fetch, '-u',
		'no-such-user');

	is($code, 78, 'no such user: exit code');
	like($err, qr/user: "no-such-user" does not exist/, 'and told');
	unlink $crl;
	($code, $out, $err) = Sallyport::Proc::run(30 * slow, @fetch, '-u',
		'nobody');
	is($code, 0, 'as nobody') or diag($err);
	is((stat $crl)[4], (getpwnam 'nobody')[2], 'whose file it is');
}
done_testing;
