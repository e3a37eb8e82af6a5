#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Changed files are noticed without a signal: rewritten, replaced by rename, or
# after a symlink was swapped, as Kubernetes does it. Half-written ones wait.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $pki = pki;

# A secret volume: ..data -> ..1, and the files are links through ..data.
sub volume
{
	my ($n, $from) = @_;
	my $dir = tmp("secret/..$n");

	mkdir tmp('secret');
	mkdir $dir;
	write_file("$dir/tls.$_", read_file($pki->{dir} . "/$from.$_"))
	    for qw(crt key);
	symlink "..$n", tmp('secret/..new');
	rename tmp('secret/..new'), tmp('secret/..data');
}
volume(1, 'server');
symlink "..data/tls.$_", tmp("secret/tls.$_") for qw(crt key);

my %tls = (tls => {
	certificate => tmp('secret/tls.crt'),
	private_key => tmp('secret/tls.key'),
});
my %fast = (daemon => { watch_interval => '100ms' });
my $proxy = sallyport(%fast, %tls);

sub server_key
{
	my $c = peer->tls(port => $proxy->port('tls'), device => 'ec');
	my $kind = $c->{tls}{server_key};

	$c->close;
	return $kind;
}

is(server_key(), 'ec', 'before');
my $from = $proxy->mark;
volume(2, 'server-rsa');
$proxy->wait_log(qr/event=reload /, from => $from);
is(server_key(), 'rsa', 'a swapped symlink is noticed');

$from = $proxy->mark;
$proxy->write_ini(%fast, %tls, identity => { username => 'x-${cn}' });
$proxy->wait_log(qr/event=reload /, from => $from);
pass('a changed ini file is noticed');

$from = $proxy->mark;
write_file(tmp('secret/..2/tls.crt'), 'half');
$proxy->wait_log(qr/event=reload_failed /, from => $from);
is(server_key(), 'rsa', 'a broken file leaves the old one in force');
$from = $proxy->mark;
volume(3, 'server');
$proxy->wait_log(qr/event=reload /, from => $from);
is(server_key(), 'ec', 'and a good one is taken again');

# What a refused configuration names is watched as well: it may be late.
$from = $proxy->mark;
$proxy->write_ini(%fast, %tls, denylist => { file => tmp('late.csv') });
$proxy->wait_log(qr/event=reload_failed /, from => $from);
$from = $proxy->mark;
write_file(tmp('late.csv'), "as,who\n");
$proxy->wait_log(qr/event=reload /, from => $from);
pass('a file that comes after the configuration that names it');
done_testing;
