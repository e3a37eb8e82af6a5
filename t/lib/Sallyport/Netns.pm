# SPDX-License-Identifier: ISC
package Sallyport::Netns;

# Machines of their own on one network: each a network namespace on a bridge,
# 10.77.0.N, and the test beside them at 10.77.0.1. All of it, and every
# process in it, is gone when the test is.

use strict;
use warnings;

use POSIX ();
use Sallyport::Proc;

# CLONE_NEWNET, and the number of setns(2), for which Perl has no name.
my $newnet = 0x40000000;
my %setns = (x86_64 => 308, aarch64 => 268);

my $net = '10.77.0';
my $program = '/usr/sbin/dnsmasq';

# Starts the test anew in namespaces of its own, once. Returns what is in the
# way, or nothing when we are there.
sub move_in
{
	my @own = ('unshare', '-mnp', '--fork', '--kill-child',
		'--mount-proc', '--propagation', 'private');

	return 'only root makes namespaces' if $> != 0;
	return 'setns is called by number' unless $setns{ (POSIX::uname)[4] };
	if (($ENV{SALLYPORT_NETNS} // '') ne $0) {
		return 'no namespaces here'
		    if (Sallyport::Proc::run(10, @own, 'true'))[0] != 0;
		$ENV{SALLYPORT_NETNS} = $0;
		exec @own, $^X, $0 or return "unshare: $!";
	}
	ip('link', 'set', 'lo', 'up');
	mkdir '/run/netns';
	command('mount', '-t', 'tmpfs', 'netns', '/run/netns');
	return 'no bridges here'
	    if (Sallyport::Proc::run(10, qw(ip link add sally type bridge)))[0];
	ip('addr', 'add', "$net.1/24", 'dev', 'sally');
	ip('link', 'set', 'sally', 'up');
	return;
}

sub command
{
	my ($code, $out, $err) = Sallyport::Proc::run(10, @_);

	die "@_: $out$err" if $code != 0;
}

sub ip
{
	command('ip', @_);
}

# The machine at 10.77.0.N.
sub new
{
	my ($class, $name, $n) = @_;
	my $self = bless { name => $name, address => "$net.$n" }, $class;

	ip('netns', 'add', $name);
	ip('link', 'add', "to-$name", 'type', 'veth', 'peer', 'name', 'eth0',
		'netns', $name);
	ip('link', 'set', "to-$name", 'master', 'sally', 'up');
	ip('-n', $name, 'addr', 'add', "$net.$n/24", 'dev', 'eth0');
	ip('-n', $name, 'link', 'set', $_, 'up') for qw(lo eth0);
	return $self;
}

sub address
{
	return $_[0]{address};
}

# What a process that is to run there calls before it does: the field `before'
# of Sallyport::Proc.
sub enter
{
	my ($self) = @_;

	return sub {
		open my $fh, '<', "/run/netns/$self->{name}"
		    or POSIX::_exit(127);
		syscall($setns{ (POSIX::uname)[4] }, fileno $fh, $newnet) == 0
		    or POSIX::_exit(127);
	};
}

# Starts a name server at this machine for all, as a cluster has one: they
# are called NAME.mqtt.svc.cluster.local, and resolv.conf, which goes into the
# folder DIR, lets NAME stand for that. A process to be stopped.
sub serve_names
{
	my ($self, $dir, @all) = @_;
	my $domain = 'mqtt.svc.cluster.local';
	my $server = Sallyport::Proc->new(name => 'dnsmasq',
		log => "$dir/dnsmasq.log", before => $self->enter);

	for (["$dir/hosts", "127.0.0.1 localhost\n", '/etc/hosts'],
		["$dir/resolv.conf", "nameserver $self->{address}\n"
		    . "search $domain svc.cluster.local cluster.local\n"
		    . "options ndots:5\n", '/etc/resolv.conf']) {
		my ($file, $text, $place) = @$_;
		open my $fh, '>', $file or die "$file: $!";
		print $fh $text;
		close $fh;
		command('mount', '--bind', $file, $place);
	}
	$server->launch($program, '--keep-in-foreground', '--conf-file=/dev/null',
		'--pid-file=', '--user=nobody', '--no-resolv', '--no-hosts',
		'--local=/cluster.local/', '--bind-interfaces',
		"--listen-address=$self->{address}", '--log-facility=-',
		map { "--host-record=$_->{name}.$domain,$_->{address}" } @all);
	$server->wait_log(qr/started, version/);
	return $server;
}

1;
