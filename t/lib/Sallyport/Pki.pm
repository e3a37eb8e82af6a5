# SPDX-License-Identifier: ISC
package Sallyport::Pki;

# Certificates for the tests, made by the openssl tool. What all tests share
# is made once and kept in a folder of the build; a test makes others in its
# own folder. What openssl cannot be asked for (any bytes as a name, a broken
# signature) is patched into the DER and signed again.

use strict;
use warnings;

use Digest::SHA;
use Fcntl qw(:flock);
use File::Path qw(make_path remove_tree);
use MIME::Base64;
use POSIX qw(strftime);

use Sallyport::Der;

use constant DAY => 86400;

# The shared folder: NAME => what make() takes, in the order of making.
my @shared = (
	'server-ca' => { subject => '/O=Test/CN=Server CA', is_ca => 1 },
	'client-ca' => { subject => '/O=Test/CN=Client CA', is_ca => 1 },
	'other-ca' => { subject => '/O=Test/CN=Other CA', is_ca => 1 },
	'inter-ca' => {
		subject => '/O=Test/CN=Intermediate CA', is_ca => 1,
		ca => 'client-ca',
	},
	# Same name as the true one, another key.
	'false-ca' => { subject => '/O=Test/CN=Client CA', is_ca => 1 },
	server => {
		ca => 'server-ca', subject => '/CN=localhost',
		san => 'DNS:localhost,IP:127.0.0.1,IP:::1',
		eku => 'serverAuth',
	},
	'server-rsa' => {
		ca => 'server-ca', subject => '/CN=localhost',
		san => 'DNS:localhost,IP:127.0.0.1,IP:::1',
		eku => 'serverAuth', key => 'rsa',
	},
	ec => { subject => '/CN=device-001' },
	rsa => { subject => '/CN=device-002', key => 'rsa' },
	# As `openssl x509 -req' makes them without options: no extensions.
	bare => { subject => '/CN=device-003', eku => undef },
	inter => { subject => '/CN=device-004', ca => 'inter-ca', chain => 1 },
	'inter-alone' => { subject => '/CN=device-005', ca => 'inter-ca' },
	expired => { subject => '/CN=old', start => -20, end => -10 },
	future => { subject => '/CN=young', start => 10, end => 20 },
	purpose => { subject => '/CN=server', eku => 'serverAuth' },
	untrusted => { subject => '/CN=device-001', ca => 'other-ca' },
	false => { subject => '/CN=device-001', ca => 'false-ca' },
	self => { subject => '/CN=device-001', ca => 'self' },
	'no-cn' => { subject => '/O=Test/OU=no name here' },
	'two-cn' => { subject => '/CN=one/CN=two' },
	dn => { subject => '/C=DE/O=Acme, Inc./OU=a\\+b/CN=device-006' },
	utf8 => { subject => "/CN=ger\xc3\xa4t-007" },
	wildcard => { subject => '/CN=#' },
	sha1 => { subject => '/CN=device-009', md => 'sha1' },
	short => { subject => '/CN=device-010', key => 'short' },
	broken => { subject => '/CN=device-008', break_signature => 1 },
);

# The shared certificates in DIR, made now if they are not there yet.
sub shared
{
	my ($class, $dir) = @_;
	my $self = bless { dir => $dir }, $class;

	make_path($dir);
	open my $lock, '>', "$dir.lock" or die "$dir.lock: $!";
	flock $lock, LOCK_EX or die "$dir.lock: $!";
	my $stamp = recipe();
	if (read_all("$dir/.stamp") ne $stamp) {
		remove_tree($dir, { keep_root => 1 });
		my @todo = @shared;
		while (my ($name, $spec) = splice @todo, 0, 2) {
			$self->make($name, %$spec);
		}
		write_all("$dir/.stamp", $stamp);
	}
	close $lock;
	return $self;
}

# Changes when these files change, and every 30 days.
sub recipe
{
	my $sha = Digest::SHA->new(256);

	$sha->addfile($INC{'Sallyport/Pki.pm'});
	$sha->addfile($INC{'Sallyport/Der.pm'});
	return $sha->hexdigest . ' ' . int(time / (30 * DAY)) . "\n";
}

sub cert
{
	my ($self, $name) = @_;

	return "$self->{dir}/$name.crt";
}

sub key
{
	my ($self, $name) = @_;

	return "$self->{dir}/$name.key";
}

# The first certificate of the file, as DER.
sub der
{
	my ($self, $name) = @_;

	return pem_to_der(read_all($self->cert($name)));
}

# A copy in DIR, to which a test may add what it likes.
sub copy
{
	my ($self, $dir) = @_;

	make_path($dir);
	for my $path (glob "$self->{dir}/*") {
		my ($name) = $path =~ m{([^/]+)$};
		write_all("$dir/$name", read_all($path));
		keep_key("$dir/$name") if $name =~ /\.key$/;
	}
	return bless { dir => $dir }, ref $self;
}

# For the daemon's eyes only, or it complains; as root, it runs as nobody.
sub keep_key
{
	my ($path) = @_;

	chmod 0600, $path;
	chown +(getpwnam 'nobody')[2, 3], $path if $> == 0;
}

# Makes NAME.key and NAME.crt, which is in its canonical form. Fields:
#   subject   as in openssl -subj; subject_der instead: a Name in DER
#   issuer_der   a Name, in place of the issuer's own
#   ca        name of the issuer, default client-ca; self: signed by itself
#   key       ec | p384 | rsa | short | ed25519, or the name of one whose key is used again
#   eku       default clientAuth, undef: no extensions at all
#   ext       lines of openssl's in place of all these extensions
#   san       as in openssl, e.g. DNS:a,URI:urn:b
#   start, end   days from now;   start_at, end_at   seconds since 1970
#   md        of the signature, default sha256
#   serial    hex;   is_ca, chain (put the issuer behind it)
#   break_signature
sub make
{
	my ($self, $name, %spec) = @_;
	my $base = "$self->{dir}/$name";
	my $ca = $spec{ca} // ($spec{is_ca} ? 'self' : 'client-ca');

	$self->make_key($base, $spec{key} // 'ec');
	openssl('req', '-new', '-utf8', '-key', "$base.key",
		'-out', "$base.csr", '-subj', $spec{subject} // '/CN=x',
		'-config', write_all("$base.cnf", ca_config($base, %spec)));
	$self->sign($base, $ca, %spec);
	$self->patch($base, $ca, %spec)
	    if defined $spec{subject_der} || defined $spec{issuer_der}
	    || $spec{break_signature};
	# openssl writes one of the two forms of an ECDSA signature, by chance.
	write_all("$base.crt", der_to_pem('CERTIFICATE',
		der_canonical(pem_to_der(read_all("$base.crt")))));
	write_all("$base.crt",
		read_all("$base.crt") . read_all($self->cert($ca)))
	    if $spec{chain};
	unlink map { "$base.$_" } qw(csr cnf index index.attr index.old
	    index.attr.old);
	return $self;
}

sub make_key
{
	my ($self, $base, $kind) = @_;
	my %args = (
		ec => [qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-256)],
		p384 => [qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-384)],
		rsa => [qw(-algorithm RSA -pkeyopt rsa_keygen_bits:2048)],
		short => [qw(-algorithm RSA -pkeyopt rsa_keygen_bits:1024)],
		ed25519 => [qw(-algorithm ED25519)],
	);

	if (my $args = $args{$kind}) {
		openssl('genpkey', @$args, '-out', "$base.key");
	} else {
		write_all("$base.key", read_all($self->key($kind)));
	}
	keep_key("$base.key");
}

sub sign
{
	my ($self, $base, $ca, %spec) = @_;
	my $start = $spec{start_at} // time + DAY * ($spec{start} // -1);
	my $end = $spec{end_at} // time + DAY * ($spec{end} // 3650);
	my @by = $ca eq 'self'
	    ? ('-selfsign', '-keyfile', "$base.key")
	    : ('-cert', $self->cert($ca), '-keyfile', $self->key($ca));

	write_all("$base.index", '');
	write_all("$base.serial", uc($spec{serial} || random_serial()) . "\n");
	openssl('ca', '-batch', '-notext', '-utf8', '-preserveDN',
		'-config', "$base.cnf", '-in', "$base.csr",
		'-out', "$base.crt", '-md', $spec{md} // 'sha256', @by,
		'-startdate', asn1_time($start), '-enddate', asn1_time($end));
	unlink "$base.serial", "$base.serial.old";
	unlink glob "$self->{dir}/" . '[0-9A-F]*.pem';
}

sub random_serial
{
	return sprintf '4%015x', int rand 2**52;
}

sub asn1_time
{
	return strftime '%Y%m%d%H%M%SZ', gmtime $_[0];
}

# One file for req and ca: all that is not asked for is left out.
sub ca_config
{
	my ($base, %spec) = @_;
	my $eku = exists $spec{eku} ? $spec{eku} : 'clientAuth';
	my $ext = '';

	if (defined $spec{ext}) {
		$ext = $spec{ext};
	} elsif ($spec{is_ca}) {
		$ext = "basicConstraints = critical, CA:true\n"
		    . "keyUsage = critical, keyCertSign, cRLSign\n"
		    . "subjectKeyIdentifier = hash\n";
	} elsif (defined $eku) {
		$ext = "basicConstraints = CA:false\n"
		    . "extendedKeyUsage = $eku\n";
	}
	$ext .= "subjectAltName = $spec{san}\n" if defined $spec{san};
	my $use = length $ext ? "x509_extensions = ext" : '';
	my ($dir) = $base =~ m{^(.*)/};

	return <<"END";
[req]
distinguished_name = dn
string_mask = utf8only
[dn]
[ca]
default_ca = this
[this]
new_certs_dir = $dir
database = $base.index
serial = $base.serial
policy = any
unique_subject = no
email_in_dn = yes
string_mask = utf8only
$use
[any]
commonName = optional
[ext]
$ext
END
}

# Puts other names in, or a wrong signature, and signs again.
sub patch
{
	my ($self, $base, $ca, %spec) = @_;
	my $signer = $ca eq 'self' ? "$base.key" : $self->key($ca);
	my ($tbs, $alg, $sig) = der_children(
		pem_to_der(read_all("$base.crt")));

	my @parts = der_children($tbs);
	$parts[3] = $spec{issuer_der} // $parts[3];
	$parts[5] = $spec{subject_der} // $parts[5];
	$tbs = der_tlv(0x30, join '', @parts);
	write_all("$base.tbs", $tbs);
	openssl('dgst', '-sha256', '-sign', $signer, '-out', "$base.sig",
		"$base.tbs");
	$sig = read_all("$base.sig");
	if ($spec{break_signature}) {
		# The valid signature of another message.
		write_all("$base.tbs", "$tbs.");
		openssl('dgst', '-sha256', '-sign', $signer,
			'-out', "$base.sig", "$base.tbs");
		$sig = read_all("$base.sig");
	}
	write_all("$base.crt", der_to_pem('CERTIFICATE',
		der_tlv(0x30, $tbs . $alg . der_tlv(0x03, "\0$sig"))));
	unlink "$base.tbs", "$base.sig";
}

# Makes the CRL PATH of CA. Fields: revoked => [cert names or hex serials],
# last_at, next_at (seconds since 1970), number (hex), der => 1, issuer_der,
# point (the URI of its distribution point).
sub crl
{
	my ($self, $path, $ca, %crl) = @_;
	my $last = $crl{last_at} // time - 3600;
	my $next = $crl{next_at} // time + 30 * DAY;
	my $when = strftime '%y%m%d%H%M%SZ', gmtime $last;
	my @rows = map { "R\t491231000000Z\t$when\t$_\tunknown\t/CN=x\n" }
	    map { $self->serial_of($_) } @{ $crl{revoked} || [] };

	write_all("$path.index", join '', @rows);
	write_all("$path.number", ($crl{number} // '01') . "\n");
	write_all("$path.cnf", <<"END");
[ca]
default_ca = this
[this]
database = $path.index
crlnumber = $path.number
crl_extensions = ext
[ext]
@{[ $crl{only} || $crl{point}
	? "issuingDistributionPoint = critical, \@idp" : '' ]}
[idp]
@{[ $crl{point} ? "fullname = URI:$crl{point}"
	: 'only' . ($crl{only} // 'CA') . ' = true' ]}
END
	openssl('ca', '-config', "$path.cnf", '-gencrl', '-md', 'sha256',
		'-cert', $self->cert($ca), '-keyfile', $self->key($ca),
		'-crl_lastupdate', asn1_time($last),
		'-crl_nextupdate', asn1_time($next), '-out', "$path.new");
	$self->patch_crl("$path.new", $ca, $crl{issuer_der})
	    if defined $crl{issuer_der};
	openssl('crl', '-in', "$path.new", '-out', "$path.new",
		'-outform', 'DER') if $crl{der};
	unlink glob "$path.index* $path.number* $path.cnf";
	rename "$path.new", $path or die "$path: $!";
	return $path;
}

# Puts another issuer in and signs again.
sub patch_crl
{
	my ($self, $path, $ca, $issuer) = @_;
	my ($tbs, $alg) = der_children(pem_to_der(read_all($path)));
	my @parts = der_children($tbs);

	$parts[2] = $issuer;
	$tbs = write_all("$path.tbs", der_tlv(0x30, join '', @parts));
	openssl('dgst', '-sha256', '-sign', $self->key($ca),
		'-out', "$path.sig", $tbs);
	write_all($path, der_to_pem('X509 CRL', der_tlv(0x30, read_all($tbs)
		. $alg . der_tlv(0x03, "\0" . read_all("$path.sig")))));
	unlink $tbs, "$path.sig";
}

sub serial_of
{
	my ($self, $what) = @_;

	return uc $what if $what =~ /^[0-9A-Fa-f]+$/ && !-e $self->cert($what);
	my $out = openssl('x509', '-in', $self->cert($what), '-noout',
		'-serial');
	return $out =~ /serial=([0-9A-F]+)/ ? $1 : die "no serial: $what";
}

# Runs openssl; dies with what it said when it fails.
sub openssl
{
	my ($code, $out, $err) = Sallyport::Proc::run(60, 'openssl', @_);

	die "openssl @_: $err" if $code != 0;
	return $out;
}

sub pem_to_der
{
	my ($pem) = @_;

	return $pem =~ /-----BEGIN [^\n]*\n(.*?)-----END/s
	    ? decode_base64($1) : '';
}

sub der_to_pem
{
	my ($label, $der) = @_;

	return join "\n", "-----BEGIN $label-----",
	    unpack('(A64)*', encode_base64($der, '')), "-----END $label-----\n";
}

sub read_all
{
	my ($path) = @_;

	open my $fh, '<:raw', $path or return '';
	local $/;
	return scalar <$fh> // '';
}

sub write_all
{
	my ($path, $text) = @_;

	open my $fh, '>:raw', $path or die "$path: $!";
	print $fh $text;
	close $fh or die "$path: $!";
	return $path;
}

1;
