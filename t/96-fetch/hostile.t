#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Servers that are gone, slow or lying: sallyport-fetch says what is wrong, ends
# with the documented code, leaves the file as it is, and the daemon notices
# nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Time::HiRes qw(time);
use Sallyport;
use Sallyport::Fetch;
use Sallyport::Live;

fetch_program;
pki->make($_, subject => "/CN=$_") for qw(thief honest);
my $web = tmp('web');
mkdir $web;
my $http = http_server($web);
my $crl = tmp('client.crl');
my $now = time;

# NAME on the server, a list of CA.
sub list
{
	my ($name, $ca, %crl) = @_;

	return pki->crl("$web/$name", $ca, last_at => $now - 3600, %crl);
}

sub fetch_from
{
	my ($urls, %fetch) = @_;
	my $ini = fetch_ini('fetch', $crl, 'fetch ca' => {
		url => $urls, file => $crl, timeout => '60s',
		max_size => '1m', %fetch });
	my ($code, $said) = fetch('-c', $ini);

	return ($code, $said);
}

# In place is a list, number 10, that revokes the thief.
list('good', 'client-ca', number => '10', revoked => ['thief']);
is((fetch_from("$http->{url}/file/good"))[0], 0, 'a good list');
my $before = read_file($crl);
my $inode = (stat $crl)[1];
my $broker = peer('broker')->listen;
my $proxy = sallyport(daemon => { watch_interval => '100ms' },
	backend => { address => $broker->address }, tls => { crl => $crl });
my $live = Sallyport::Live->new(peer, $proxy, $broker);
my @honest = $live->begin_both(device => 'honest');
my $from = $proxy->mark;

list('foreign', 'other-ca', number => '11');
list('forged', 'false-ca', number => '11');
list('rolled-back', 'client-ca', number => '09', last_at => $now - 9000);
list('renumbered', 'client-ca', number => '09', last_at => $now - 60);
list('ended', 'client-ca', number => '11', last_at => $now - 7200,
	next_at => $now - 3600);
list('future', 'client-ca', number => '11', last_at => $now + 7200);
write_file("$web/rubbish", "\x30\x82\xff\xff" . 'x' x 500);
write_file("$web/text", "hello\n");
write_file("$web/empty", '');
Sallyport::Pki::openssl('crl', '-in', "$web/good", '-outform', 'DER', '-out',
	"$web/good.der");
my $bent = read_file("$web/good.der");
substr($bent, -1) ^= "\x01";
write_file("$web/bent", $bent);
write_file("$web/appended", read_file("$web/good.der") . 'x' x 50);
write_file("$web/two", read_file("$web/good") . read_file("$web/forged"));
write_file("$web/cert", read_file(pki->cert('client-ca')));

for (
	[ '/file/foreign', 65, qr/a list of O=Test,CN=Other CA, which is not in/ ],
	[ '/file/forged', 65, qr/its signature is not by O=Test,CN=Client CA/ ],
	[ '/file/two', 65, qr/its signature is not by/ ],
	[ '/file/rolled-back', 65,
	    qr/older than the list in place: number 0x09 of \d.*0x10 of/ ],
	[ '/file/renumbered', 65, qr/older than the list in place/ ],
	[ '/file/ended', 65, qr/its nextUpdate, .*, has passed/ ],
	[ '/file/future', 65, qr/not valid before .* \(check the clock\)/ ],
	[ '/file/rubbish', 65, qr/cannot be read/ ],
	[ '/file/text', 65, qr/it is no CRL/ ],
	[ '/file/empty', 65, qr/it is empty/ ],
	[ '/file/cert', 65, qr/it is no CRL/ ],
	[ '/file/bent', 65, qr/its signature is not by O=Test,CN=Client CA/ ],
	[ '/file/appended', 65, qr/after the first \d+ bytes of DER more/ ],
	[ '/html', 65, qr/a web page and no CRL/ ],
	[ '/cut/good', 65, qr/has no END/ ],
	[ '/cut/good.der', 65, qr/cannot be read/ ],
	[ '/half/good', 75, qr/the server broke off/ ],
	[ '/loop', 75, qr/redirects followed \(does the server/ ],
	[ '/away', 75, qr/file.*\(only http and https are followed\)/ ],
	[ '/ftp', 75, qr/ftp.*\(only http and https are followed\)/ ],
	[ '/status/404', 75, qr/HTTP status 404 \(is the URL right/ ],
	[ '/status/500', 75, qr/HTTP status 500/ ],
	[ '/giga', 75, qr/larger than max_size, 1048576 bytes/ ],
	[ '/gigalen', 75, qr/larger than max_size, 1048576 bytes/ ],
) {
	my ($path, $want, $why) = @$_;
	my ($code, $said) = fetch_from("$http->{url}$path");

	is($code, $want, "$path: exit code $want");
	like($said, $why, "$path: told") or diag($said);
	like($said, qr/client\.crl: \Q$http->{url}$path\E: /,
		"$path: with the file and the URL");
	ok(read_file($crl) eq $before && (stat $crl)[1] == $inode,
		"$path: the file stays");
}
# Not a gigabyte was read: the server got rid of what the sockets hold.
for (1 .. 2) {
	my ($sent) = $http->wait_log(qr/^sent \d/, from => 0) =~ /(\d+)/;
	cmp_ok($sent, '<', 64 << 20, 'a download that is too large is cut');
}

# A server that is gone, and two that are slow. The time limit ends the
# download, not this test.
for (
	[ 'gone', 'http://127.0.0.1:1/x', qr/onnect.*\(is a proxy needed/ ],
	[ 'a byte at a time', "$http->{url}/slow", qr/timed out.*see timeout/ ],
	[ 'silent', "$http->{url}/stall", qr/timed out.*see timeout/ ],
) {
	my ($what, $url, $why) = @$_;
	my $begin = time;
	my ($code, $said) = fetch_from($url, timeout => '500ms');

	is($code, 75, "$what: exit code");
	like($said, $why, "$what: told") or diag($said);
	cmp_ok(time - $begin, '<', 20 * slow, "$what: it ends");
}
# Behind a bad server there may be a good one.
list('newer', 'client-ca', number => '12', revoked => ['thief'],
	last_at => $now - 30);
my ($code, $said) = fetch_from(join(', ', "$http->{url}/stall",
	"$http->{url}/file/forged", "$http->{url}/file/newer"),
	timeout => 2 * slow . 's');
is($code, 0, 'a mirror is good') or diag($said);
isnt(read_file($crl), $before, 'its list is there');
$proxy->wait_log(qr/event=reload /, from => $from);
$live->lives('through all of it', @honest);
ok(!$proxy->find_log(qr/event=reload_failed /), 'no reload failed');
$live->leave(@honest);

# Secrets in URLs are in no message and no file.
my $secret = $http->{url} =~ s{//}{//user:hunter2\@}r;
($code, $said) = fetch_from("$secret/status/403?token=hunter3");
is($code, 75, 'with a password');
like($said, qr{//127\.0\.0\.1:\d+/status/403\?\.\.\.: }, 'the URL is told');
unlike($said, qr/hunter/, 'without what is secret in it');
list('newest', 'client-ca', number => '13', last_at => $now - 20);
($code) = fetch_from("$secret/file/newest?token=hunter3");
is($code, 0, 'fetched with a password');
unlike(read_file($crl), qr/hunter/, 'which is not in the file');

# No good list was ever in place, or it has ended.
unlink $crl;
($code, $said) = fetch_from("$http->{url}/status/500");
is($code, 69, 'no list is in place: exit code');
like($said, qr/event=fetch_outdated .*holds no list in force/, 'and told');
pki->crl($crl, 'client-ca', number => '20', last_at => $now - 7200,
	next_at => $now - 60);
is((fetch_from("$http->{url}/status/500"))[0], 69, 'it has ended: exit code');
($code, $said) = fetch_from("$http->{url}/file/newest");
is($code, 0, 'it has ended: a lower number is better than none');

# Paths that sallyport-fetch refuses to write to.
my $open = tmp('open');
mkdir $open;
chmod 0777, $open;
fetch_ini('open', $open, 'fetch ca' => {
	url => "$http->{url}/file/newest", file => "$open/a.crl" });
($code, $said) = fetch('-c', tmp('open.ini'));
is($code, 73, 'a folder that everybody may write to: exit code');
like($said, qr/everybody may write to .*chmod o-w/, 'and told');
symlink $crl, tmp('link.crl');
fetch_ini('open', tmp('link.crl'), 'fetch ca' => {
	url => "$http->{url}/file/newest", file => tmp('link.crl') });
($code, $said) = fetch('-c', tmp('open.ini'));
is($code, 73, 'a link: exit code');
like($said, qr/is not a regular file \(of a link, name/, 'and told');

done_testing;
