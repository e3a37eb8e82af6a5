#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The chart of contrib/helm installs what the manifests of contrib/kubernetes
# do, and refuses values that are wrong. Rendered by the real helm.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Kube;

use JSON::PP ();

my $modules = builddir . '/npm';
need_tool('node');
# The one of ./bootstrap, which is for x86-64, or the machine's own.
my ($helm) = grep { (Sallyport::Proc::run(60 * slow, '/bin/sh', '-c',
	'"$1" version', '-', $_))[0] == 0 } "$modules/helm", 'helm';
plan skip_all => 'no helm: ./bootstrap tools' unless $helm;
plan skip_all => 'no schemas: ./bootstrap tools'
    unless -d "$modules/node_modules/kubernetes-models";

# It writes nothing into the caller's home.
$ENV{"HELM_\U$_\E_HOME"} = tmp("helm-$_") for qw(cache config data);
my $chart = srcdir . '/contrib/helm/sallyport';
my $kustomize = srcdir . '/contrib/kubernetes';
my %where = (srcdir => srcdir, modules => $modules);

# The standard output of helm, or undef, with what it complained of in $@.
sub helm
{
	my ($code, $out, $err) = Sallyport::Proc::run(60 * slow, $helm, @_);

	$@ = $err;
	return $code == 0 ? $out : undef;
}

# Arrangements: name => [ release, what kustomize has, arguments of helm ].
my @components = map { "components/$_" }
    qw(crl-fetch fleet monitoring ticket-keys);
my @add_all = ('--set', join ',', map { "$_.enabled=true" }
    qw(fleet monitoring ticketKeysJob crlFetch));
my %all = (
	base => [ 'sallyport', ['base'] ],
	components => [ 'sallyport', [ 'base', @components ], @add_all ],
	(map { $_ => [ 'sallyport', ["overlays/$_"], preset($_) ] }
		qw(aws direct autoscale)),
	(map { $_ => [ $_, ["sidecar/$_.yaml"], preset($_) ] }
		qw(mosquitto emqx)),
	'emqx, fleet' => [ 'emqx', undef, preset('emqx'), @add_all ],
	'another name' => [ 'door', undef, @add_all, '--set',
		'fleet.password=secret' ],
);

sub preset
{
	return ('-f', "$chart/presets/$_[0].yaml");
}

ok(helm('lint', '--strict', $chart), 'helm lint has no complaint')
    or diag($@);
for my $name (sort keys %all) {
	my ($release, undef, @arguments) = @{ $all{$name} };
	my $yaml = helm('template', $release, $chart, @arguments);

	ok(defined $yaml, "$name: helm template") or diag($@);
	write_file(tmp("$name.yaml" =~ tr/, /--/r), $yaml // '');
}

# What both have, with what may differ taken out: the labels that Helm's
# charts have; how the addresses of proxies come into the ini; the ini's order.
sub substance
{
	my (@objects) = @_;
	my ($env) = grep { $_->{metadata}{name} eq 'sallyport-env' } @objects;
	my %by_name;

	for my $o (map { JSON::PP::decode_json(JSON::PP::encode_json($_)) }
	    grep { !$env || $_->{metadata}{name} ne 'sallyport-env' }
	    @objects) {
		delete @{ $o->{metadata}{labels} }{ 'helm.sh/chart',
			map { "app.kubernetes.io/$_" }
			qw(instance managed-by version) };
		if (my $pod = ($o->{spec} || {})->{template}) {
			delete $_->{envFrom} for grep { $env && $_->{envFrom}
			    && $_->{envFrom}[0]{configMapRef} }
			    @{ $pod->{spec}{containers} };
		}
		if ($o->{kind} eq 'ConfigMap' && $o->{data}{'sallyport.ini'}) {
			my $ini = $o->{data}{'sallyport.ini'};
			$ini =~ s/\$\{env:(\w+)\}/$env->{data}{$1} \/\/ $&/ge
			    if $env;
			my %ini = Sallyport::Kube::sections($ini);
			for my $section (values %ini) {
				delete @$section{qw(accept_proxy
					trusted_proxies)}
				    if ($section->{accept_proxy} // '') eq 'off';
			}
			$o->{data}{'sallyport.ini'} = \%ini;
		}
		my $key = "$o->{kind} $o->{metadata}{name}";
		die "$key: twice" if $by_name{$key};
		$by_name{$key} = $o;
	}
	return \%by_name;
}

my %file = map { $_ => tmp("$_.yaml" =~ tr/, /--/r) } keys %all;
my %their = map { $_ => 1 } map { @{ $_->[1] || [] } } values %all;
my $theirs = Sallyport::Kube::ask(\%where, 'render',
	map { "$kustomize/$_" } keys %their);
my $ours = Sallyport::Kube::ask(\%where, 'complaints', values %file);

# What README tells a user of the fleet to add to the manifests.
my ($fleet) = read_file("$kustomize/README")
    =~ /^(    \[fleet\]\n(?:    .+\n)+)/m;
my %fleet = Sallyport::Kube::sections($fleet =~ s/^    //gmr);

for my $name (sort keys %all) {
	my $r = $ours->{ $file{$name} };

	is("@{ $r->{complaints} }", '', "$name: by the schemas");
	next unless $all{$name}[1];
	my $want = substance(map { @{ $theirs->{"$kustomize/$_"} } }
		@{ $all{$name}[1] });
	if ($name eq 'components') {
		%{ $want->{'ConfigMap sallyport'}{data}{'sallyport.ini'} } =
		    (%{ $want->{'ConfigMap sallyport'}{data}{'sallyport.ini'} },
		    %fleet);
		$want->{'Deployment sallyport'}{spec}{template}{spec}
		    {containers}[0]{envFrom} =
		    [ { secretRef => { name => 'sallyport-fleet' } } ];
	}
	is_deeply(substance(@{ $r->{objects} }), $want,
		"$name: what contrib/kubernetes has");
}

# Nothing has a name that another release could have, but what is said to.
{
	my %fixed = map { $_ => 1 } 'NetworkPolicy mqtt-broker',
	    'Secret sallyport-fleet';
	my @objects = @{ $ours->{ $file{'another name'} }{objects} };

	is_deeply([ grep { !/ door(?:-|$)/ && !$fixed{$_} }
		map { "$_->{kind} $_->{metadata}{name}" } @objects ], [],
		'all objects have the name of the release');
	my $secret = Sallyport::Kube::one('Secret', undef, @objects);
	my ($acl) = read_file(srcdir . '/etc/doc/fleet.md')
	    =~ /^(user sallyport on .*)$/m;
	$acl =~ s/change-me/secret/;
	is($secret->{stringData}{'users.acl'}, "user default off\n$acl\n",
		'Valkey allows what the guide says');
}

# The daemon takes each configuration.
{
	my $pki = pki;
	my $run = tmp('run');
	$pki->crl(tmp('client-ca.crl'), 'client-ca');
	my %outside = (
		'sallyport-tls/tls.crt' => read_file($pki->cert('server')),
		'sallyport-tls/tls.key' => read_file($pki->key('server')),
		'sallyport-denylist/denylist.csv' => 'as,who,reason,until',
		'sallyport-client-ca/ca.crt' =>
		    read_file($pki->cert('client-ca')),
		'sallyport-crl/client-ca.crl' =>
		    read_file(tmp('client-ca.crl')),
		'sallyport-tickets/keys' => join('', map { chr 65 + $_ % 26 }
			1 .. 80),
	);
	mkdir $run or die "$run: $!";
	chown +(getpwnam 'nobody')[2, 3], $run if $> == 0;
	# Without hiredis there is no fleet.
	write_file(tmp('fleet.ini'), "[fleet]\naddress = 127.0.0.1:1\n");
	my $fleet_built =
	    (sallyport_check('-c', tmp('fleet.ini')))[2] !~ /hiredis/;

	for my $name (sort keys %all) {
		my $volume = tmp("volume-$name" =~ tr/, /--/r);
		my %files = Sallyport::Kube::files(\%outside,
			@{ $ours->{ $file{$name} }{objects} });
		next if !$fleet_built
		    && $files{'sallyport.ini'} =~ /^\[fleet\]/m;
		$files{'sallyport.ini'} =~ s{/run/sallyport/}{$run/}g;
		Sallyport::Kube::lay_out($volume, %files);
		my $test = Sallyport::Proc->new(name => '-t', drop => 1,
			slow => slow, env => { FLEET_PASSWORD => 'x' },
			log => "$volume.log");
		$test->launch(Sallyport::Daemon::program(builddir), '-t', '-c',
			"$volume/sallyport.ini");
		is($test->wait_exit(10), 0, "$name: sallyport -t");
		like($test->text, qr/: good, 2 listeners$/m,
			"$name: it is good") or diag($test->text);
	}
}

# Values that are wrong are refused, and options get into the ini as written.
for my $bad ('replica=3', 'replicas=many', 'trustedProxies={10.0.0.0}',
	'config.daemons.log_format=json', 'service.ports.mqtts=70000',
	'objects.tls=', 'sidecar.enabled=true', 'crlFetch.url=ftp://a/b',
	'fleet.password=a b') {
	is(helm('template', 'x', $chart, '--set', $bad), undef,
		"--set $bad: refused");
	like($@, qr/values don't meet the specifications/, 'by the schema');
}
{
	my $yaml = helm('template', 'x', $chart, '--set', join ',',
		'config.limits.handshake_rate=1000000',
		'config.limits.connections=null', 'config.listener wss=null',
		'config.tls.send_ca_names=false', 'objects.crl=',
		'config.listener mqtts.origins={https://a,https://b}');
	ok(defined $yaml, 'other values') or diag($@);
	like($yaml, qr/^ +handshake_rate = 1000000$/m, 'a large number');
	like($yaml, qr/^ +send_ca_names = off$/m, 'a switch');
	like($yaml, qr{^ +origins = https://a, https://b$}m, 'a list');
	unlike($yaml, qr/wss|8084|client-ca\.crl/,
		'what is left out is nowhere');
}

# The chart is of this version.
my ($version) = read_file(srcdir . '/configure.ac')
    =~ /^AC_INIT\(\[sallyport\], \[(.*?)\]/m;
like(read_file("$chart/Chart.yaml"),
	qr/^version: \Q$version\E\n(?:.*\n)*appVersion: \Q$version\E$/m,
	"Chart.yaml: $version");
done_testing;
