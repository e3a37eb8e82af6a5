#!/usr/bin/perl
# The status page in a real browser, with the daemon and without it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;

need_tool('chromium');
my $broker = peer('broker')->listen;
my $proxy = sallyport(
	daemon => { http_listen => '127.0.0.1:0' },
	backend => { address => $broker->address },
);
my $port = $proxy->port('http_listen');

# The page's DOM after some seconds of its time, and what it complained of.
sub dom
{
	my ($url, @more) = @_;
	my ($code, $out, $err) = Sallyport::Proc::run(40 * slow, 'chromium',
		qw(--headless --no-sandbox --disable-gpu --enable-logging=stderr),
		'--user-data-dir=' . tmp('chromium'),
		'--virtual-time-budget=5000', '--dump-dom', @more, $url);

	plan skip_all => "chromium does not run here: $err"
	    if $code != 0 || $out eq '';
	return ($out, join "\n", grep { /CONSOLE/ } split /\n/, $err);
}

peer->refused(port => $proxy->port('tls'), device => 'untrusted');
$proxy->wait_close('tls_untrusted');
my ($dom, $said) = dom("http://127.0.0.1:$port/");
is($said, '', 'no complaint in the console');
like($dom, qr{id="state"[^>]*>serving, ready<}, 'the state');
like($dom, qr{id="gone" role="alert" hidden}, 'the daemon is there');
like($dom, qr{<dt>Live sessions</dt><dd>0<}, 'live sessions');
like($dom, qr{>tls_untrusted</td><td class="n ">1</td>}, 'a refusal');
like($dom, qr{>\Q127.0.0.1:@{[ $broker->port ]}\E</td><td[^>]*>up<},
	'the broker');
like($dom, qr{>client CA</td>}, 'certificates');

# Without its daemon: from a file, where /status cannot be asked.
my $file = write_file(tmp('page.html'), http($port, 'GET', '/')->{body});
($dom) = dom("file://$file");
like($dom, qr{id="state"[^>]*>no answer<}, 'gone: the state');
like($dom, qr{role="alert">The daemon does not answer}, 'gone: says so');
done_testing;
