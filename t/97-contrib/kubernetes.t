#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The manifests of contrib/kubernetes: Kubernetes would take them, pods are
# shut in, and what they have of Sallyport works with the real one.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;
use Sallyport::Kube;
use Sallyport::Live;

use JSON::PP ();

my $modules = builddir . '/npm';
need_tool('node');
plan skip_all => 'no schemas: ./bootstrap tools'
    unless -d "$modules/node_modules/kubernetes-models";

my $top = srcdir . '/contrib/kubernetes';
my %where = (srcdir => srcdir, modules => $modules);
my @all = qw(base overlays/autoscale overlays/direct sidecar/mosquitto.yaml
    sidecar/emqx.yaml);
my $checked = Sallyport::Kube::ask(\%where, 'check',
	map { "$top/$_" } @all);
my %objects = map { $_ => $checked->{"$top/$_"}{objects} } @all;
my $pki = pki;
my %outside = (
	'sallyport-tls/tls.crt' => read_file($pki->cert('server')),
	'sallyport-tls/tls.key' => read_file($pki->key('server')),
	# As create configmap --from-literal leaves it.
	'sallyport-denylist/denylist.csv' => 'as,who,reason,until',
	'sallyport-client-ca/ca.crt' => read_file($pki->cert('client-ca')),
	'sallyport-tickets/keys' => join('', map { chr 65 + $_ % 26 } 1 .. 80),
);
# Stands for the pod's own /run/sallyport.
my $run = tmp('run');
mkdir $run or die "$run: $!";
chown +(getpwnam 'nobody')[2, 3], $run if $> == 0;

for my $name (@all) {
	my $r = $checked->{"$top/$name"};
	is("@{ $r->{complaints} }", '', "$name: by the schemas");
	cmp_ok($r->{mutants}, '>', 90, "$name: $r->{mutants} mistakes tried");
	is("@{ $r->{missed} }", '', "$name: and each was noticed");
	is(scalar(grep { ($_->{data} || {})->{'denylist.csv'} }
		@{ $objects{$name} }), 0, "$name: no apply empties a deny list");
}

# The real kustomize, where there is one that is not too old.
my ($code, $version) = Sallyport::Proc::run(20, 'kubectl', 'version',
	'--client');
SKIP: {
	skip 'no kubectl with kustomize 4 or later', 3
	    if $code != 0 || $version !~ /Kustomize Version: v(\d+)/ || $1 < 4;
	my %built = map { $_ => tmp(tr{/}{-}r . '.yaml') }
	    grep { !/yaml$/ } @all;
	my $key = sub { "$_[0]{kind}/$_[0]{metadata}{name}" };
	for my $name (keys %built) {
		my ($exit, $out, $err) = Sallyport::Proc::run(30, 'kubectl',
			'kustomize', "$top/$name");
		diag($err) if $exit != 0;
		write_file($built{$name}, $out);
	}
	my $real = Sallyport::Kube::ask(\%where, 'render', values %built);
	is_deeply({ map { $key->($_) => $_ } @{ $real->{ $built{$_} } } },
		{ map { $key->($_) => $_ } @{ $objects{$_} } },
		"$_: as kustomize has it") for sort keys %built;
}

# What a pod may not do.
for my $name (@all) {
	my $pod = Sallyport::Kube::pod(@{ $objects{$name} });
	my $of_pod = $pod->{securityContext};
	ok($of_pod->{runAsNonRoot}, "$name: not root");
	is($of_pod->{seccompProfile}{type}, 'RuntimeDefault', "$name: seccomp");
	ok(!$pod->{automountServiceAccountToken}, "$name: no token");
	for my $c (Sallyport::Kube::containers($pod)) {
		my $s = $c->{securityContext};
		is($s->{allowPrivilegeEscalation}, JSON::PP::false,
			"$name: $c->{name}: no way up");
		is_deeply($s->{capabilities}, { drop => ['ALL'] },
			"$name: $c->{name}: no capabilities");
		ok($s->{runAsUser} // $of_pod->{runAsUser},
			"$name: $c->{name}: a user");
		ok($s->{readOnlyRootFilesystem} || $c->{name} eq 'emqx',
			"$name: $c->{name}: read-only root");
	}
}

# Milliseconds of a time in an ini file.
sub ms
{
	my ($n, $unit) = $_[0] =~ /^(\d+)(ms|s|m)?$/ or die $_[0];

	return $n * { ms => 1, s => 1000, m => 60000 }->{ $unit // 'ms' };
}

# The configuration, in its volume, by sallyport -t; and what pod and
# configuration have to agree on.
for my $name (@all) {
	my @objects = @{ $objects{$name} };
	my $pod = Sallyport::Kube::pod(@objects);
	my $volume = tmp("check-$name" =~ tr{/}{-}r);
	my %files = Sallyport::Kube::files(\%outside, @objects);
	$files{'sallyport.ini'} =~ s{/run/sallyport/}{$run/} or die $name;
	Sallyport::Kube::lay_out($volume, %files);
	# Not as root, as in a pod.
	my $test = Sallyport::Proc->new(name => '-t', drop => 1, slow => slow,
		log => "$volume.log");
	$test->launch(Sallyport::Daemon::program(builddir), '-t', '-c',
		"$volume/sallyport.ini");
	is($test->wait_exit(10), 0, "$name: sallyport -t");
	# A ConfigMap is nobody's to write, and deny lists come with an apply.
	my $text = $test->text =~ s/^.* warning: .*sallyportctl deny will.*\n//r;
	is($text, "$volume/sallyport.ini: good, 2 listeners\n",
		"$name: and has nothing else to say");
	my %ini = Sallyport::Kube::sections(
		read_file("$volume/sallyport.ini"));
	my $d = $ini{daemon};
	cmp_ok($pod->{terminationGracePeriodSeconds} * 1000, '>',
		ms($d->{drain_delay}) + ms($d->{drain_timeout}) + 5000,
		"$name: the drain fits the grace period");
	my $c = Sallyport::Kube::sallyport($pod);
	cmp_ok($c->{readinessProbe}{periodSeconds} * 1000, '<',
		ms($d->{drain_delay}), "$name: readiness is asked in time");
	my %port = map { $_->{name} => $_->{containerPort} } @{ $c->{ports} };
	is_deeply([sort values %port], [sort $d->{http_listen},
		map { $ini{$_}{bind} } grep { /^listener/ } keys %ini],
		"$name: ports");
	my ($service) = grep { $_->{kind} eq 'Service'
	    && ($_->{spec}{type} // '') eq 'LoadBalancer' } @objects;
	ok(exists $port{ $_->{targetPort} }, "$name: $_->{name} leads there")
	    for @{ $service->{spec}{ports} };
	is($service->{spec}{selector}{$_}, (grep { $_->{spec}{template} }
		@objects)[0]{spec}{template}{metadata}{labels}{$_},
		"$name: the service finds the pods")
	    for keys %{ $service->{spec}{selector} };
}

# Words of a hook, with what is different here put in their place.
sub words
{
	my ($container, %here) = @_;
	my @words = @{ $container->{lifecycle}{preStop}{exec}{command} };

	for my $is (keys %here) {
		s/\Q$is\E/$here{$is}/g for @words;
	}
	return @words;
}

# The daemon itself, with the files of its volume, which change as they do in
# a pod; asked by the probes, ended by the hooks.
my $broker = peer('broker')->listen;
for my $name (qw(base sidecar/mosquitto.yaml sidecar/emqx.yaml)) {
	my @objects = @{ $objects{$name} };
	my $pod = Sallyport::Kube::pod(@objects);
	my $c = Sallyport::Kube::sallyport($pod);
	my $word = $name =~ tr{/}{-}r;
	my ($volume, $socket) = (tmp("live-$word"), tmp("$word.sock"));
	my %files = Sallyport::Kube::files(\%outside, @objects);
	my %ini = Sallyport::Kube::sections($files{'sallyport.ini'});
	$ini{$_}{bind} = '127.0.0.1:0' for grep { /^listener/ } keys %ini;
	$ini{$_}{accept_proxy} = $ini{$_}{trusted_proxies} = undef
	    for grep { /^listener/ } keys %ini;
	$ini{daemon} = { %{ $ini{daemon} }, http_listen => '127.0.0.1:0',
		admin_socket => $socket, watch_interval => '100ms',
		drain_delay => '1s', log_format => 'logfmt' };
	$ini{backend} = { %{ $ini{backend} }, proxy_protocol => undef,
		address => $broker->address, probe => undef };
	# Two sessions of one certificate below.
	$ini{identity}{clientid} = 'none';
	$ini{'listener tls'} = delete $ini{'listener mqtts'};
	Sallyport::Kube::lay_out($volume, %files);
	my $proxy = sallyport(%ini, kit => { ini => "$volume/sallyport.ini" });
	$files{'sallyport.ini'} = read_file("$volume/sallyport.ini");
	my $shut = $proxy->sanitized ? qr/off/ : qr/syscalls=on/;
	ok($proxy->wait_log(qr/event=sandbox .*$shut/), "$name: sandbox");

	my $live = Sallyport::Live->new(peer, $proxy, $broker);
	my @in = map { $live->begin(transport => 'tls', version => 5, device => 'ec',
		clientid => $_) } qw(good bad);
	my $http = $proxy->port('http_listen');
	for my $probe (qw(startup liveness readiness)) {
		my $get = $c->{"${probe}Probe"}{httpGet};
		is(http($http, 'GET', $get->{path})->{status}, 200,
			"$name: $probe: $get->{path}");
	}
	my $from = $proxy->mark;
	$files{'denylist.csv'} .= "\nclientid,bad,stolen,\n";
	Sallyport::Kube::lay_out($volume, %files);
	$proxy->wait_log(qr/event=reload /, from => $from);
	$live->is_out('98', "$name: the new list", $in[1]);
	$live->lives("$name: not on it", $in[0]);

	# The broker's hook waits until the sidecar's has done its work.
	my ($other) = grep { $_->{name} ne 'sallyport' }
	    Sallyport::Kube::containers($pod);
	my $wait;
	if ($other && ($name !~ /mosquitto/ || grep { -x "$_/wget" }
		split /:/, $ENV{PATH})) {
		$wait = Sallyport::Proc->new(name => 'hook',
			log => tmp("$word.hook"));
		$wait->launch(words($other, 9884 => $http));
	}
	my @hook = words($c, '/run/sallyport/admin.sock' => $socket,
		'/usr/bin/sallyportctl' => Sallyport::Admin::program());
	is((Sallyport::Proc::run(10, @hook))[0], 0, "$name: preStop");
	ok($wait->alive, "$name: the broker waits") if $wait;
	is(http($http, 'GET', '/readyz')->{status}, 503, "$name: not ready");
	$proxy->signal('TERM'); # the kubelet's
	is(hex($in[0]{c}->ended->{bytes}), 'e0028b00', "$name: drained");
	is($proxy->wait_exit(10), 0, "$name: exit 0");
	is($wait->wait_exit(10), 0, "$name: the broker's turn") if $wait;
	$live->leave($in[0]);
}

# What is scaled by is what the daemon tells.
{
	my $hpa = Sallyport::Kube::one('HorizontalPodAutoscaler', undef,
		@{ $objects{'overlays/autoscale'} });
	my $file = "$top/overlays/autoscale/adapter-rule.yaml";
	my $rule = Sallyport::Kube::ask(\%where, 'render', $file)
	    ->{$file}[0][0];
	my ($metric) = map { $_->{pods}{metric}{name} // () }
	    @{ $hpa->{spec}{metrics} };
	is($metric, $rule->{name}{as}, 'the rule makes what is scaled by');
	my $proxy = sallyport(daemon => { http_listen => '127.0.0.1:0' });
	my ($samples) = prometheus(http($proxy->port('http_listen'), 'GET',
		'/metrics')->{body});
	for my $query (@$rule{qw(seriesQuery metricsQuery)}) {
		my ($series, $stage) = $query
		    =~ /(sallyport_\w+)\{(stage="\w+")/;
		ok(scalar grep { /^\Q$series\E\{.*\Q$stage\E/ }
			keys %$samples, "$series, $stage: there");
	}
	my $target = $hpa->{spec}{scaleTargetRef};
	ok(Sallyport::Kube::one($target->{kind}, $target->{name},
		@{ $objects{'overlays/autoscale'} }), 'and what is scaled');
}
done_testing;
