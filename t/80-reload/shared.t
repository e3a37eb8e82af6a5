#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# A reload makes new TLS profiles only of what has changed; the log counts the
# others. What has changed is in force all the same.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $pki = pki;
my $broker = peer('broker')->listen;
my %sections = (
	backend => { address => $broker->address },
	'tls rsa' => {
		certificate => $pki->cert('server-rsa'),
		private_key => $pki->key('server-rsa'),
		client_ca => $pki->cert('client-ca'),
	},
	'listener rsa' => { bind => '127.0.0.1:0', tls => 'rsa' },
	tls => { client_ca => $pki->cert('client-ca') },
);
my $proxy = sallyport(%sections);

# Reloads; returns how many profiles had not changed.
sub reload
{
	my $from = $proxy->mark;

	$proxy->signal('HUP');
	my $line = $proxy->wait_log(qr/event=reload(?:_failed)? .*/,
		from => $from);
	return $line =~ / tls_unchanged=(\d+)/ ? $1 : 0;
}

# Files that changed a moment ago are read again.
sub settled
{
	my ($what) = @_;

	ok(wait_until($what, sub { reload() == 2 }), $what);
}

sub server_key
{
	my ($listener) = @_;
	my $c = peer->tls(device => 'ec', port => $proxy->port($listener));

	$c->close;
	return $c->{tls}{server_key};
}

settled('nothing has changed: both profiles are shared');
is(server_key('tls'), 'ec', 'and they work');
is(server_key('rsa'), 'rsa', 'both');

# A file.
write_file($pki->cert('server'), read_file($pki->cert('server-rsa')));
write_file($pki->key('server'), read_file($pki->key('server-rsa')));
is(reload(), 1, 'a new certificate in one of them: the other one is shared');
is(server_key('tls'), 'rsa', 'and the new one is in force');
settled('it is shared in its turn');

# The same size, and the times as they were.
my $ca = $pki->cert('client-ca');
my ($size, $atime, $mtime) = (stat $ca)[7, 8, 9];
my $other = read_file($pki->cert('other-ca'));
write_file("$ca.new", substr($other . "\n" x $size, 0, $size));
utime $atime, $mtime, "$ca.new";
SKIP: {
	skip 'the other CA is longer', 2 if length $other > $size;
	rename "$ca.new", $ca;
	is(reload(), 0, 'a client CA that looks as old: none is shared');
	isnt(peer->refused(device => 'ec', port => $proxy->port('tls'))
		->{status}, 'ok', 'and it is in force');
}
write_file($ca, $other);

# An option.
settled('again');
$proxy->write_ini(%sections, tls => { %{ $sections{tls} },
	max_version => '1.2' });
is(reload(), 1, 'an option of one profile');
$proxy->write_ini(%sections, timeouts => { tls => '9s' });
reload();
settled('an option that is not of TLS changes no profile');

# A directory of CRLs.
mkdir tmp('crls');
$proxy->write_ini(%sections, tls => { %{ $sections{tls} },
	crl => tmp('crls'), crl_policy => 'soft' });
reload();
ok(wait_until('shared', sub { reload() >= 1 }), 'a directory of CRLs');
write_file(tmp('crls/new.crl'), 'this is no CRL');
is(reload(), 0, 'a new file in it is read: it is refused');
done_testing;
