#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The container image: small, the same each time, and run as an engine would:
# its own words for command, user and environment, pid 1, root read-only.
# Namespaces of its own, since an image's ports are fixed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use HTTP::Tiny;
use JSON::PP qw(decode_json);
use Sallyport;

plan skip_all => 'configured without --enable-static'
    if ($ENV{SALLYPORT_STATIC} // '') ne 'yes';
need_tool(qw(umoci unshare ip mosquitto mosquitto_pub mosquitto_sub));
plan skip_all => 'only root can do as a container engine does' if $> != 0;
if (!$ENV{SALLYPORT_IN_NAMESPACE}) {
	$ENV{SALLYPORT_IN_NAMESPACE} = 1;
	exec 'unshare', '-mn', '--propagation', 'private', $^X, $0;
}

sub command
{
	my ($code, $out, $err) = Sallyport::Proc::run(30 * slow, @_);

	die "@_: exit $code\n$out$err" if $code != 0;
	return $out;
}

my ($image, $again) = map { tmp("$_.tar") } qw(image again);
{
	local $ENV{SOURCE_DATE_EPOCH} = 1700000000;
	command(srcdir() . '/contrib/container/build', '-b', builddir(),
		'-o', $image);
	local $ENV{TZ} = 'Asia/Tokyo';
	my $umask = umask 077;
	command(srcdir() . '/contrib/container/build', '-b', builddir(),
		'-o', $again);
	umask $umask;
}
ok(read_file($image) eq read_file($again), 'made twice, the same bytes');

# What it is, in the words of the image and of a runtime that unpacks it.
mkdir tmp('oci') or die "$!";
command('tar', '-xf', $image, '-C', tmp('oci'));
my $index = decode_json(read_file(tmp('oci/index.json')));
my $tag = $index->{manifests}[0]{annotations}{
	'org.opencontainers.image.ref.name'};
like((sallyport_run('-V'))[1], qr/^sallyport \Q$tag\E$/m,
	"its tag is the version, $tag");
command('umoci', 'unpack', '--image', tmp('oci') . ":$tag", tmp('bundle'));
my $config = decode_json(read_file(tmp('bundle/config.json')));
my $process = $config->{process};
like($config->{annotations}{'sallyport.tls-library'}, qr/^BoringSSL API \d+/,
	'a label names the TLS library that is linked in');
my $root = tmp('bundle/rootfs');
is("@{ $process->{args} }",
	'/usr/sbin/sallyport -c /etc/sallyport/sallyport.ini', 'its command');
my ($uid, $gid) = @{ $process->{user} }{qw(uid gid)};
ok($uid > 0 && $gid > 0, "neither user nor group is root: $uid:$gid");
my ($kib) = split /\s/, command('du', '-sk', $root);
cmp_ok($kib, '<', 8 * 1024, "$kib KiB unpacked are under 8 MiB");
is(command('find', $root, '-perm', '/6000'), '', 'nothing is set-uid');
is(command('find', $root, '!', '-type', 'd', '-perm', '/022'), '',
	'no other user may write a file');

# Its root read-only, but for its volume; certificates mounted.
command('ip', 'link', 'set', 'lo', 'up');
mkdir tmp('tls') or die "$!";
my %tls = ('server.crt' => pki->cert('server'),
	'server.key' => pki->key('server'),
	'client-ca.crt' => pki->cert('client-ca'));
write_file(tmp("tls/$_"), read_file($tls{$_})) for keys %tls;
chmod 0600, tmp('tls/server.key');
chown $uid, $gid, tmp('tls/server.key');
mkdir "$root/proc";
command('mount', '--bind', $root, $root);
END {
	local $?;
	system 'umount', '-R', '-l', $root if defined $root;
}
command('mount', '--bind', tmp('tls'), "$root/etc/sallyport/tls");
command('mount', '-t', 'tmpfs', '-o', 'mode=1777', 'tmpfs',
	"$root/run/sallyport");
command('mount', '-o', 'remount,bind,ro', $root);

my $broker = mosquitto(port => sub { 1883 });
my %image_env = map { split /=/, $_, 2 } @{ $process->{env} };
my @enter = ('chroot', "--userspec=$uid:$gid", '--groups=', $root);
my $door = Sallyport::Proc->new(name => 'container', slow => slow,
	log => tmp('container.log'), env => \%image_env);
$door->launch('/usr/bin/unshare', '-pf', '--kill-child',
	"--mount-proc=$root/proc", '/usr/sbin/chroot', @enter[1 .. $#enter],
	@{ $process->{args} });
$door->wait_log(qr/event=ready/);
my ($pid) = split ' ', read_file("/proc/$door->{pid}/task/$door->{pid}/children");
my $status = read_file("/proc/$pid/status");
like($status, qr/^NSpid:\t$pid\t1$/m, 'it is process 1 in there');
like($status, qr/^Uid:(\t$uid){4}\nGid:(\t$gid){4}$/m, 'and not root');
like($status, qr/^Cap(?:Eff|Prm|Amb):\t0+$/m, 'and has no capability');
isnt((Sallyport::Proc::run(5, 'touch', "/proc/$pid/root/etc/x"))[0], 0,
	'its root is read-only');

sub client
{
	my ($program, $device, @more) = @_;

	return ($program, '-h', '127.0.0.1', '-p', 8883, '-q', 1, '-t', 'news',
		'--cafile', pki->cert('server-ca'), '--cert',
		pki->cert($device), '--key', pki->key($device), @more);
}
my $reader = Sallyport::Proc->new(name => 'reader', slow => slow,
	log => tmp('reader.log'));
$reader->launch(client('mosquitto_sub', 'rsa', '-i', 'reader', '-C', 1,
	'-W', 15 * slow));
$broker->wait_log(qr/Sending SUBACK to device-002/);
command(client('mosquitto_pub', 'ec', '-i', 'writer', '-m', 'from inside'));
is($reader->wait_exit(15), 0, 'a device publishes, another reads');
is($reader->text, "from inside\n", 'just that');
like($broker->text, qr/ as device-001 .*u'device-001'/, 'under its own name');

# Its health, as docker and as Kubernetes ask.
my ($health) = read_file(srcdir() . '/contrib/container/Containerfile') =~
    /^HEALTHCHECK .*CMD (\[.*\])$/m;
command(@enter, @{ decode_json($health) });
pass('the HEALTHCHECK of the Containerfile is content');
for my $page (qw(healthz readyz metrics)) {
	is(HTTP::Tiny->new->get("http://127.0.0.1:9884/$page")->{status}, 200,
		"/$page: 200");
}
kill 'TERM', $pid;
is($door->wait_exit(15), 0, 'TERM ends it, exit 0') or diag($door->text);
done_testing;
