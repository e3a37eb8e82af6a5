#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Completion in bash, zsh and fish, with the names that a running daemon, a
# configuration and a folder of certificates give.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
BEGIN { $ENV{SALLYPORT_TEST_LIMIT} ||= 90 }
use Sallyport;
use Sallyport::Admin;

use Cwd qw(abs_path);

my $socket = tmp('admin.sock');
my $broker = peer('broker')->listen;
my $file = tmp('sallyport.ini');
my $deny = write_file(tmp('deny.csv'), "as,who\ncn,thief one\nserial,4f\n");
my $proxy = sallyport(
	daemon => { admin_socket => $socket },
	backend => { address => $broker->address },
	denylist => { file => $deny },
);

# Names that a shell could take for something else. The device chose them.
my $trap = tmp('trap');
my @ids = ('one two', 'urn:dev:1', "\$(touch $trap)", "`touch $trap`");
my @stay = map {
	my $c = peer->device('tls', device => 'ec', port => $proxy->port('tls'));
	[ $c, $broker->session($c, version => 4, clientid => $_) ];
} @ids;

write_file($file, "[listener mqtts]\nbind = :0\n[listener wss]\nbind = :0\n");
my $pki = tmp('pki');
mkdir for $pki, "$pki/devices";
write_file("$pki/devices/$_.crt", '') for 'pump 1', 'pump-2', 'valve';

# The programs by their names, and a home without anybody's settings.
my $bin = tmp('bin');
mkdir $_ for $bin, tmp('home');
my $build = abs_path($ENV{TOP_BUILDDIR} || '.');
symlink abs_path(Sallyport::Admin::program()), "$bin/sallyportctl"
    or die "$bin: $!";
local $ENV{PATH} = "$bin:$ENV{PATH}";
local @ENV{qw(HOME XDG_CONFIG_HOME XDG_DATA_HOME)} = (tmp('home')) x 3;
delete local @ENV{qw(SALLYPORT_SOCKET PKI_DIR ZDOTDIR)};

my @sort = qw(age backend client_id down listener sid stage up user);
my @kinds = qw(clientid clientid_re cn peerhost peerhost_net san serial sha256
    spki username username_re);
my $ctl = "sallyportctl -s $socket";
# What is typed, and what is offered.
my @cases = (
	[ 'sallyportctl den', qw(denied deny) ],
	[ 'sallyportctl -j log ', qw(debug error info warn) ],
	[ 'sallyportctl deny ', @kinds ],
	[ 'sallyportctl denied --as ', @kinds ],
	[ 'sallyportctl -s x deny se', 'serial' ],
	[ 'sallyportctl sessions --sort ', sort @sort, map { "-$_" } @sort ],
	[ 'sallyportctl sessions --ma', '--max-age' ],
	[ 'sallyportctl kick --user x --al', '--all' ],
	[ 'sallyportctl allow --ex', '--expired' ],
	[ 'sallyportctl allow --expired ', qw(no yes) ],
	[ 'sallyportctl drain --f', '--fleet' ],
	[ "$ctl sessions --client-id ", @ids ],
	[ "$ctl sessions --client-id o", 'one two' ],
	[ "$ctl sessions --user ", 'device-001' ],
	[ "sallyportctl sessions -s $socket --user ", 'device-001' ],
	[ "sallyportctl --socket $socket kick --user dev", 'device-001' ],
	[ "$ctl kick --listener ", qw(tls wss) ],
	[ "$ctl kick --listener w", 'wss' ],
	[ "$ctl -j sessions --backend d", 'default' ],
	[ "$ctl deny username ", 'device-001' ],
	[ "$ctl deny clientid ", @ids ],
	[ "$ctl allow cn ", 'thief one' ],
	[ "$ctl allow serial ", '4f' ],
	[ "$ctl denied --who th", 'thief one' ],
	[ 'sallyportctl -s /nowhere kick --user ' ],
	[ "sallyport explain -c $file --listener ", qw(mqtts wss) ],
	[ 'sallyport --help-', '--help-config' ],
	[ 'sallyport ex', 'explain' ],
	[ "sallyport-pki -d $pki revoke ", 'pump 1', 'pump-2', 'valve' ],
	[ "sallyport-pki -d $pki renew pump", 'pump 1', 'pump-2' ],
	[ 'sallyport-pki li', 'list' ],
	[ 'sallyport-fetch --st', '--stay' ],
);
# Bash splits these at = and completes what is after it.
my @joined = (
	[ "sallyportctl --socket=$socket kick --listener ", qw(tls wss) ],
	[ "$ctl kick --listener=w", 'wss' ],
	[ "$ctl kick --user=", 'device-001' ],
	[ "sallyportctl -s$socket kick --user ", 'device-001' ],
	[ "sallyport explain --config=$file --listener w", 'wss' ],
);
my $limit = 60 * slow;

# As bash calls it: the words before the cursor, what is typed of the last one.
sub bash
{
	my ($line) = @_;
	my @words = split /\s+/, $line;
	my $script = <<'EOF';
source "$1/bash-completion/$2"
name=_${2//-/_}
shift
compopt() { :; }
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
"$name" "$1" "${@: -1}" "${COMP_WORDS[COMP_CWORD - 1]}"
((!${#COMPREPLY[@]})) || printf '%s\n' "${COMPREPLY[@]}"
EOF

	push @words, '' if $line =~ /\s$/;
	@words = map { /^(--\w+)=(.*)/ ? ($1, '=', length $2 ? $2 : ()) : $_ }
	    @words;
	my (undef, $out, $said) = Sallyport::Proc::run($limit, '/bin/bash', '-c',
		$script, '-', srcdir . '/contrib', @words);
	return "what bash said: $said" if $said ne '';
	return map { s/\\(.)/$1/gr } split /\n/, $out;
}

# All lines in one go: a shell takes a second to start when the machine is busy.
sub fish_lines
{
	my $script = 'for f in $argv[1]/*.fish; source $f; end; '
	    . 'for line in $argv[2..-1]; complete -C $line; echo END; end';
	my (undef, $out, $said) = Sallyport::Proc::run($limit, 'fish',
		'--no-config', '-c', $script, srcdir . '/contrib/fish-completion',
		@_);

	diag($said) if $said ne '';
	return map { [ map { s/\t.*//r =~ s/^--\w+=//r } split /\n/ ] }
	    split /^END\n/m, $out, -1;
}

sub zsh_lines
{
	my $out = tmp('zsh.out');
	my ($code, undef, $said) = Sallyport::Proc::run($limit, 'zsh', '-f',
		srcdir . '/t/lib/complete.zsh', srcdir . '/contrib/zsh-completion',
		$out, @_);
	return 'no pseudo-terminal' if $code == 77;
	my (undef, @got) = split /^END\n/m, read_file($out), -1;

	diag($said) if $said ne '';
	return map { [ map { s/\\(.)/$1/gr } split /\n/ ] } @got;
}

my %shell = (bash => sub { map { [ bash($_) ] } @_ }, fish => \&fish_lines,
	zsh => \&zsh_lines);
for my $name (sort keys %shell) {
	SKIP: {
		skip "no $name", 2 unless has_tool($name);
		my @check = $name eq 'fish' ? '--no-execute' : '-n';
		for (glob srcdir . "/contrib/$name-completion/*") {
			my ($code, undef, $said) = Sallyport::Proc::run($limit,
				$name, @check, $_);
			is($code, 0, "$_ is good $name") or diag($said);
		}
		my @got = $shell{$name}->(map { $_->[0] } @cases, @joined);
		skip "$name: no pseudo-terminal", @cases + @joined
		    if @got && !ref $got[0];
		for (@cases, @joined) {
			my ($line, @offer) = @$_;
			my %got = map { $_ => 1 } @{ shift @got // ['nothing'] };

			is_deeply([ sort keys %got ], [ sort @offer ],
				"$name: $line");
		}
	}
}
ok(!-e $trap, 'what a device put into its ClientID was not run');
done_testing;
