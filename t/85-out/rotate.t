#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Certificates rotate while clients connect without a pause: no client is refused,
# whichever way the files are replaced, and half a rotation is not read.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Live;

my $pki = pki;
my $broker = peer('broker')->listen;

# A secret volume as Kubernetes makes it: ..data -> ..N, and the files are
# links through ..data.
sub volume
{
	my ($n, $from) = @_;
	my $dir = tmp("secret/..$n");

	mkdir tmp('secret');
	mkdir $dir;
	for my $kind (qw(crt key)) {
		write_file("$dir/tls.$kind",
			read_file("$pki->{dir}/$from.$kind"));
		symlink "..data/tls.$kind", tmp("secret/tls.$kind")
		    if $n == 0;
	}
	symlink "..$n", tmp('secret/..new');
	rename tmp('secret/..new'), tmp('secret/..data');
}

volume(0, 'server');
my %tls = (tls => { certificate => tmp('secret/tls.crt'),
	private_key => tmp('secret/tls.key') });
my $proxy = sallyport(daemon => { watch_interval => '100ms' },
	backend => { address => $broker->address }, %tls);
my $live = Sallyport::Live->new(peer, $proxy, $broker);
my @old = $live->begin_both(device => 'ec');
my ($good, %seen) = (0);

# One client after the other, until the log says EVENT.
sub connect_until
{
	my ($event, $from) = @_;
	my $n = 0;

	until (defined $proxy->find_log(qr/event=$event /, $from)) {
		for my $transport (qw(tls wss)) {
			my $c = peer->device($transport, device => 'rsa',
				port => $proxy->port($transport));
			$c->send(mqtt_connect());
			my $b = $broker->accept;
			$good++ if length $b->packet;
			$b->send(mqtt_connack());
			$c->packet;
			$seen{ $c->{tls}{server_key} }++;
			$_->close for $c, $b;
		}
		die 'time' if ++$n > 2000;
	}
}

for my $n (1 .. 4) {
	my $from = $proxy->mark;
	volume($n, $n % 2 ? 'server-rsa' : 'server');
	connect_until('reload', $from);
}
ok($good > 8 && $seen{ec} && $seen{rsa},
	"$good clients came through four rotations, by both certificates");
is($proxy->count_log(qr/event=refuse/), 0, 'no client was refused');
is($proxy->count_log(qr/event=reload_failed/), 0, 'nor a reload');
$live->lives('four rotations', @old);

# A certificate without its key, a key without its certificate, a cut one.
# (Copied into place, so ..4 is what ..data says.)
my $dir = tmp('secret/..4');
my %bad = (
	'a certificate of another key' => ['crt', sub {
		read_file($pki->cert('server-rsa')) },
		qr/private_key: \S+: it is not the key of the certificate/],
	'a cut certificate' => ['crt', sub {
		substr read_file($pki->cert('server')), 0, 300 },
		qr/certificate: \S+: line 1: the block has no END/],
	'an empty key' => ['key', sub { '' },
		qr/private_key: \S+: the file holds no private key/],
);
for my $what (sort keys %bad) {
	my ($kind, $text, $why) = @{ $bad{$what} };
	my $from = $proxy->mark;
	write_file("$dir/tls.$kind", $text->());
	connect_until('reload_failed', $from);
	my ($line) = substr($proxy->text, $from) =~ /:(\d+): $why/;
	ok($line, "$what: the log says why") or next;
	my @ini = split /\n/, read_file($proxy->{ini});
	like($ini[$line - 1], $kind eq 'crt' && $why !~ /private/
		? qr/^certificate =/ : qr/^private_key =/,
		"$what: at the line of the option");
	is($proxy->count_log(qr/event=reload_refused/, $from), 1,
		"$what: told once");
	$from = $proxy->mark;
	write_file("$dir/tls.$_", read_file("$pki->{dir}/server.$_"))
	    for qw(crt key);
	connect_until('reload', $from);
}
is($proxy->count_log(qr/event=refuse /), 0, 'no client was refused');
$live->lives('all of it', @old);

# The whole volume vanishes, and comes back.
my $from = $proxy->mark;
rename tmp('secret'), tmp('gone');
connect_until('reload_failed', $from);
$from = $proxy->mark;
rename tmp('gone'), tmp('secret');
connect_until('reload', $from);
is($proxy->count_log(qr/event=refuse /), 0, 'gone and back: no client was refused');
$live->lives('gone and back', @old);
done_testing;
