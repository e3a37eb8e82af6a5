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
use Sallyport::Fetch;
use Sallyport::Kube;
use Sallyport::Live;

use File::Copy qw(copy);
use JSON::PP ();

my $modules = builddir . '/npm';
need_tool('node');
plan skip_all => 'no schemas: ./bootstrap tools'
    unless -d "$modules/node_modules/kubernetes-models";

my $top = srcdir . '/contrib/kubernetes';
my %where = (srcdir => srcdir, modules => $modules);
my @all = qw(base overlays/autoscale overlays/aws overlays/direct
    sidecar/mosquitto.yaml sidecar/emqx.yaml);
my @parts = qw(components/crl-fetch components/fleet components/monitoring
    components/ticket-keys);
my $checked = Sallyport::Kube::ask(\%where, 'check',
	map { "$top/$_" } @all, @parts);
my %objects = map { $_ => $checked->{"$top/$_"}{objects} } @all, @parts;
my $pki = pki;
$pki->crl(tmp('client-ca.crl'), 'client-ca');
my %outside = (
	'sallyport-tls/tls.crt' => read_file($pki->cert('server')),
	'sallyport-tls/tls.key' => read_file($pki->key('server')),
	# As create configmap --from-literal leaves it.
	'sallyport-denylist/denylist.csv' => 'as,who,reason,until',
	'sallyport-client-ca/ca.crt' => read_file($pki->cert('client-ca')),
	'sallyport-crl/client-ca.crl' => read_file(tmp('client-ca.crl')),
	'sallyport-tickets/keys' => join('', map { chr 65 + $_ % 26 } 1 .. 80),
);
# Stands for the pod's own /run/sallyport.
my $run = tmp('run');
mkdir $run or die "$run: $!";
chown +(getpwnam 'nobody')[2, 3], $run if $> == 0;

for my $name (@all, @parts) {
	my $r = $checked->{"$top/$name"};
	is("@{ $r->{complaints} }", '', "$name: by the schemas");
	cmp_ok($r->{mutants}, '>', 30, "$name: $r->{mutants} mistakes tried");
	is("@{ $r->{missed} }", '', "$name: and each was noticed");
	is(scalar(grep { ($_->{data} || {})->{'denylist.csv'} }
		@{ $objects{$name} }), 0, "$name: no apply empties a deny list");
}

# The real kustomize, where there is one that is not too old.
my ($code, $version) = Sallyport::Proc::run(20, 'kubectl', 'version',
	'--client');
SKIP: {
	skip 'no kubectl with kustomize 4 or later', 8
	    if $code != 0 || $version !~ /Kustomize Version: v(\d+)/ || $1 < 4;
	my %built = map { $_ => tmp(tr{/}{-}r . '.yaml') }
	    grep { !/yaml$/ } @all, @parts;
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
		env => { Sallyport::Kube::environment(@objects) },
		log => "$volume.log");
	$test->launch(Sallyport::Daemon::program(builddir), '-t', '-c',
		"$volume/sallyport.ini");
	is($test->wait_exit(10), 0, "$name: sallyport -t");
	# No process may write a ConfigMap, and deny lists come with an apply.
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

# Every name that a workload needs and its manifests can have.
for my $name (@all) {
	my @objects = @{ $objects{$name} };
	my $pod = Sallyport::Kube::pod(@objects);
	my %spread = map { $_->{topologyKey} => 1 }
	    @{ $pod->{topologySpreadConstraints} };

	ok(Sallyport::Kube::one('PriorityClass', $pod->{priorityClassName},
		@objects), "$name: the pods' priority is there");
	# mosquitto does not cluster.
	is_deeply([ sort keys %spread ], $name =~ /mosquitto/ ? []
	    : [qw(kubernetes.io/hostname topology.kubernetes.io/zone)],
		"$name: over nodes and zones");
	for my $v (@{ $pod->{volumes} }) {
		next if !$v->{configMap};
		my $map = Sallyport::Kube::one('ConfigMap',
			$v->{configMap}{name}, @objects);
		my @mounts = grep { $_->{name} eq $v->{name} } map {
		    @{ $_->{volumeMounts} } } Sallyport::Kube::containers($pod);
		ok(defined $map->{data}{ $_->{subPath} },
			"$name: $_->{subPath} is there")
		    for grep { $_->{subPath} } @mounts;
	}
}

# Only the load balancer may claim another's address.
for my $name (grep { !/yaml$/ } @all) {
	my @objects = @{ $objects{$name} };
	my %env = Sallyport::Kube::environment(@objects);
	my $policy = Sallyport::Kube::one('NetworkPolicy', 'sallyport',
		@objects)->{spec};
	my ($devices) = grep { $_->{ports}[0]{port} == 8883 }
	    @{ $policy->{ingress} };
	my ($dns) = grep { $_->{ports}[0]{port} == 53 }
	    @{ $policy->{egress} };
	my $from = join ', ', map { $_->{ipBlock}{cidr} }
	    @{ $devices->{from} || [] };

	is($from, $env{TRUSTED_PROXIES}, "$name: only '$from' reach the ports");
	is(scalar(grep { ($_->{ipBlock}{cidr} // '') =~ /^169\.254\./ }
		@{ $dns->{to} }), 1, "$name: a node's own name server");
}
{
	my $service = Sallyport::Kube::one('Service', 'sallyport',
		@{ $objects{'overlays/aws'} });
	my %of = map { s/.*load-balancer-//r =>
	    $service->{metadata}{annotations}{$_} }
	    keys %{ $service->{metadata}{annotations} };

	is($service->{spec}{loadBalancerClass}, 'service.k8s.aws/nlb', 'AWS');
	is_deeply([ @of{qw(type scheme nlb-target-type proxy-protocol)} ],
		[qw(external internet-facing ip *)], 'and its annotations');
	is_deeply([ sort map { /^listener-attributes\.TCP-(\d+)$/ } keys %of ],
		[ sort map { $_->{port} } @{ $service->{spec}{ports} } ],
		'an idle connection is not forgotten, on any port');
}

# The broker of the sidecar has rules, and no password that all know.
{
	my @objects = @{ $objects{'sidecar/emqx.yaml'} };
	my ($emqx) = grep { $_->{name} eq 'emqx' }
	    Sallyport::Kube::containers(Sallyport::Kube::pod(@objects));
	my %env = map { $_->{name} => $_ } @{ $emqx->{env} };

	is($env{EMQX_AUTHORIZATION__NO_MATCH}{value}, 'deny', 'EMQX: no match');
	ok($env{EMQX_DASHBOARD__DEFAULT_PASSWORD}{valueFrom}{secretKeyRef},
		'EMQX: a password of its own');
	like(Sallyport::Kube::one('ConfigMap', 'emqx', @objects)
	    ->{data}{'acl.conf'}, qr/\A\{allow, all, all, \[[^]]*username[^]]*\]\}\.\n\{deny, all\}\.\n\z/,
		'EMQX: a device has its own topics');
}

# Ticket keys: the next one is everywhere before it is used, and the last one
# stays for those who have a ticket of it.
{
	my $file = "$top/components/ticket-keys/cronjob.yaml";
	my @was = ('A' x 80);

	for my $n (1 .. 3) {
		my $now = Sallyport::Kube::rotate($file, tmp("keys$n"),
			join '', @was);
		my @now = $now =~ /.{80}/gs;
		my @want = @was > 1 ? ($was[1], undef, $was[0]) : ($was[0]);
		my %seen;

		is_deeply([ map { defined $want[$_] ? $now[$_] : undef }
			0 .. $#want ], \@want, "keys $n: in their order");
		is(scalar(grep { $seen{$_}++ } @now), 0, "keys $n: all differ");
		@was = @now;
	}
	is(scalar @was, 3, 'no more than three');
}

# The CRL: downloaded beside the one that is there, and put in its place.
SKIP: {
	my $program = builddir . '/sallyport-fetch';
	skip 'built without libcurl', 9 unless -x $program;
	my ($web, $bin, $etc, $work) = map { tmp("job-$_") }
	    qw(web bin etc work);
	mkdir $_ for $web, $bin, $etc, $work;
	my $server = http_server($web);
	my @objects = @{ $objects{'components/crl-fetch'} };
	my $pod = Sallyport::Kube::one('CronJob', 'sallyport-fetch', @objects)
	    ->{spec}{jobTemplate}{spec}{template}{spec};
	my ($ini) = Sallyport::Kube::one('ConfigMap', 'sallyport-fetch',
		@objects)->{data}{'sallyport.ini'} =~
	    s{http://ca\.example\.com/}{$server->{url}/file/}r;
	copy($program, "$bin/sallyport-fetch") or die $!;
	write_file("$bin/kubectl", <<'END');
#!/bin/sh
case "$*" in
'create configmap sallyport-crl --from-file=client-ca.crl --dry-run=client -o yaml')
	cat client-ca.crl ;;
'patch configmap sallyport-crl --patch-file patch') cp patch "$WORK/patched" ;;
*) exit 1 ;;
esac
END
	chmod 0755, glob "$bin/*";
	chown +(getpwnam 'nobody')[2, 3], $work if $> == 0;
	write_file("$etc/sallyport.ini", $ini);
	write_file("$etc/client-ca.crt", read_file($pki->cert('client-ca')));
	$pki->crl("$etc/client-ca.crl", 'client-ca', number => '05');
	my $step = sub {
		my ($container) = @_;
		my @words = @{ $container->{command} };

		s{/etc/sallyport}{$etc}g for @words;
		return (Sallyport::Proc::run_as_nobody(30 * slow,
			'/usr/bin/env', "WORK=$work", "PATH=$bin:$ENV{PATH}",
			@words))[0];
	};
	my ($fetch) = @{ $pod->{initContainers} };
	my ($publish) = @{ $pod->{containers} };

	is($pod->{automountServiceAccountToken}, JSON::PP::true,
		'the job may ask the API server');
	$pki->crl("$web/client-ca.crl", 'client-ca', number => '04',
		last_at => time - 7200);
	is($step->($fetch), 65, 'an older CRL: the job fails');
	copy("$etc/client-ca.crl", "$web/client-ca.crl");
	is($step->($fetch), 0, 'the same CRL');
	is($step->($publish), 0, 'the same CRL: good');
	ok(!-e "$work/patched", 'and nothing is changed');
	$pki->crl("$web/client-ca.crl", 'client-ca', number => '06',
		last_at => time - 60);
	is($step->($fetch), 0, 'a newer CRL');
	is($step->($publish), 0, 'a newer CRL: published');
	is(Sallyport::Pki::pem_to_der(read_file("$work/patched")),
		Sallyport::Pki::pem_to_der(read_file("$web/client-ca.crl")),
		'which is that one');
	my $rule = Sallyport::Kube::one('Role', 'sallyport-fetch', @objects)
	    ->{rules};
	is_deeply([ map { @$_{qw(resources resourceNames verbs)} } @$rule ],
		[ ['configmaps'], ['sallyport-crl'], [qw(get patch)] ],
		'no more than that is allowed');
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
