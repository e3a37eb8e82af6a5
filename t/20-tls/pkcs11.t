#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The server's private key in a PKCS#11 token: SoftHSM, below a module that has
# the faults of a real token. A token that is slow or gone concerns only the
# handshakes that need it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

use File::Copy qw(copy);

my ($softhsm) = grep { -e } map { "$_/libsofthsm2.so" } qw(/usr/lib/softhsm
    /usr/lib64/softhsm /usr/lib64/pkcs11 /usr/local/lib/softhsm);
my $module = builddir() . '/t/lib/pkcs11_module.so';

# A PIN in the URI is refused by every program, and not shown.
sub refused_text
{
	my ($uri, %daemon) = @_;
	my $ini = write_file(tmp('refused.ini'), Sallyport::Daemon::ini_text(
		'listener a' => { bind => '127.0.0.1:0' },
		tls => {
			certificate => pki->cert('server'),
			private_key => $uri,
			client_ca => pki->cert('client-ca'),
		},
		identity => { clientid => 'none' },
		backend => { address => '127.0.0.1:1' }));
	my ($status, $out, $err) = sallyport_check('-c', $ini);

	isnt($status, 0, 'refused');
	return $err;
}

my $text = refused_text('pkcs11:object=x?pin-value=98761234');
like($text, qr/holds the PIN/, 'a PIN in the URI');
unlike($text, qr/98761234/, '... which is not shown');
like(refused_text('pkcs11:object=x?pin-source=pin.txt'),
	qr/its pin-source is not known/, 'a PIN from nowhere');
like(refused_text('pkcs11:object=x?pin-source=credential:pin'),
	qr/systemd has passed none/, 'a credential that is not there');

$text = refused_text('pkcs11:object=x');
if (!$softhsm || !-e $module || $text =~ /built without PKCS#11/) {
	like($text, ($ENV{SALLYPORT_STATIC} // '') eq 'yes'
		? qr/built without PKCS#11/ : qr/private_key: pkcs11:/,
		'no SoftHSM, or no p11-kit: refused');
	done_testing;
	exit;
}
if (!has_tool('softhsm2-util')) {
	done_testing;
	exit;
}

# The token, for the user that the daemon runs as.
my $pin = write_file(tmp('pin'), "1234\n");
chmod 0600, $pin;
mkdir tmp($_) for qw(tokens faults);
write_file(tmp('softhsm.conf'),
	'directories.tokendir = ' . tmp('tokens') . "\nlog.level = ERROR\n");
copy($module, tmp('pkcs11_module.so')) or die $!;
$ENV{SOFTHSM2_CONF} = tmp('softhsm.conf');
$ENV{TOKEN_MODULE} = $softhsm;
$ENV{TOKEN_FAULTS} = tmp('faults');
sub softhsm { Sallyport::Proc::run(30 * slow(), 'softhsm2-util', @_) }
my ($made) = softhsm(qw(--init-token --free --label gate --pin 1234
    --so-pin 12345678));
is($made, 0, 'a token');
my $n = 0;
for my $key (qw(server server-rsa)) {
	system('openssl', 'pkey', '-in', pki->key($key), '-out', tmp('p8'));
	softhsm('--import', tmp('p8'), '--token', 'gate', '--label', $key,
		'--id', '0' . ++$n, '--pin', '1234');
}
if ($> == 0) {
	my @nobody = (getpwnam 'nobody')[2, 3];
	chown @nobody, $_ for glob(tmp('tokens') . '{,/*,/*/*}'),
	    tmp('faults'), $pin;
}

sub uri
{
	my ($object, $source) = @_;

	return "pkcs11:token=gate;object=$object?module-path=" .
	    tmp('pkcs11_module.so') . '&pin-source=' . ($source // "file:$pin");
}

sub fault
{
	my ($name, $on) = @_;

	$on ? write_file(tmp("faults/$name"), '') : unlink tmp("faults/$name");
}

sub noted { return -s tmp("faults/$_[0]") || 0 }

# A key that does not fit is found before anything is put in force.
chown +(getpwnam 'nobody')[2, 3], write_file(tmp('wrong'), "4321\n");
$text = refused_text(uri('server', 'file:' . tmp('wrong')));
like($text, qr/the PIN of \S+wrong is wrong/, 'a wrong PIN');
unlike($text, qr/4321/, '... which is not shown');
fault('locked', 1);
like(refused_text(uri('server')), qr/the token is locked after wrong PINs/,
	'a token that is locked');
fault('locked', 0);
like(refused_text(uri('server-rsa')), qr/has no EC key/, 'another kind of key');
like(refused_text(uri('nothing')), qr/has no EC key/, 'no such key');
like(refused_text(uri('server', 'file:' . tmp('none'))),
	qr/\S+none: No such file/, 'no file with the PIN');
like(refused_text(uri('server', 'env:NO_SUCH_PIN')),
	qr/variable NO_SUCH_PIN with the PIN is not set/, 'no variable');
softhsm('--import', tmp('p8'), '--token', 'gate', '--label', 'other',
	'--id', '09', '--pin', '1234')
    if system('openssl', 'genpkey', '-algorithm', 'EC', '-pkeyopt',
	'ec_paramgen_curve:P-256', '-out', tmp('p8')) == 0;
system('chown', '-R', 'nobody', tmp('tokens')) if $> == 0;
like(refused_text(uri('other')), qr/not the key of the certificate/,
	'the key of another certificate');

# One worker, so that a token that blocks it would be noticed. Its devices come
# by EC, RSA, and a key in a file.
$ENV{GATE_PIN} = '1234';
$ENV{CREDENTIALS_DIRECTORY} = tmp();
my $broker = peer('broker')->listen;
my %listener = map { ("listener $_" => { bind => '127.0.0.1:0', tls => $_ }) }
    qw(ec rsa file);
my $proxy = sallyport(%listener,
	'listener tls' => undef, 'listener wss' => undef, tls => undef,
	daemon => {
		workers => 1, token_paths => join(', ', tmp('tokens'),
			tmp('faults')),
	},
	timeouts => { tls => '20s' },
	(map { ("tls $_->[0]" => {
		certificate => pki->cert($_->[1]), private_key => $_->[2],
		client_ca => pki->cert('client-ca'), session_tickets => 'off',
	}) } ['ec', 'server', uri('server', 'env:GATE_PIN')],
	    ['rsa', 'server-rsa', uri('server-rsa', 'credential:pin')],
	    ['file', 'server', pki->key('server')]),
	backend => { address => $broker->address });

sub comes_in
{
	my ($listener, %arg) = @_;
	my $c = peer->tls(port => $proxy->port($listener), device => 'ec',
		%arg);

	$c->send(mqtt_connect(clientid => 'x'));
	my $b = $broker->accept;
	my $good = defined $b->packet;
	$_->close for $c, $b;
	return $good;
}

for my $version ('1.2', '1.3') {
	ok(comes_in($_, min => $version, max => $version),
		"$version: by $_") for qw(ec rsa file);
}
unlike($proxy->text, qr/level=error|1234/, 'no error, and no PIN in the log');

# Begins a handshake on a connection of its own, and does not wait for it.
my $waiting = peer('waiting');
sub begin
{
	my ($listener) = @_;
	my $c = $waiting->open(port => $proxy->port($listener));

	$waiting->begin('tls', $c->{name}, ca => pki->cert('server-ca'),
		cert => pki->cert('ec'), key => pki->key('ec'),
		timeout => 20000);
	return $c;
}

# A token that hangs: meanwhile other clients connect, at the same worker.
my $signed = noted('signatures');
fault('hang', 1);
my $slow = begin('ec');
wait_until('the token is at work', sub { noted('signatures') > $signed });
ok(comes_in('file'), 'while a token works, a device comes in by a file');
fault('hang', 0);
is($waiting->finish->{status}, 'ok', 'then the other one is in');
$slow->close;

# A token that is gone, and back again.
my $from = $proxy->mark;
fault('gone', 1);
is(peer->refused(port => $proxy->port('ec'), device => 'ec')->{alert}, 80,
	'gone: internal_error');
like($proxy->wait_close('tls_key', from => $from),
	qr/stage=tls .*detail="no token/, '... and the reason');
like($proxy->text, qr/event=token_failed .*object=server\?/,
	'... the log says which key');
ok(comes_in('file'), '... others come in');
fault('gone', 0);
wait_until('it is back', sub {
	my $c = peer->try_tls(port => $proxy->port('ec'), device => 'ec',
		max => '1.2', ca => pki->cert('server-ca'));
	my $good = $c->{tls}{status} eq 'ok';

	$c->close;
	return $good;
}, 20);
like($proxy->text, qr/event=token .*it works again/, '... and back again');
ok(comes_in('ec'), '... devices come in');

# A reload asks the token, and keeps what is in force when it is refused.
my %tls = (certificate => pki->cert('server'), session_tickets => 'off',
	client_ca => pki->cert('client-ca'));
$from = $proxy->mark;
my $ini = read_file($proxy->{ini});
$proxy->write_text($ini =~ s/object=server\?/object=other?/r);
$proxy->signal('HUP');
like($proxy->wait_log(qr/event=reload_failed/, from => $from), qr/stays in force/,
	'a reload with the key of another certificate is refused');
like($proxy->text, qr/reload_refused.*not the key of the certificate/,
	'... which the log says');
ok(comes_in('ec'), '... and the old one serves');
$from = $proxy->mark;
$proxy->write_text($ini);
$proxy->signal('HUP');
ok($proxy->wait_log(qr/event=reload .*in force/, from => $from),
	'a reload with the right one');
ok(comes_in($_), "... serves by $_") for qw(ec rsa file);

# A handshake whose signature does not come.
$from = $proxy->mark;
$proxy->write_text($ini =~ s/tls = 20s/tls = 300ms/r);
$proxy->signal('HUP');
$proxy->wait_log(qr/event=reload .*in force/, from => $from);
fault('hang', 1);
$slow = begin('rsa');
like($proxy->wait_close('tls_key', from => $from),
	qr/no signature within/, 'no signature in time: the reason');
$waiting->finish;
$slow->close;
# It ends while the token still works.
$slow = begin('rsa');
$proxy->signal('QUIT');
fault('hang', 0);
is($proxy->wait_exit(10), 0, 'the daemon ends, and not by a crash');

done_testing;
