#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# deny, allow and denied: many entries at once, what they answer, and that the
# deny list depends on nothing else.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;

my $socket = tmp('admin.sock');
my $deny = tmp('deny.csv');
my $broker = peer('broker')->listen;
my %config = (
	daemon => { admin_socket => $socket, watch_interval => '100ms' },
	backend => { address => $broker->address },
	denylist => { file => $deny },
);
my $heading = "as,who,reason,until\n";

sub own
{
	chown +(getpwnam 'nobody')[2, 3], @_ if $> == 0;
	return $_[0];
}

own(write_file($deny, $heading));
my $proxy = sallyport(%config);

sub live
{
	my $c = peer->tls(port => $proxy->port('tls'), device => 'ec');
	my $b = $broker->session($c, clientid => 'ec');
	return ($c, $b);
}

# Runs sallyportctl; returns what it prints, and its exit code.
sub says
{
	my ($want, $like, @args) = @_;
	my ($code, $out, $err) = ctl($socket, @args);

	is($code, $want, "@args");
	like($out . $err, $like, "@args: the answer");
	return $out . $err;
}

# The answer reports exactly what a change does.
my ($c, $b) = live();
says(0, qr/^dry run: would be denied for ever; 1 session matches$/,
	qw(deny cn device-001 --dry-run));
says(1, qr/^0 of 0 entries/, 'denied');
says(0, qr/^denied until 20\S+Z; 1 session ended$/,
	qw(deny cn device-001 --for 2h --reason lost));
$c->ended;
$_->close for $c, $b;
says(0, qr/^denied for ever, was denied until 20\S+Z; no live session matches$/,
	qw(deny cn device-001 --reason lost));
says(0, qr/^already denied for ever$/, qw(deny cn device-001 --reason lost));
says(0, qr/^no longer denied$/, qw(allow cn device-001));
says(1, qr/no such entry/, qw(allow cn device-001));

# Refused: nothing is written.
my $before = read_file($deny);
for ([ qr/in the past/, '--until', 3600 ],
	[ qr/in the past/, '--until', '2020-01-01T00:00:00Z' ],
	[ qr/until is a time/, '--until', '-5' ],
	[ qr/for is a number/, '--for', '2' ],
	[ qr/for is a number/, '--for', '-2h' ],
	[ qr/not both/, '--for', '2h', '--until', '1h' ]) {
	my ($like, @args) = @$_;
	says(1, $like, qw(deny cn device-001), @args);
}
says(1, qr/matches every client/, 'deny', @$_)
    for [ 'username_re', '.*' ], [ 'clientid_re', '^' ],
    [ 'username_re', '(?s).' ], [ 'peerhost_net', '0.0.0.0/0' ],
    [ 'peerhost_net', '::/0' ];
says(1, qr/invisible/, 'deny', 'cn', "device\xe2\x80\x8b-001");
says(1, qr/invisible/, 'deny', 'cn', "device\xc2\xa0001");
is(read_file($deny), $before, 'the file is as it was');
says(0, qr/denied/, qw(deny username_re .* --all));
says(0, qr/no longer/, qw(allow username_re .*));

# Lists.
my $list = write_file(tmp('list.csv'), $heading
	. join '', map { sprintf "cn,list-%05d,\"lost, all\",\n", $_ } 1 .. 5000);
says(0, qr/^dry run: would be 5000 added; no live session matches$/,
	'deny', '--from', $list, '--dry-run');
says(0, qr/^5000 added; no live/, 'deny', '--from', $list);
says(0, qr/^5000 as they were$/, 'deny', '--from', $list);
says(0, qr/5000 of 5000 entries, 2 shown/, qw(denied --limit 2));
like(read_file($deny), qr/^cn,list-05000,"lost, all",$/m, 'on the disk');
write_file($list, "list-00001\r\nlist-00002\n\nlist-00003\n");
says(0, qr/^3 removed$/, 'allow', 'cn', '--from', $list);
write_file($list, "cn,new-1,,\ncn,new-2,,soon\nnonsense,x,,\n");
my $said = says(1, qr/\Q$list\E:2: .*bad until/, 'deny', '--from', $list);
like($said, qr/\Q$list\E:3: no such kind/, 'each bad row');
says(1, qr/^0 of 4997/, qw(denied --match new-));
says(1, qr/matches every client/, 'deny', 'username_re', '--from',
	write_file($list, ".*\n"));

# Filters, order, pages.
says(0, qr/denied/, qw(deny san a.example --for 1h --reason first));
says(0, qr/denied/, qw(deny serial 0a --for 2h --reason second));
my (undef, $rows) = ctl_json($socket, qw(denied --sort -until --limit 3));
is($rows->{matched}, 4999, 'all of them');
is($rows->{denied}[0]{until}, undef, 'for ever is last');
(undef, $rows) = ctl_json($socket, qw(denied --sort until --limit 2));
is_deeply([ map { $_->{who} } @{ $rows->{denied} } ], [ 'a.example', '0a' ],
	'sorted by until');
(undef, $rows) = ctl_json($socket,
	qw(denied --as cn --sort who --offset 10 --limit 1));
is($rows->{denied}[0]{who}, 'list-00014', 'a page');
says(1, qr/^0 of/, qw(denied --expired yes));
says(0, qr/^4997 removed$/, qw(allow --as cn --match list-0));
says(0, qr/^2 removed$/, qw(allow --all));
is(read_file($deny), $heading, 'nothing is left in the file');

# Whatever else is wrong: a denial takes effect.
($c, $b) = live();
my $ini = read_file($proxy->{ini});
my $from = $proxy->mark;
write_file($proxy->{ini}, "$ini\n[half\nedited");
$proxy->wait_log(qr/event=reload_failed /, from => $from);
says(0, qr/1 session ended/, qw(deny cn device-001));
$c->ended;
$_->close for $c, $b;
$from = $proxy->mark;
write_file($proxy->{ini}, $ini);
$proxy->wait_log(qr/event=reload /, from => $from);
is($proxy->count_log(qr/event=denylist /), 0,
	'what commands wrote was never loaded again');

# Another program appends, or replaces the file by an older version.
$from = $proxy->mark;
my $old = read_file($deny);
open my $f, '>>', $deny or die;
print $f "cn,appended,,\n";
close $f;
$proxy->wait_log(qr/event=denylist .*2 entries in force/, from => $from);
says(0, qr/denied/, qw(deny cn device-002));
$from = $proxy->mark;
own(write_file("$deny.new", $old));
rename "$deny.new", $deny;
$proxy->wait_log(qr/event=denylist .*writing \d changes again/, from => $from);
says(0, qr/2 of 2 entries/, 'denied');
wait_until('the denial is back in the file',
	sub { read_file($deny) =~ /^cn,device-002,/m });

# A file that is not understood: told by line, and the old list stays.
for my $bad ("as,who\rcn,x\r", "as;who\ncn;x\n", "as\twho\ncn\tx\n",
	"who\nx\n", "as,who\ncn,x\xc2\xa0\n", "as,who,until\ncn,x,+5\n") {
	$from = $proxy->mark;
	own(write_file("$deny.new", $bad));
	rename "$deny.new", $deny;
	$proxy->wait_log(qr/event=reload_refused .*\Q$deny\E:\d+: /,
		from => $from);
	says(0, qr/2 of 2 entries/, 'denied');
}
like((ctl($socket, 'metrics'))[1],
	qr/^sallyport_config_last_reload_successful 0$/m, 'the metric says so');
$proxy->stop;
done_testing;
