#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# override, fill and match; unsafe characters encoded.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = peer('broker')->listen;
my %profile = (
	fill => { username => 'cn', username_mode => 'fill',
		clientid => 'cn', clientid_mode => 'fill' },
	match => { username => 'cn', username_mode => 'match' },
	id => { username => 'none', clientid => 'cn',
		clientid_mode => 'match' },
	encode => { username => 'cn', unsafe_characters => 'encode' },
);
my $proxy = sallyport(backend => { address => $broker->address },
	map {
		("listener $_" => { bind => '127.0.0.1:0', identity => $_ },
		"identity $_" => $profile{$_})
	} keys %profile);

sub visit
{
	my ($listener, $device, %c) = @_;
	my $c = peer->tls(port => $proxy->port($listener),
		device => $device);

	return $c->try_send(mqtt_connect(%c));
}

sub passes
{
	my ($what, $listener, $device, $c, $changed) = @_;
	my $client = visit($listener, $device, %$c);
	my $b = $broker->accept;

	is(hex($b->packet), hex(mqtt_connect(%$c, %$changed)), $what);
	$_->close for $b, $client;
}

sub refuses
{
	my ($what, $listener, $device, $c) = @_;

	for my $version (4, 5) {
		my $from = $proxy->mark;
		my $client = visit($listener, $device, %$c,
			version => $version);
		is(hex($client->ended->{bytes}),
			$version == 5 ? '2003008600' : '20020004',
			"v$version, $what");
		ok($proxy->wait_close('identity_mismatch', from => $from),
			"v$version, $what: the reason");
		$client->close;
	}
}

my %no_password = (password => undef);
passes('fill: both empty are filled', 'fill', 'ec', { clientid => '' },
	{ clientid => 'device-001', username => 'device-001' });
passes('fill: what the client sent stays', 'fill', 'ec',
	{ clientid => 'mine', username => 'me', password => 'p' },
	\%no_password);
passes('match: the right claim', 'match', 'ec',
	{ username => 'device-001', password => 'p' }, \%no_password);
refuses('match: the wrong claim', 'match', 'ec', { username => 'root' });
refuses('match: other letters', 'match', 'ec', { username => 'DEVICE-001' });
refuses('match: a longer claim', 'match', 'ec',
	{ username => 'device-0011' });
refuses('match: no claim', 'match', 'ec', {});
passes('match: the right ClientID', 'id', 'ec',
	{ clientid => 'device-001', username => 'u' }, {});
refuses('match: the wrong ClientID', 'id', 'ec', { clientid => 'x' });
passes('encode: a name that is only #', 'encode', 'wildcard', {},
	{ username => '%23' });
ok(!$broker->pending, 'none of the refused reached the broker');
done_testing;
