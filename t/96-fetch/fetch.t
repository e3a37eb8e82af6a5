#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# sallyport-fetch gets a list by HTTP, puts it in place, and the daemon, which
# only watches, ends the session of the device that it revokes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Fetch;
use Sallyport::Live;

fetch_program;
pki->make($_, subject => "/CN=$_") for qw(thief honest);
my $web = tmp('web');
mkdir $web;
my $server = http_server($web);
my $crl = tmp('client.crl');
my $ini = fetch_ini('fetch', $crl,
	'fetch ca' => { url => "$server->{url}/file/ca.crl", file => $crl });
my %list = (number => 4, last_at => time - 7200);

# Puts a list on the server; each call a newer one.
sub publish
{
	my (%crl) = @_;

	$list{number}++;
	$list{last_at} += 60;
	return pki->crl("$web/ca.crl", 'client-ca',
		%list, number => sprintf('%02x', $list{number}), der => 1, %crl);
}

sub is_fetched
{
	my ($want, $event, $what) = @_;
	my ($code, $said) = fetch('-c', $ini);

	is($code, $want, "$what: exit code");
	like($said, qr/event=$event /, "$what: $event") or diag($said);
	return $said;
}

# The first list: there is no file yet.
publish();
my ($code, $said) = fetch('-c', $ini, '-t');
is($code, 0, '-t') or diag($said);
like($said, qr/fetch\.ini: good, 1 list$/, '-t: what there is to do');
ok(!-e $crl, '-t fetches nothing');
$said = is_fetched(0, 'fetch_new', 'the first list');
like($said, qr/ number=05 revoked=0 next_update=\d{4}-/, 'what it says');
my $text = read_file($crl);
like($text, qr/^# Written by sallyport-fetch/, 'its head');
like($text, qr/^-----BEGIN X509 CRL-----\n(?:[^\n]{64}\n)*[^\n]{1,64}\n/m,
	'DER became PEM');
is(Sallyport::Pki::pem_to_der($text), read_file("$web/ca.crl"),
	'of the same list');
is((stat $crl)[2] & 07777, 0644, 'which everybody may read');
is(scalar(grep { /client\.crl./ } glob tmp('.*')), 0, 'nothing is left over');
like(Sallyport::Pki::openssl('crl', '-in', $crl, '-noout', '-issuer'),
	qr/Client CA/, 'openssl reads it, too');

# The server says that nothing has changed, and the file is left alone.
my @before = stat $crl;
is_fetched(0, 'fetch_unchanged', 'nothing new');
like($server->text, qr/"\w{40}"\n\z/, 'the ETag was sent');
is_deeply([ (stat $crl)[1, 9] ], [ @before[1, 9] ], 'the file stays');

# A daemon watches the file.
my $broker = peer('broker')->listen;
my $proxy = sallyport(daemon => { watch_interval => '100ms' },
	backend => { address => $broker->address }, tls => { crl => $crl });
my $live = Sallyport::Live->new(peer, $proxy, $broker);
my @honest = $live->begin_both(device => 'honest');
my @thief = $live->begin_both(device => 'thief');
my $from = $proxy->mark;
publish(revoked => ['thief']);
like(is_fetched(0, 'fetch_new', 'a thief'), qr/ revoked=1 /, 'one is revoked');
$proxy->wait_log(qr/event=reload /, from => $from);
$live->is_out('87', 'fetched', @thief);
$live->lives('another is revoked', @honest);
$live->is_refused('tls_revoked', 'fetched', device => 'thief');
$live->leave(@honest);

# The file is removed: it is fetched anew, whatever the ETag was.
unlink $crl;
is_fetched(0, 'fetch_new', 'the file was removed');

# Redirects, mirrors, and PEM.
for (['to', 'a redirect'], ['far', 'two redirects']) {
	my ($path, $what) = @$_;

	publish(der => 0);
	fetch_ini('fetch', $crl, 'fetch ca' => {
		url => "$server->{url}/$path/ca.crl", file => $crl });
	is_fetched(0, 'fetch_new', $what);
}
publish();
fetch_ini('fetch', $crl, 'fetch ca' => {
	url => "http://127.0.0.1:1/ca.crl, $server->{url}/status/503, "
	    . "$server->{url}/plain/ca.crl", file => $crl });
$said = is_fetched(0, 'fetch_new', 'the third mirror');
is(scalar(() = $said =~ /event=fetch_failed /g), 2, 'two are told of');

# A server without ETags: the time counts only if it is long ago, since another
# list may come within the same second.
fetch_ini('fetch', $crl, 'fetch ca' => {
	url => "$server->{url}/dated/ca.crl", file => $crl });
publish();
is_fetched(0, 'fetch_new', 'Last-Modified, now');
unlike(read_file($crl), qr/^# modified: /m, 'is not relied on');
publish();
utime time - 3600, time - 3600, "$web/ca.crl";
is_fetched(0, 'fetch_new', 'Last-Modified, long ago');
like(read_file($crl), qr/^# modified: \w/m, 'is remembered');
is_fetched(0, 'fetch_unchanged', 'and sent');

# A download has the list of one CA; the list of another in the same file stays.
pki->crl("$web/inter.crl", 'inter-ca', number => '01');
my %both = (client_ca => pki->cert('client-ca') . ', ' . pki->cert('inter-ca'));
fetch_ini('fetch', $crl, tls => \%both, 'fetch ca' => {
	url => "$server->{url}/file/inter.crl", file => $crl });
is_fetched(0, 'fetch_new', 'of another CA');
is(scalar(() = read_file($crl) =~ /BEGIN/g), 2, 'both lists are there');
fetch_ini('fetch', $crl, 'fetch ca' => {
	url => "$server->{url}/file/ca.crl", file => $crl });
publish();
is_fetched(0, 'fetch_new', 'and not of that CA any more');
is(scalar(() = read_file($crl) =~ /BEGIN/g), 1, 'its list has gone with it');

# A secret in the environment of sallyport-fetch is not for the daemon.
$ini = fetch_ini('fetch', $crl, 'fetch ca' => { file => $crl,
	url => $server->{url} =~ s{//}{//user:\${env:FETCH_PASSWORD}\@}r
	    . '/file/ca.crl' });
publish();
{
	local $ENV{FETCH_PASSWORD} = 'secret';
	is_fetched(0, 'fetch_new', 'with a variable');
}
($code, $said) = fetch('-c', $ini);
is($code, 78, 'without it: exit code');
like($said, qr/url: the environment variable FETCH_PASSWORD is not set/,
	'and told');
unlike((sallyport_check('-c', $ini))[2], qr/FETCH_PASSWORD|url/,
	'the daemon needs no such variable');

# What is wrong with the configuration is told with its line.
for (
	[ 'no url', { file => $crl }, qr/\.ini:\d+: url: is missing/ ],
	[ 'no file', { url => 'http://a/b' }, qr/\.ini:\d+: file: is missing/ ],
	[ 'ldap', { url => 'ldap://u:secret@a/b', file => $crl },
	    qr/url: item 1 is not such a URL \(write http:/ ],
	[ 'a file that no [tls] reads', { url => 'http://a/b', file => '/x/y.crl' },
	    qr/file: no \[tls\] reads \/x\/y\.crl \(add it/ ],
) {
	my ($what, $fetch, $why) = @$_;
	my ($code, $said);

	fetch_ini('bad', $crl, 'fetch a' => $fetch);
	($code, $said) = fetch('-c', tmp('bad.ini'));
	is($code, 78, "$what: exit code");
	like($said, $why, "$what: told");
	unlike($said, qr/secret/, "$what: no password is shown");
	my $daemon = (sallyport_check('-c', tmp('bad.ini')))[2];
	like($daemon, $why, "$what: the daemon says so, too");
}
fetch_ini('bad', $crl);
($code, $said) = fetch('-c', tmp('bad.ini'));
is($code, 78, 'no [fetch]');
like($said, qr/nothing to fetch \(add a section \[fetch NAME\]/, 'and why');
is((fetch('--nonsense'))[0], 64, 'a wrong argument');

# --help, the manual and the completions have the same options.
my $help = (fetch('--help'))[1];
my $manual = read_file(srcdir . '/etc/sallyport-fetch.8');
my @options = $help =~ /^  -\w, --([a-z]+)/mg;
cmp_ok(@options, '>', 5, '--help has options');
is_deeply([ sort $manual =~ /^\.It Fl \w , -(\w+)/mg ], [ sort @options ],
	'the manual has the same');
for my $file (qw(bash-completion/sallyport-fetch zsh-completion/_sallyport-fetch
    fish-completion/sallyport-fetch.fish)) {
	my %has = map { $_ => 1 } read_file(srcdir . "/contrib/$file")
	    =~ /(?:--|-l )([a-z]+)\b/g;

	is_deeply([ sort keys %has ], [ sort @options ], $file);
}
SKIP: {
	skip 'no bash', 1 unless -x '/bin/bash';
	my (undef, $out) = Sallyport::Proc::run(10, '/bin/bash', '-c',
		'source "$1"; COMP_WORDS=(x --st); COMP_CWORD=1; '
		. '_sallyport_fetch x --st x; echo "${COMPREPLY[*]}"', '-',
		srcdir . '/contrib/bash-completion/sallyport-fetch');
	is($out, "--stay\n", 'bash completes --st');
}
done_testing;
