#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The status page in a real browser: under load, on a phone, in dark mode, while
# the daemon stops and starts again, by keyboard, and for a screen reader.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
BEGIN { $ENV{SALLYPORT_TEST_LIMIT} ||= 120 }
use Sallyport;
use Sallyport::Admin;
use Sallyport::Browser;

use Encode qw(encode_utf8);

need_tool('chromium');
pki->crl(tmp('client.crl'), 'client-ca');
pki->make('soon', subject => '/CN=soon', end => 5);
my $deny = write_file(tmp('deny.csv'), "as,who\nusername,a\nusername,b\n");
my $broker = mosquitto();
my $http = free_port;
my %config = (
	daemon => { http_listen => "127.0.0.1:$http" },
	backend => { address => $broker->address, probe => 'tcp',
		probe_interval => '200ms' },
	tls => { crl => tmp('client.crl') },
	denylist => { file => $deny },
);
my $proxy = sallyport(%config);
my $url = "http://127.0.0.1:$http/?every=0.2";

my $browser = Sallyport::Browser->start(dir => tmp('chromium'), slow => slow)
    or plan skip_all => "chromium does not run here: $@";

sub js
{
	return $browser->js($_[0]);
}

sub wait_js
{
	my ($what, $expression, $seconds) = @_;

	ok(eval { wait_until($what, sub { js($expression) }, $seconds) },
		$what) or diag($@, encode_utf8(js('document.body.innerText')));
}

# Saves a screenshot if SALLYPORT_PICTURES names a folder.
sub picture
{
	my ($name) = @_;
	my $dir = $ENV{SALLYPORT_PICTURES} or return;

	$browser->picture("$dir/$name.png");
}

# Texts without enough contrast to their background (WCAG 1.4.3).
my $contrast = <<'JS';
(() => {
	const parse = (c) => c.match(/[\d.]+/g).map(Number);
	const light = (c) => c.slice(0, 3).map((v) => v / 255).map((v) =>
	    v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce(
	    (a, v, i) => a + v * [.2126, .7152, .0722][i], 0);
	const behind = (e) => {
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor);
			if (c.length === 3 || c[3] > 0)
				return c;
		}
		return [255, 255, 255];
	};
	const bad = [];
	const walk = document.createTreeWalker(document.body,
	    NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const e = walk.currentNode.parentElement;
		if (!walk.currentNode.data.trim() || !e.checkVisibility() ||
		    e.closest("script, style, noscript"))
			continue;
		const [a, b] = [parse(getComputedStyle(e).color),
		    behind(e)].map(light).sort((x, y) => y - x);
		if ((a + .05) / (b + .05) < 4.5)
			bad.push(walk.currentNode.data);
	}
	return bad.join(", ");
})()
JS
# Elements beyond the right edge, except in what scrolls.
my $sticks_out = <<'JS';
[...document.querySelectorAll("body *")].filter((e) =>
    e.checkVisibility() && !e.closest(".scroll > *") &&
    !e.closest(".skip") && e.getBoundingClientRect().right >
    document.documentElement.clientWidth + 1).map((e) =>
    e.tagName + "#" + e.id).join(" ")
JS

sub check_looks
{
	my ($state) = @_;

	for my $size ([ 1280, 900 ], [ 360, 740 ], [ 320, 640 ]) {
		my ($width, $height) = @$size;
		$browser->size($width, $height, phone => $width < 800);
		is(js('document.documentElement.scrollWidth'), $width,
			"$state: $width wide: nothing to scroll to");
		is(js($sticks_out), '', "$state: $width wide: all inside");
		for my $scheme (qw(light dark)) {
			$browser->scheme($scheme);
			is(js($contrast), '',
				"$state: $width $scheme: contrast 4.5");
			picture("$state-$width-$scheme");
		}
	}
	$browser->size(1280, 900);
	$browser->scheme('light');
}

# Opens and closes sessions as fast as possible; some are refused.
sub come_and_go
{
	my @in;

	for (my $i = 0;; $i++) {
		my $transport = $i % 2 ? 'tls' : 'wss';
		my $c = peer('crowd')->device($transport,
			port => $proxy->port($transport),
			device => $i % 5 ? 'ec' : 'soon');
		$c->send(mqtt_connect(clientid => "crowd-$i"));
		$c->packet;
		push @in, $c;
		$_->close for @in > 20 ? splice @in, 0, 15 : ();
		peer('crowd')->refused(port => $proxy->port('tls'),
			device => 'untrusted') if $i % 4 == 0;
	}
}

my @stay = map {
	my $c = peer->tls(port => $proxy->port('tls'), device => 'ec');
	$c->send(mqtt_connect(clientid => "stay-$_"));
	$c->packet;
	$c;
} 1 .. 5;
$browser->size(1280, 900);
$browser->open($url);
wait_js('it serves', q(byId("state").textContent === "serving, ready"));
is(js('byId("gone").hidden'), 1, 'nothing is gone');
is(js(q(document.querySelector("#tiles dd span").textContent)), '5',
	'five live sessions');
like(js(q(byId("denylist").textContent)), qr/^Deny list: 2 entries/,
	'the deny list');
like(js(q(byId("process").textContent)), qr/generation 1, \d+ s ago/,
	'the last reload');
like(js(q(byId("certs").textContent)), qr/server3,6\d\d.*client CA3,6\d\d/,
	'certificates and their days left');
like(js(q(byId("backends").textContent)), qr/\Q@{[ $broker->address ]}\Eup/,
	'the broker');
like(js(q(byId("ciphers").textContent)), qr/1\.3TLS_\w+500/,
	'handshakes by cipher');
like(js(q(byId("left").textContent)), qr/to 7 days0.*more5/,
	'days left of the devices');

# Under load the page keeps up, and does not disturb focus and selection.
js(<<'JS');
byId("pause").focus();
getSelection().selectAllChildren(byId("h-l"));
window.cell = document.querySelector("#listeners td");
window.lives = new Set();
window.turns = 0;
new MutationObserver(() => {
	turns++;
	lives.add(document.querySelector("#tiles dd span").textContent);
}).observe(byId("tiles"), { subtree: true, characterData: true,
    childList: true, attributes: true });
0
JS
my $crowd = fork // die "fork: $!";
if ($crowd == 0) {
	eval { come_and_go() };
	POSIX::_exit(0);
}
wait_js('live sessions come and go', 'lives.size >= 3', 20);
wait_js('refusals are counted by reason', q(/^tls_untrusted([1-9]\d|\d,)/
    .test(document.querySelector("#refused tbody").textContent)), 20);
wait_js('connects a second', q(parseFloat([...document.querySelectorAll(
    "#tiles dd span")][1].textContent) > 0));
wait_js('refusals a second', q(parseFloat([...document.querySelectorAll(
    "#tiles dd span")][2].textContent) > 0));
wait_js('handshake latency', q(/ ms/.test(document.querySelectorAll(
    "#tiles dd span")[3].textContent)));
wait_js('certificates that end soon', q(/to 7 days[1-9]/.test(
    byId("left").textContent)));
wait_js('it has updated ten times', 'turns >= 10', 20);
ok(js('cell.isConnected'), 'a cell is still the same one');
is(js('document.activeElement.id'), 'pause', 'the focus stays');
is(js('getSelection().toString().replace(/\s+/g, " ")'),
	'By listener', 'so does what is selected');
check_looks('load');
kill 'KILL', $crowd;
waitpid $crowd, 0;

# The accessibility tree.
my @told = $browser->accessible;
my %roles;
$roles{ $_->[0] }++ for @told;
is($roles{$_}, 1, "one $_") for qw(banner main contentinfo status);
is(js('document.documentElement.lang'), 'en', 'the language');
is(js('document.querySelectorAll("h1").length'), 1, 'one h1');
is_deeply([ grep { /^(?:region|table|button|link)$/ && $_ } map {
	$_->[1] =~ /\S/ ? () : $_->[0] } @told ], [],
	'every region, table, button and link has a name');
my %named = map { ("$_->[0] $_->[1]" => 1) } @told;
ok($named{$_}, $_) for 'heading Refused and closed',
    'table Refused and closed, by reason', 'columnheader Reason',
    'rowheader In all', 'button Pause', 'link To the numbers';
is(js('[...document.querySelectorAll("table")].filter((t) =>
    !t.querySelector("th[scope]")).length'), 0, 'every table has headers');

# By keyboard: the skip link, and the pause button.
js('document.activeElement.blur(); getSelection().removeAllRanges(); 0');
$browser->open($url);
wait_js('it serves', q(byId("state").textContent === "serving, ready"));
$browser->press('Tab');
is(js('document.activeElement.className'), 'skip', 'first a way past it all');
ok(js('document.activeElement.getBoundingClientRect().left >= 0'),
	'which can be seen then');
$browser->press('Enter');
is(js('document.activeElement.id'), 'main', 'and leads there');
js('byId("pause").focus(); window.asked = 0; const f = fetch;
    window.fetch = (...a) => { asked++; return f(...a); }; 0');
$browser->press(' ');
is(js('byId("pause").getAttribute("aria-pressed")'), 'true', 'Space pauses');
is(js('asked = 0, new Promise((done) => setTimeout(() => done(asked), 600))'),
	0, 'nothing is asked while it pauses');
$browser->press(' ');
is(js('byId("pause").getAttribute("aria-pressed")'), 'false', 'and goes on');
wait_js('it asks again', 'asked > 0');
$browser->size(360, 740, phone => 1);
wait_js('what scrolls sideways can be reached by Tab', q(
    byId("certs").tabIndex === 0));
is(js(q(["funnel", "listeners"].filter((id) => byId(id).tabIndex === 0)
    .join())), '', 'narrow tables do not');
$browser->size(1280, 900);
wait_js('what does not is no stop', q(byId("certs").tabIndex === -1));

# The history is the daemon's: a page that is opened now shows what was before.
$browser->open($url);
wait_js('it serves', q(byId("state").textContent.startsWith("serving")));
wait_js('the plot has the peak of a minute ago', q(/^peak \d\d/.test(
    byId("p-sessions-peak").textContent)));
is(js('[...document.querySelectorAll("#plots svg[role=img]")].length'), 4,
	'four plots');
ok(js(q([...document.querySelectorAll("#plots svg[role=img]")].every((e) =>
    e.querySelectorAll("text").length > 5))), 'with axes');
like(js(q(byId("p-connects-legend").textContent)), qr/opened.*tls_untrusted/,
	'refusals by reason beside what was opened');
js(q(byId("p-sessions").dispatchEvent(new PointerEvent("pointermove",
    { clientX: byId("p-sessions").getBoundingClientRect().right - 12,
    clientY: byId("p-sessions").getBoundingClientRect().top + 50 })); 0));
like(js(q([...document.querySelectorAll("#p-sessions .told")].map((e) =>
    e.textContent).join("; "))), qr/^\d\d:\d\d:\d\d; sessions: \d+$/,
	'the pointer tells a moment');
js(q(byId("r24h").click(); 0));
is(js(q(byId("r24h").getAttribute("aria-pressed"))), 'true', '24 hours');
is(js(q(rate(0) + ", " + rate(.02) + ", " + rate(.0005) + ", " + rate(3.14159) +
    ", " + rate(1234.5))), '0 /s, 1.2 /min, 1.8 /h, 3.1 /s, 1,235 /s',
	'small rates are shown as they are');
js(q(byId("r10m").click(); 0));
like(js(q(byId("host").textContent)), qr/\S/, 'the name of the machine');
like(js(q(byId("updated").textContent)), qr/^\d\d:\d\d:\d\d UTC$/, 'UTC');
is(js(q([...document.querySelectorAll(
    ".tile dd span, .tile dt, .facts dd")].filter((e) =>
    e.getClientRects().length > 1 || e.offsetHeight > 40).map((e) =>
    e.textContent).join())), '', 'nothing wraps in its tile at 1280');

# Problems are at the top, the worst first.
is(js(q(document.querySelectorAll("#problems li").length)), 0,
	'nothing is wrong');
$proxy->write_ini(%config, timeouts => { tls => '10x' });
$proxy->signal('HUP');
wait_js('a refused reload', q(/^Problem.*the reload at .* was refused, .*10x/
    .test(document.querySelector("#problems li.bad")?.textContent)));
$proxy->write_ini(%config);
$proxy->signal('HUP');
wait_js('mended', q(document.querySelectorAll("#problems li").length === 0));
$broker->stop;
wait_js('no broker is up', q(/^Problem.*1 of 1 broker is down/.test(
    document.querySelector("#problems li.bad")?.textContent)));
is(js(q(byId("state").className)), 'badge bad', 'in red');
check_looks('down');

# The daemon ends, and comes back.
is_deeply([ $browser->said ], [], 'no complaint so far');
$proxy->{any_exit} = 1;
$proxy->signal('KILL');
$proxy->wait_exit(5);
wait_js('gone: it says so', q(!byId("gone").hidden &&
    byId("gone").textContent.startsWith("The daemon does not answer")));
like(js('byId("gone").textContent'), qr/What is below is of \d/,
	'and how old the numbers are');
is(js('byId("state").textContent'), 'no answer', 'the state');
is(js('document.title'), '! Sallyport is gone', 'the title');
ok((grep { $_->[0] eq 'alert' } $browser->accessible),
	'a screen reader is told');
like(js(q(document.querySelector("#tiles dd span").textContent)), qr/^\d+$/,
	'the last numbers are there');
check_looks('gone');
$broker = mosquitto();
$config{backend}{address} = $broker->address;
$proxy = sallyport(%config);
wait_js('back: it is taken back by itself', q(byId("gone").hidden &&
    byId("state").textContent === "serving, ready"));
is(js(q(document.querySelector("#tiles dd span").textContent)), '0',
	'with the new numbers');
done_testing;
