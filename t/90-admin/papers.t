#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The manuals, --help and the completions of sallyportctl agree, and the manual
# lists the metrics that there are.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;

my $manual = read_file(srcdir . '/etc/sallyportctl.1');
my %completion = map { ($_ => read_file(srcdir . "/contrib/$_")) }
    qw(bash-completion/sallyportctl zsh-completion/_sallyportctl
    fish-completion/sallyportctl.fish);
my (undef, $help) = ctl('/', '--help');
my @commands = $help =~ /^  ([a-z]+)(?: |$)/mg;

cmp_ok(@commands, '>', 10, 'commands');
my ($section) = $manual =~ /^\.Sh COMMANDS$(.*?)^\.Sh/ms;
is_deeply([ $section =~ /^\.It Ic (\w+)/mg ], \@commands,
	'the manual has them, in this order');
for my $word (@commands) {
	like($completion{$_}, qr/\b$word\b/, "$_ knows $word")
	    for sort keys %completion;
}

my %options = map { $_ => 1 } grep { $_ ne 'help' } $help =~ /--([a-z-]+)/g;
for my $option (sort keys %options) {
	my $text = $option =~ s/-/-/gr;
	like($manual, qr/Fl -\Q$text\E\b/, "the manual has --$option");
	like($completion{$_}, qr/(?:--|-l )\Q$option\E\b/, "$_ has --$option")
	    for sort keys %completion;
}

my $socket = tmp('admin.sock');
# Without hiredis there is no fleet, and no metric of one.
my %fleet = (fleet => { address => '127.0.0.1:1' });
write_file(tmp('fleet.ini'), "[fleet]\naddress = 127.0.0.1:1\n");
%fleet = () if (sallyport_check('-c', tmp('fleet.ini')))[2] =~ /hiredis/;
my $proxy = sallyport(daemon => { admin_socket => $socket }, %fleet);
my ($code, $text) = ctl($socket, 'metrics');
my ($list) = read_file(srcdir . '/etc/sallyport.8') =~
    /^\.Sh METRICS$(.*?)^\.Sh/ms;
my %said = map { ("sallyport_$_" => 1) }
    map { split / , / } $list =~ /^\.It Cm (.*)$/mg;
my %there = map { $_ => 1 } $text =~ /^# TYPE (sallyport_\w+)/mg;
delete @said{ grep { /_fleet_/ } keys %said } unless %fleet;
is_deeply([ sort keys %said ], [ sort keys %there ],
	'sallyport(8) has every metric, and no other');

# The HTTP requests and their parameters, which the daemon names when it refuses
# an unknown one.
my ($http) = $manual =~ /^\.Sh HTTP$(.*?)^\.Sh/ms;
my @asked = $http =~ /^\.It Cm (.*)$/mg;
is(@asked, @commands + 1, 'the manual has HTTP for each command, and /history');
for (@asked) {
	my ($method, $path, $params) = /^(GET|POST) Pa (\S+)(?: Ar (.*))?$/;
	my $r = http($socket, $method, "$path?nonsense=1");
	my ($known) = $r->{body} =~ /only:\s*(.*?)\s*"/;

	is($r->{status}, 400, "$method $path");
	is($known, $params // '', "$path: its parameters");
}

done_testing;
