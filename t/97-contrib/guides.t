#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# A reader who follows the guides in etc/doc gets what they promise: each of
# their commands is run, one guide after the other in one shell, and what they show
# has to come. Sallyport::Guide says how it is written down.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";

# Typing all of it takes a quarter of an hour.
BEGIN { $ENV{SALLYPORT_TEST_LIMIT} ||= 400 }
use Sallyport;
use Sallyport::Guide;

use File::Copy qw(copy);
use File::Path qw(make_path);

my @guides = qw(devices.md clients.md faq.md brokers.md threats.md
    sizing.md fleet.md upgrade.md alerts.md tokens.md crl.md compare.md);

need_tool(qw(mosquitto mosquitto_pub mosquitto_passwd openssl));
plan skip_all => 'the guides are for the program without a sanitizer'
    if Sallyport::Daemon->new(
	program => Sallyport::Daemon::program(builddir()))->sanitized;

# A reader has a clone that was built.
my $clone = tmp('clone');
my %built = map { $_ => builddir() . "/$_" } qw(sallyport sallyportctl);
make_path(map { "$clone/$_" } qw(build contrib/pki etc));
# Built only where libcurl is installed.
$built{'sallyport-fetch'} = builddir() . '/sallyport-fetch'
    if -x builddir() . '/sallyport-fetch';
for my $program (sort keys %built) {
	copy($built{$program}, "$clone/build/$program") or die "$program: $!";
}
copy(srcdir() . "/$_", "$clone/$_") or die "$_: $!"
    for qw(contrib/pki/pki etc/sallyport.ini);
chmod 0755, "$clone/contrib/pki/pki", map { "$clone/build/$_" } keys %built;
chown +(getpwnam 'nobody')[2, 3], $clone if $> == 0;

# The guides' ports, and as many free ones.
my (%ports, %taken);
for my $port (qw(1883 1884 1885 4370 6379 8084 8883 8885 8886 8887 8888
    8889 8890 9884 25673)) {
	do { $ports{$port} = free_port() } while $taken{$ports{$port}}++;
}
my $shell = owned(Sallyport::Guide->start(dir => $clone, slow => slow(),
	ports => \%ports));
my (undef, $options) = sallyport_run('--help-config');
my (%has, @left_out);

# Has the reader X, of needs=X? A program, or python3:MODULE, node:MODULE.
sub has
{
	my ($what) = @_;
	my ($program, $module) = split /:/, $what;
	my $try = "command -v $program";

	$try .= " && python3 -c 'import $module'"
	    if $module && $program eq 'python3';
	$try .= " && NODE_PATH=/usr/share/nodejs node -e 'require(\"$module\")'"
	    if $module && $program eq 'node';
	return $has{$what} //= !defined $shell->run(
		{ text => "($try) >/dev/null 2>&1", shown => [] }) || 0;
}

# Writes a file of the reader's, into the folder where the shell is.
sub put_file
{
	my ($name, $text) = @_;
	my $path = $shell->folder . "/$name";
	my $old = $name =~ /\.ini$/ ? read_file($path) : '';

	$text = $shell->with_ports($text);
	$text = Sallyport::Guide::merge($old, $text) if $old ne '';
	write_file($path, $text);
	chown +(getpwnam 'nobody')[2, 3], $path if $> == 0;
	return;
}

# Returns false when the rest of the guides cannot go on.
sub run_block
{
	my ($guide, $block) = @_;
	my %words = %{ $block->{words} };
	my ($file) = grep { !/^(?:fails|needs=.*)$/ } keys %words;

	if (my ($tool) = map { /^needs=(.*)$/ ? $1 : () } keys %words) {
		if (!has($tool)) {
			push @left_out, "$guide:$block->{line}: $tool";
			return 1;
		}
	}
	put_file($file, $block->{text}) if $file;
	return 1 if $block->{kind} ne 'console';
	for my $command (Sallyport::Guide::commands($block)) {
		my $bad = $shell->run($command, fails => $words{fails});
		my $text = $command->{text} =~ s/ *\\\n */ /gr;

		ok(!defined $bad, "$guide:$command->{line}: $text") or
		    diag($bad), return 0;
	}
	return 1;
}

# What a guide names is there: files, reasons, metrics, options.
sub names
{
	my ($guide) = @_;
	my $text = read_file(srcdir() . "/etc/doc/$guide");
	my $manual = read_file(srcdir() . '/etc/sallyport.8');
	my @lost;

	for ($text =~ m{\]\(([\w.]+)\)}g) {
		push @lost, $_ unless -e srcdir() . "/etc/doc/$_";
	}
	for ($text =~ m{`((?:contrib|etc|t)/[\w./-]+)`}g) {
		# etc/ may be another program's.
		push @lost, $_ unless -e srcdir() . "/$_" || m{^etc/(?!doc/)};
	}
	my $stage = join '|', qw(accept tls ws mqtt identity backend relay);
	my %option = map { $_ => 1 } $options =~ /^\[.*?\] (\w+) =/mg;
	for ($text =~ /`((?:$stage)_\w+)`/g) {
		push @lost, $_
		    unless $manual =~ /^\.It Sy $_\b/m || $option{$_};
	}
	for ($text =~ /`sallyport_(\w+)`/g) {
		push @lost, $_ unless $manual =~ /^\.It Cm .*\b$_\b/m;
	}
	for ($text =~ /`\[(?:\w+)(?: NAME)?\] (\w+)/g) {
		push @lost, $_ unless $option{$_};
	}
	is_deeply(\@lost, [], "$guide: what it names is there");
	return;
}

names($_) for @guides;
GUIDE: for my $guide (@guides) {
	for my $block (Sallyport::Guide::parse(srcdir() . "/etc/doc/$guide")) {
		run_block($guide, $block) or last GUIDE;
	}
}
diag('not run, for want of what they need: ', join ', ', @left_out)
    if @left_out;
done_testing;
