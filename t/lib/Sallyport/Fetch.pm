# SPDX-License-Identifier: ISC
package Sallyport::Fetch;

# sallyport-fetch under test, and the HTTP server that it asks. A test is skipped
# where the program was built without libcurl.

use strict;
use warnings;

use Exporter qw(import);

use Sallyport;

our @EXPORT = qw(fetch_program fetch_ini fetch http_server);

my $servers = 0;
my $program;

# The program; skips the file if there is none.
sub fetch_program
{
	return $program if defined $program;
	$program = builddir . '/sallyport-fetch';

	need_tool('python3');
	plan(skip_all => 'built without libcurl') unless -x $program;
	# A proxy of this machine would be asked for what is on loopback.
	delete @ENV{qw(http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY
	    no_proxy NO_PROXY)};
	return $program;
}

# Starts a server of the files in FOLDER; with CERT, the name of one, by HTTPS.
# Its `url' is what paths begin with.
sub http_server
{
	my ($folder, $cert) = @_;
	my $name = 'http' . ++$servers;
	my $server = Sallyport::Proc->new(name => $name, slow => slow(),
		log => tmp("$name.log"), any_exit => 1);

	$server->launch('/usr/bin/env', 'python3',
		srcdir . '/t/lib/crl_server.py', $folder,
		$cert ? (pki->cert($cert), pki->key($cert)) : ());
	owned($server);
	my ($port) = $server->wait_log(qr/^port \d/) =~ /(\d+)/;
	$server->{url} = ($cert ? 'https://localhost:' : 'http://127.0.0.1:')
	    . $port;
	return $server;
}

# Writes NAME.ini with a [tls] that reads CRL, and these sections.
sub fetch_ini
{
	my ($name, $crl, %sections) = @_;
	my $tls = delete $sections{tls} || {};

	return write_file(tmp("$name.ini"), Sallyport::Daemon::ini_text(
		tls => { client_ca => pki->cert('client-ca'), crl => $crl,
			%$tls }, %sections));
}

# Runs the program to its end as the daemon's user: (exit code, what it said).
sub fetch
{
	my (@args) = @_;
	my ($code, $out, $err) = Sallyport::Proc::run_as_nobody(30 * slow(),
		fetch_program, @args);

	return ($code, $out . $err);
}

1;
