# SPDX-License-Identifier: ISC
# What the house checks share: which files, and how to complain.
package House;

use strict;
use warnings;
use Exporter 'import';
our @EXPORT = qw(tracked lines complain finish);

my $complaints = 0;

# Files that git tracks (outside git: the release's MANIFEST) and that match.
sub tracked {
	my ($pattern) = @_;
	my @files = -e '.git' ? `git ls-files` : ();
	if (!-e '.git') {
		open my $in, '<', 'MANIFEST' or die "no git, no MANIFEST\n";
		@files = <$in>;
	}
	chomp @files;
	return grep { $_ =~ $pattern && -f $_ } @files;
}

sub lines {
	my ($file) = @_;
	open my $in, '<:encoding(UTF-8)', $file or die "$file: $!\n";
	my @lines = <$in>;
	chomp @lines;
	return @lines;
}

# As a compiler would say it, so that editors jump there.
sub complain {
	my ($file, $line, $text) = @_;
	print STDERR "$file:$line: $text\n";
	$complaints++;
	return;
}

sub finish {
	my ($name, $all_well) = @_;
	print $complaints == 0 ? "$name: $all_well\n" :
	    "$name: $complaints to mend\n";
	exit($complaints == 0 ? 0 : 1);
}

1;
