# SPDX-License-Identifier: ISC
package Sallyport::Kube;

# The manifests of contrib/kubernetes: read by t/lib/kube.js, their volumes
# laid out as a kubelet does, their configurations run by the real daemon.

use strict;
use warnings;

use File::Path qw(make_path remove_tree);
use JSON::PP ();
use MIME::Base64;

use Sallyport::Pki;
use Sallyport::Proc;

# Runs t/lib/kube.js: its answer for each path. Fields: srcdir, modules (where
# the npm packages of t/lib/kube.packages are).
sub ask
{
	my ($where, $verb, @paths) = @_;
	my ($code, $out, $err) = Sallyport::Proc::run(
		60 * ($ENV{SALLYPORT_TEST_SLOW} || 1), 'node',
		"$where->{srcdir}/t/lib/kube.js", $where->{modules}, $verb,
		@paths);

	die "kube.js $verb @paths: $err" if $code != 0;
	return JSON::PP::decode_json($out);
}

# The one object of a kind, and of a name where that is given.
sub one
{
	my ($kind, $name, @objects) = @_;
	my @found = grep { $_->{kind} eq $kind
	    && (!defined $name || $_->{metadata}{name} eq $name) } @objects;

	die "there are " . @found . " $kind" if @found != 1;
	return $found[0];
}

# What runs our pods: the template of the Deployment or StatefulSet.
sub pod
{
	my ($pod) = grep { sallyport($_) } map { $_->{spec}{template}{spec} }
	    grep { $_->{kind} =~ /^(?:Deployment|StatefulSet)$/ } @_;

	return $pod;
}

# Containers of a pod, sidecars too.
sub containers
{
	my ($pod) = @_;

	return (@{ $pod->{initContainers} || [] }, @{ $pod->{containers} });
}

# The one that is ours.
sub sallyport
{
	return (grep { $_->{name} eq 'sallyport' } containers($_[0]))[0];
}

# What the volume at /etc/sallyport has in it: name => contents. What the
# manifests leave to be made, keys and CAs, is in OUTSIDE as "NAME/KEY".
sub files
{
	my ($outside, @objects) = @_;
	my $pod = pod(@objects);
	my ($mount) = grep { $_->{mountPath} eq '/etc/sallyport' }
	    @{ sallyport($pod)->{volumeMounts} };
	my ($volume) = grep { $_->{name} eq $mount->{name} }
	    @{ $pod->{volumes} };
	my %files;

	for my $source (@{ $volume->{projected}{sources} }) {
		my $from = $source->{configMap} || $source->{secret};
		my ($data) = map { $_->{data} } grep {
			$_->{kind} eq 'ConfigMap'
			    && $_->{metadata}{name} eq $from->{name}
		} @objects;
		for my $item (@{ $from->{items} }) {
			$files{ $item->{path} } = $data
			    ? $data->{ $item->{key} }
			    : $outside->{"$from->{name}/$item->{key}"};
			die "$from->{name} has no $item->{key}\n"
			    unless defined $files{ $item->{path} };
		}
	}
	return %files;
}

# The variables of the container: what its envFrom names.
sub environment
{
	my (@objects) = @_;
	my $c = sallyport(pod(@objects));

	return map { %{ one('ConfigMap', $_->{configMapRef}{name}, @objects)
	    ->{data} } } @{ $c->{envFrom} || [] };
}

# Puts files into a volume as a kubelet does: a folder of its own, links to
# ..data, which is swapped; the old folder goes. Readable for the group only.
sub lay_out
{
	my ($volume, %files) = @_;
	my $old = readlink "$volume/..data";
	my $new = '..' . (defined $old ? 1 + substr $old, 2 : 1);
	my $gid = $> == 0 ? (getpwnam 'nobody')[3] : -1;

	make_path("$volume/$new");
	for my $name (keys %files) {
		my $path = Sallyport::Pki::write_all("$volume/$new/$name",
			$files{$name});
		chown -1, $gid, $path;
		chmod 0440, $path;
		symlink "..data/$name", "$volume/$name";
	}
	symlink $new, "$volume/..data_tmp" or die "$volume: $!";
	rename "$volume/..data_tmp", "$volume/..data" or die "$volume: $!";
	remove_tree("$volume/$old") if defined $old;
}

# The configuration in a manifest, without a parser for YAML.
sub ini_of
{
	my ($manifest) = @_;
	my ($text) = Sallyport::Pki::read_all($manifest)
	    =~ /^  sallyport\.ini: \|\n((?:    .*\n|\n)+)/m;

	die "$manifest has no sallyport.ini\n" unless defined $text;
	return $text =~ s/^    //gmr;
}

# Runs the script of the CronJob that changes the ticket keys, with a kubectl
# that has the Secret in the folder DIR: the new content of the file.
sub rotate
{
	my ($manifest, $dir, $keys) = @_;
	my ($script) = Sallyport::Pki::read_all($manifest)
	    =~ /^( +)- \|\n((?:\1  .*\n)+)/m ? $2 : die $manifest;

	make_path("$dir/bin");
	Sallyport::Pki::write_all("$dir/secret", encode_base64($keys, ''));
	my $kubectl = Sallyport::Pki::write_all("$dir/bin/kubectl", <<'END');
#!/bin/sh
case "$*" in
'get secret sallyport-tickets -o jsonpath={.data.keys}') cat secret ;;
'patch secret sallyport-tickets --patch-file patch') cp patch patched ;;
*) exit 1 ;;
esac
END
	chmod 0755, $kubectl;
	my ($code, $out, $err) = Sallyport::Proc::run(20, 'env', "WORK=$dir",
		"PATH=$dir/bin:$ENV{PATH}", '/bin/sh', '-euc', $script);
	die "the CronJob: exit $code\n$out$err" if $code != 0;
	return decode_base64(JSON::PP::decode_json(Sallyport::Pki::read_all(
		"$dir/patched"))->{data}{keys});
}

# An ini file as sections.
sub sections
{
	my ($text) = @_;
	my (%sections, $at);

	for (split /\n/, $text) {
		$at = $sections{$1} ||= {} if /^\[(.*)\]$/;
		$at->{$1} = $2 if /^(\w+) = (.*)$/;
	}
	return %sections;
}

1;
