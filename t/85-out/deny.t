#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The deny list: each kind of entry ends the sessions it matches and refuses new
# ones, and no others; entries expire; a file of EMQX works unchanged.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex);
use POSIX qw(strftime);
use Sallyport;
use Sallyport::Live;

my $pki = pki;
my $deny = tmp('deny.csv');
my $broker = peer('broker')->listen;

# The issuer of serial@issuer is the CA's certificate, by its hash.
$pki->make('target', subject => '/CN=target', serial => '0AB1',
	san => 'URI:urn:target');
$pki->make('other', subject => '/CN=other', serial => '0AB2',
	san => 'URI:urn:other');
my $spki = sha256_hex(Sallyport::Pki::pem_to_der(Sallyport::Pki::openssl(
	'x509', '-in', $pki->cert('target'), '-noout', '-pubkey')));
my $sha256 = sha256_hex($pki->der('target'));
my $issuer = 'CN=Client CA,O=Test';

write_file($deny, "as,who,reason,until\n");
my $proxy = sallyport(backend => { address => $broker->address },
	denylist => { file => $deny });
my $live = Sallyport::Live->new(peer, $proxy, $broker);

sub deny
{
	my (@rows) = @_;

	write_file("$deny.new", join "\n", 'as,who,reason,until', @rows, '');
	rename "$deny.new", $deny;
	return $live->reload;
}

my @target = (device => 'target', from => '127.0.0.2', clientid => 'target-1');
my @others = $live->begin_both(device => 'other', clientid => 'other-1');
my @kinds = (
	['clientid', 'target-1', 'identity_denied'],
	['username', 'target', 'identity_denied'],
	['peerhost', '127.0.0.2', 'accept_denied'],
	['peerhost_net', '127.0.0.2/31', 'accept_denied'],
	['clientid_re', '^targ.t-[0-9]$', 'identity_denied'],
	['username_re', '^targ', 'identity_denied'],
	['cn', 'target', 'tls_denied'],
	['serial', '0ab1', 'tls_denied'],
	['serial', "\"0ab1\@$issuer\"", 'tls_denied'],
	['serial', '0ab1@' . sha256_hex($pki->der('client-ca')), 'tls_denied'],
	['sha256', $sha256, 'tls_denied'],
	['spki', $spki, 'tls_denied'],
	['san', 'urn:target', 'tls_denied'],
);
for (@kinds) {
	my ($kind, $who, $reason) = @$_;
	my @in = $live->begin_both(@target);
	my $from = $proxy->mark;

	deny("$kind,$who,stolen,");
	$live->is_out('98', "denied by $kind", @in);
	$live->lives("another is denied by $kind", @others);
	like(substr($proxy->text, $from),
		qr/reason=relay_denied .*deny list: $kind .*: stolen/,
		"$kind: the log says by which entry, and why");
	$live->is_refused($reason, "$kind: comes again", @target);
	deny();
}
# A CA that was renewed is one CA, whichever of its certificates is named.
{
	$pki->make('renewed', subject => '/O=Test/CN=Client CA', is_ca => 1,
		key => 'client-ca');
	write_file(tmp('renewed.csv'), "as,who\n");
	my $both = sallyport(backend => { address => $broker->address },
		denylist => { file => tmp('renewed.csv') },
		tls => { client_ca => join(', ', map { $pki->cert($_) }
			qw(client-ca renewed)) });
	my $renewed = Sallyport::Live->new(peer, $both, $broker);
	for my $ca (qw(client-ca renewed)) {
		my $what = "serial\@$ca of a renewed CA";
		write_file(tmp('renewed.csv'), "as,who\n");
		$renewed->reload;
		my @in = $renewed->begin_both(@target);
		write_file(tmp('renewed.csv'), "as,who\nserial,0ab1\@"
			. sha256_hex($pki->der($ca)) . "\n");
		$renewed->reload;
		$renewed->is_out('98', $what, @in);
		$renewed->is_refused('tls_denied', $what, @target);
	}
}
deny('serial,0ab1@CN=Somebody Else,,', 'cn,targe,,', 'clientid_re,^arget,,',
	'san,urn:targe,,', 'peerhost_net,127.0.0.4/30,,');
my @in = $live->begin_both(@target);
$live->lives('entries that are for others', @in);

# An entry ends, and the device is back, without a reload.
my $end = time + 2;
deny('cn,target,for a while,' . strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $end));
$live->is_out('98', 'denied for a while', @in);
$live->is_refused('tls_denied', 'in that while', @target);
wait_until('the entry ends', sub { time >= $end });
@in = $live->begin_both(@target);
$live->lives('the entry has ended', @in);

# As EMQX writes it: all columns, both ways to say for ever, times of zones.
write_file($deny, <<"END");
as,who,reason,at,until,by
clientid,c1,boot,2021-10-25T21:53:47+08:00,2025-10-25T21:53:47+08:00,boot
username,target,"said ""no"", twice",2021-10-25T21:53:47+08:00,infinity,mgmt
peerhost_net,192.168.0.0/24,,,,
username_re,^bad,,,,
END
like($live->reload, qr/event=reload /, 'a banned list of EMQX is taken');
$live->is_out('98', 'in a list of EMQX', @in);
$live->is_refused('identity_denied', 'EMQX', @target);
$live->lives('not in it', @others);

# Bad rows: each is reported, none of the good ones counts, and the old list
# stays in force.
write_file($deny, <<"END");
as,who,reason,until
username,other,good row,
usrname,x,,
peerhost,300.1.2.3,,
sha256,abc,,
clientid_re,(,,
cn,x,,tomorrow
END
my $said = $live->reload('reload_failed');
like($said, qr/\Q$deny\E:$_: /, "line $_ is named") for 3 .. 7;
unlike($said, qr/\Q$deny\E:2: /, 'the good one is not');
$live->lives('bad rows: the old list stays', @others);
$live->is_refused('identity_denied', 'bad rows: the old list stays', @target);
my ($code, $out, $err) = sallyport_check('-c', $proxy->{ini});
is($code, 78, '-t: exit 78');
like($out . $err, qr/\Q$deny\E:$_: /, "-t: line $_ is named") for 3 .. 7;
ok(!$broker->pending, 'none of the refused reached the broker');
done_testing;
