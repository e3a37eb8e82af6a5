# SPDX-License-Identifier: ISC
package Bench::Peers;

# The programs that are compared: how each is told to do the same thing with one
# worker, how it is started, and how the generator is run against it. All of it
# in a temporary folder, on 127.0.0.1.

use strict;
use warnings;

use File::Temp qw(tempdir);
use IO::Socket::INET;
use JSON::PP;
use POSIX qw(:sys_wait_h);

my $tls13 = 'TLS_AES_128_GCM_SHA256';
my $tls12 = 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256';

# Ports: the stub's, then those of each program's three listeners. "key" is the
# server's.
my $base = $ENV{BENCH_PORT} // 21880;
my $stub_port = $base;
my %door = (tls => $base + 3, rsa => $base + 4, wss => $base + 5);

# Where the listeners are: on loopback, or, in a namespace of the bench's own,
# on every address, so that the delayed line reaches them.
my $at = $ENV{BENCH_NETNS} ? '0.0.0.0' : '127.0.0.1';

# Each: the program, and a function that writes its file and returns the
# command. "own" is a broker: it has no stub behind it.
my %peer = (
	sallyport => { program => $ENV{SALLYPORT}, doors => [qw(tls rsa wss)],
	    command => \&sallyport },
	other => { program => $ENV{OTHER}, doors => [qw(tls rsa wss)],
	    command => \&sallyport },
	haproxy => { program => 'haproxy', doors => [qw(tls rsa)],
	    command => \&haproxy, version => '-vv' },
	'haproxy-own' => { program => $ENV{HAPROXY}, doors => [qw(tls rsa)],
	    command => \&haproxy, version => '-vv' },
	nginx => { program => 'nginx', doors => [qw(tls rsa)],
	    command => \&nginx, version => '-V' },
	'nginx-own' => { program => $ENV{NGINX}, doors => [qw(tls rsa)],
	    command => \&nginx, version => '-V' },
	hitch => { program => 'hitch', doors => [qw(tls rsa)],
	    command => \&hitch, version => '--version' },
	stunnel => { program => 'stunnel4', doors => [qw(tls rsa)],
	    command => \&stunnel, version => '-version' },
	mosquitto => { program => 'mosquitto', doors => [qw(tls rsa wss)],
	    command => \&mosquitto, version => '-h', own => 1 },
	floor => { doors => ['plain'], command => \&floor },
);
my @order = qw(sallyport other haproxy haproxy-own nginx nginx-own hitch stunnel
    mosquitto floor);

my $softhsm = '/usr/lib/softhsm/libsofthsm2.so';

# A token in software with both keys, for the user that the daemon becomes.
# False if SoftHSM is not installed.
sub make_token
{
	my ($self) = @_;
	my $d = $self->{dir};

	return $self->{token} //= do {
		$ENV{SOFTHSM2_CONF} = $self->write_file('softhsm.conf',
			"directories.tokendir = $d/tokens\n");
		$self->write_file('pin', "1234\n");
		mkdir "$d/tokens";
		-e $softhsm && system(<<END) == 0;
exec >>$d/out.log 2>&1
softhsm2-util --init-token --free --label bench --pin 1234 \\
    --so-pin 12345678 &&
for key in server rsa; do
	openssl pkey -in $d/\$key.key -out $d/p8 &&
	softhsm2-util --import $d/p8 --token bench --label \$key \\
	    --id \$(printf %s \$key | od -An -tx1 | tr -d ' \\n' | head -c 4) \\
	    --pin 1234 || exit 1
done
chown -R nobody $d/tokens $d/pin
END
	};
}

sub find_program
{
	my ($name) = @_;

	return undef if !defined $name || $name eq '';
	return -x $name ? $name : undef if $name =~ m{/};
	for my $dir (split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin') {
		return "$dir/$name" if -x "$dir/$name";
	}
	return undef;
}

sub new
{
	my ($class, $build) = @_;
	my $self = bless {
		build => $build, dir => tempdir('sallyport-bench.XXXXXX',
		    TMPDIR => 1, CLEANUP => !$ENV{BENCH_KEEP}),
	}, $class;

	$peer{floor}{program} = "$build/floor";
	chmod 0755, $self->{dir};
	$self->make_certificates;
	$self->{stub} = $self->start(1, "$build/stub", $stub_port);
	$self->wait_for($stub_port);
	return $self;
}

sub present
{
	for my $own (grep { ($ENV{$_} // '') ne '' } qw(NGINX HAPROXY OTHER)) {
		die "$own=$ENV{$own} is not the full path of a program\n"
		    if $ENV{$own} !~ m{^/} || !-x $ENV{$own};
	}
	return grep { defined find_program($peer{$_}{program}) } @order;
}

sub version
{
	my ($self, $name) = @_;
	my $p = $peer{$name};

	return "$name: this tree, without TLS" if $name eq 'floor';
	my $program = find_program($p->{program});
	my $ask = $p->{version} // '-V';
	my ($line) = grep { /\d\.\d/ } `$program $ask 2>&1`;
	chomp($line //= '?');
	return "$name: $line; " . library($program, $ask);
}

# The TLS library of a program: what it says itself, else what the shared
# library says that it is linked with.
sub library
{
	my ($program, $ask) = @_;
	my $said = `$program $ask 2>&1`;

	return $1 if $said =~ /\(running with (.+)\)/
	    || $said =~ /^Running on (?:OpenSSL|SSL library) version *: *(.+)/m
	    || $said =~ /^built with ((?:OpenSSL|BoringSSL|AWS-LC|LibreSSL).*)/m
	    || $said =~ /\b(?:running with|running|with) +(OpenSSL \d[^,]*)/
	    || $said =~ /^(BoringSSL.*)/m;
	my ($file) = `ldd $program 2>&1` =~ m{libcrypto\S* => (\S+)};
	return 'an unknown TLS library' if !defined $file;
	open my $f, '<:raw', $file or return "$file: $!";
	local $/;
	return <$f> =~ /\b((?:OpenSSL|LibreSSL|AWS-LC) \d[ -~]+)/ ? $1 : $file;
}

sub openssl
{
	system("openssl @_ 2>>openssl.log") == 0 or die "openssl @_\n";
}

sub make_certificates
{
	my ($self) = @_;
	my %key = (rsa => '-newkey rsa:2048');
	my $ec = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1';

	chdir $self->{dir} or die "$self->{dir}: $!\n";
	open my $san, '>', 'san' or die $!;
	print $san "subjectAltName=DNS:localhost,IP:127.0.0.1\n";
	close $san;
	openssl("req -x509 $ec -nodes -keyout ca.key -out ca.crt -days 30 "
	    . "-subj '/CN=Bench CA'");
	for my $name (qw(server rsa device)) {
		my $kind = $key{$name} // $ec;
		my $cn = $name eq 'device' ? 'device-001' : 'localhost';
		openssl("req $kind -nodes -keyout $name.key -out $name.csr "
		    . "-subj '/CN=$cn'");
		openssl("x509 -req -in $name.csr -CA ca.crt -CAkey ca.key "
		    . "-set_serial 1$$ -days 30 -out $name.crt"
		    . ($name eq 'device' ? '' : ' -extfile san'));
		system("cat $name.crt $name.key >$name.pem");
		chmod 0600, "$name.key", "$name.pem";
	}
}

# A proxy needs two descriptors a connection.
sub connections_possible
{
	my $limit = `sh -c 'ulimit -H -n'`;

	return 20000 if $limit =~ /unlimited/ || $limit > 40200;
	return int(($limit - 200) / 2);
}

sub write_file
{
	my ($self, $name, $text) = @_;

	open my $f, '>', "$self->{dir}/$name" or die "$name: $!\n";
	print $f $text;
	close $f;
	return "$self->{dir}/$name";
}

# Starts a command on one CPU (undef: any); its pid.
sub start
{
	my ($self, $cpu, @command) = @_;
	my $pid = fork;

	die "fork: $!\n" if !defined $pid;
	return $pid if $pid != 0;
	open STDIN, '<', '/dev/null';
	open STDOUT, '>>', "$self->{dir}/out.log";
	open STDERR, '>&', \*STDOUT;
	unshift @command, 'taskset', '-c', $cpu if defined $cpu;
	exec 'sh', '-c', 'ulimit -n $(ulimit -H -n); exec "$@"', 'sh',
	    @command;
}

sub stop
{
	my ($self, $pid) = @_;

	kill 'TERM', $pid;
	for (1 .. 50) {
		return if waitpid($pid, WNOHANG) != 0;
		select undef, undef, undef, 0.1;
	}
	kill 'KILL', $pid;
	waitpid $pid, 0;
}

# Loopback answers only where a server listens.
sub wait_for
{
	my ($self, $port) = @_;

	for (1 .. 100) {
		my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		    PeerPort => $port);
		return 1 if $s;
		select undef, undef, undef, 0.05;
	}
	return 0;
}

# One cell: the program is started, loaded and stopped again. undef if it has no
# such listener.
sub measure
{
	my ($self, $name, $row) = @_;
	my $p = $peer{$name};
	my $kind = $row->{door} // 'tls';
	my $workers = $row->{workers} // 1;
	my @load = @{ $row->{load} };

	if ($name eq 'floor') {
		return undef if $kind ne 'tls' || $row->{unit} eq 'per_s'
		    || grep { /resumed|tls=1.2/ } @load;
		push @load, 'transport=plain';
		$kind = 'plain';
	}
	return undef if !grep { $_ eq $kind } @{ $p->{doors} };
	return undef if $p->{own} && grep { /mode=down/ } @load;
	return undef if ($row->{free} || $row->{daemon})
	    && $name !~ /^(?:sallyport|other)$/;
	return undef if $row->{delay} && $name eq 'floor';
	return undef if $row->{token} && !$self->make_token;
	my $port = $door{$kind} // $door{tls};
	my $pid = $self->start($row->{free} ? undef : 0,
	    $p->{command}->($self, find_program($p->{program}), $workers,
		$row->{daemon} // '', $row->{token}));
	my $answer;
	if ($self->wait_for($port)) {
		select undef, undef, undef, 0.3;
		$answer = $self->load($row->{delay}, "port=$port", "pid=$pid",
			@load);
	}
	$self->stop($pid);
	return $answer // { failed => 1, why => 'it did not start' };
}

sub load
{
	my ($self, $delay, @load) = @_;
	my $d = $self->{dir};
	my @command = ('taskset', '-c', 1, "$self->{build}/load",
	    "cert=$d/device.crt", "key=$d/device.key", "ca=$d/ca.crt", @load);

	@command = ("$self->{build}/delay", $delay, @command,
	    'address=10.77.0.1') if $delay;
	my $text = `@command 2>>$d/out.log`;

	return eval { decode_json($text) };
}

sub sallyport
{
	my ($self, $program, $workers, $daemon, $token) = @_;
	my $d = $self->{dir};
	my %key = map { $_ => $token ? "pkcs11:token=bench;object=$_"
	    . "?module-path=$softhsm&pin-source=file:$d/pin" : "$d/$_.key" }
	    qw(server rsa);

	$daemon = "token_paths = $d/tokens" if $token;
	my $file = $self->write_file('sallyport.ini', <<END);
[daemon]
workers = $workers
$daemon
user = nobody
log = $d/sallyport.log
[listener mqtts]
bind = $at:$door{tls}
[listener rsa]
bind = $at:$door{rsa}
tls = rsa
[listener wss]
bind = $at:$door{wss}
transport = websocket
[tls]
certificate = $d/server.crt
private_key = $key{server}
client_ca = $d/ca.crt
groups = X25519, P-256
[tls rsa]
certificate = $d/rsa.crt
private_key = $key{rsa}
client_ca = $d/ca.crt
groups = X25519, P-256
[identity]
clientid = none
[backend]
address = 127.0.0.1:$stub_port
END
	return ($program, '-c', $file);
}

sub haproxy
{
	my ($self, $program, $workers) = @_;
	my $d = $self->{dir};
	my $bind = sub { "bind $at:$door{$_[0]} ssl crt $d/$_[1].pem "
	    . "ca-file $d/ca.crt verify required" };

	return ($program, '-db', '-f', $self->write_file('haproxy.cfg', <<END));
global
    nbthread $workers
    maxconn @{[connections_possible()]}
    ssl-default-bind-ciphers $tls12
    ssl-default-bind-ciphersuites $tls13
    ssl-default-bind-curves X25519:P-256
defaults
    mode tcp
    timeout connect 10s
    timeout client 600s
    timeout server 600s
frontend mqtts
    @{[$bind->('tls', 'server')]}
    @{[$bind->('rsa', 'rsa')]}
    default_backend broker
backend broker
    server one 127.0.0.1:$stub_port
END
}

sub nginx
{
	my ($self, $program, $workers) = @_;
	my $d = $self->{dir};
	my $built = `$program -V 2>&1`;
	my ($modules) = $built =~ /--modules-path=(\S+)/;
	my $load = $built =~ /--with-stream=dynamic/ ?
	    "load_module $modules/ngx_stream_module.so;" : '';
	# BoringSSL has no such commands; its choice is the same.
	my $suites = library($program, '-V') =~ /BoringSSL|AWS-LC/ ? '' :
	    "ssl_conf_command Ciphersuites $tls13;";
	my $server = sub { <<END };
    server {
        listen $at:$door{$_[0]} ssl;
        ssl_certificate $d/$_[1].crt;
        ssl_certificate_key $d/$_[1].key;
        proxy_pass 127.0.0.1:$stub_port;
    }
END

	return ($program, '-e', "$d/nginx.log", '-c',
	    $self->write_file('nginx.conf', <<END));
$load
daemon off;
user root;
worker_processes $workers;
pid $d/nginx.pid;
error_log $d/nginx.log crit;
worker_rlimit_nofile 65000;
events { worker_connections 60000; }
stream {
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers $tls12;
    $suites
    ssl_ecdh_curve X25519:P-256;
    ssl_client_certificate $d/ca.crt;
    ssl_verify_client on;
    ssl_session_tickets on;
    tcp_nodelay on;
    proxy_timeout 600s;
@{[$server->('tls', 'server')]}
@{[$server->('rsa', 'rsa')]}
}
END
}

sub hitch
{
	my ($self, $program, $workers) = @_;
	my $d = $self->{dir};
	my $front = sub { <<END };
frontend = {
    host = "$at"
    port = "$door{$_[0]}"
    pem-file = "$d/$_[1].pem"
}
END

	return ($program, '--config', $self->write_file('hitch.conf', <<END));
@{[$front->('tls', 'server')]}
@{[$front->('rsa', 'rsa')]}
backend = "[127.0.0.1]:$stub_port"
workers = $workers
backlog = 4096
daemon = off
quiet = on
log-level = 0
user = "nobody"
client-verify = required
client-verify-ca = "$d/ca.crt"
tls-protos = TLSv1.2 TLSv1.3
ciphers = "$tls12"
ciphersuites = "$tls13"
ecdh-curve = "X25519:P-256"
alpn-protos = "mqtt"
END
}

sub stunnel
{
	my ($self, $program) = @_;
	my $d = $self->{dir};
	my $service = sub { <<END };
[$_[0]]
accept = $at:$door{$_[0]}
connect = 127.0.0.1:$stub_port
cert = $d/$_[1].crt
key = $d/$_[1].key
CAfile = $d/ca.crt
verifyChain = yes
requireCert = yes
sslVersionMin = TLSv1.2
ciphers = $tls12
ciphersuites = $tls13
curves = X25519:P-256
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
END

	return ($program, $self->write_file('stunnel.conf', <<END));
foreground = quiet
pid =
debug = err
output = $d/stunnel.log
@{[$service->('tls', 'server')]}
@{[$service->('rsa', 'rsa')]}
END
}

sub mosquitto
{
	my ($self, $program) = @_;
	my $d = $self->{dir};
	my $listener = sub { <<END };
listener $door{$_[0]} $at
certfile $d/$_[1].crt
keyfile $d/$_[1].key
cafile $d/ca.crt
require_certificate true
use_identity_as_username true
ciphers $tls12
ciphers_tls1.3 $tls13
END

	return ($program, '-c', $self->write_file('mosquitto.conf', <<END));
per_listener_settings false
allow_anonymous true
persistence false
log_dest none
set_tcp_nodelay true
max_queued_messages 0
user root
@{[$listener->('tls', 'server')]}
@{[$listener->('rsa', 'rsa')]}
@{[$listener->('wss', 'server')]}
protocol websockets
END
}

sub floor
{
	my ($self, $program) = @_;

	return ($program, $door{tls}, $stub_port);
}

sub DESTROY
{
	my ($self) = @_;

	$self->stop($self->{stub}) if $self->{stub};
	chdir '/';
}

1;
