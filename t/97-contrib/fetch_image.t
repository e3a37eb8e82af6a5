#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# contrib/container/Containerfile.fetch, without an engine: the packages that it
# installs bring every library of sallyport-fetch, and the program takes what the
# image says.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP qw(decode_json);
use Sallyport;
use Sallyport::Fetch;

my $program = fetch_program;
need_tool(qw(objdump dpkg-query));
plan skip_all => 'a sanitizer has libraries of its own'
    if read_file($program) =~ /__(?:asan|tsan|msan)_init/;
my $file = read_file(srcdir . '/contrib/container/Containerfile.fetch');
my ($last) = $file =~ /^.*(^FROM .*)\z/ms;
$last =~ s/\\\n//g;
my ($packages) = $last =~ /--no-install-recommends install ([^&]+)&&/;

sub query
{
	my ($code, $out) = Sallyport::Proc::run(30 * slow, 'dpkg-query', @_);

	return $code == 0 ? $out : '';
}

# Not on this machine are those of another release.
my @named = split ' ', $packages;
my @here = grep { query('-W', '-f', '${db:Status-Status}', $_) eq 'installed' }
    @named;
plan skip_all => "the packages are those of another release: @named"
    if grep { my $name = $_; !grep { $_ eq $name } @here } @named;

# They and what they depend on, and what each Debian has.
my %there;
my @to_see = (@here, 'libc6');
while (defined(my $package = shift @to_see)) {
	next if $there{$package}++;
	push @to_see, map { s/[ :(].*//r } split /\s*[,|]\s*/,
	    query('-W', '-f', '${Depends}, ${Pre-Depends}', $package);
}
my (undef, $headers) = Sallyport::Proc::run(30 * slow, 'objdump', '-p',
	$program);
my @libraries = grep { !/^ld-linux/ }
    $headers =~ /^ +NEEDED +(\S+)$/mg;
cmp_ok(@libraries, '>', 2, "needs @libraries");
for my $library (@libraries) {
	my @owners = query('-S', "*/$library") =~ /^([^:\s]+)(?::\S+)?: /mg;

	ok(scalar(grep { $there{$_} } @owners),
		"$library: the image has @owners");
}
# What is installed without need makes the image larger.
for my $package (grep { /^lib/ } @here) {
	my $files = query('-L', $package);

	ok(scalar(grep { $files =~ m{/\Q$_\E$}m } @libraries),
		"$package is needed") unless $package =~ /^libstdc/;
}

# ENTRYPOINT and CMD, but for the path of the ini file.
my @words = map { @{ decode_json($_) } } $last =~ /^(?:ENTRYPOINT|CMD) (\[.*\])$/mg;
is(shift @words, ($last =~ m{^COPY \S+ \S+ (/\S+)$}m)[0],
	'the entry point is what is copied');
my $ini = fetch_ini('image', tmp('a.crl'),
	'fetch a' => { url => 'http://127.0.0.1:1/', file => tmp('a.crl') });
s{^/etc/sallyport/sallyport\.ini$}{$ini} for @words;
my ($code, $said) = fetch('-t', @words);
is($code, 0, "it takes @words") or diag($said);
like($last, qr/^USER [1-9]\d*:[1-9]\d*$/m, 'not as root, by number');
done_testing;
