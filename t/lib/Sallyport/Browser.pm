# SPDX-License-Identifier: ISC
package Sallyport::Browser;

# A headless Chromium, driven through --remote-debugging-pipe: commands and
# answers of the DevTools protocol as JSON that ends in a NUL. One page.

use strict;
use warnings;

use Fcntl qw(F_DUPFD);
use JSON::PP;
use MIME::Base64;
use POSIX qw(dup2 _exit);
use Time::HiRes qw(time);

my $json = JSON::PP->new->utf8->allow_nonref;

# Fields: dir (an empty folder of its own), slow. Undef, with the reason in $@,
# when there is no Chromium here that runs.
sub start
{
	my ($class, %arg) = @_;
	my $self = bless {
		%arg, slow => $arg{slow} || 1, id => 0, rest => '',
		events => [], said => [],
	}, $class;

	pipe my $to_r, my $to_w or die "pipe: $!";
	pipe my $from_r, my $from_w or die "pipe: $!";
	$self->{pid} = fork // die "fork: $!";
	child($arg{dir}, $to_r, $from_w) if $self->{pid} == 0;
	close $_ for $to_r, $from_w;
	@$self{qw(to from)} = ($to_w, $from_r);
	return $self if eval { $self->attach; 1 };
	$self->stop;
	return;
}

# Descriptors 3 and 4 are the pipe. All that is not needed stays off, and
# nothing is asked of the network.
sub child
{
	my ($dir, $read, $write) = @_;

	alarm 0;
	$SIG{$_} = 'DEFAULT' for qw(ALRM PIPE INT TERM HUP);
	mkdir $dir;
	@ENV{qw(HOME XDG_CONFIG_HOME XDG_CACHE_HOME)} = ($dir) x 3;
	open STDIN, '<', '/dev/null' or _exit(127);
	open STDOUT, '>', "$dir/stdout" or _exit(127);
	open STDERR, '>', "$dir/stderr" or _exit(127);
	# Moves them first: they may be 3 and 4 themselves.
	my ($r, $w) = map { fcntl $_, F_DUPFD, 10 } $read, $write;
	dup2($r, 3);
	dup2($w, 4);
	setpgrp;
	exec 'chromium', qw(--headless --no-sandbox --disable-gpu
	    --disable-quic --no-first-run --disable-background-networking
	    --disable-component-update --disable-sync --disable-dev-shm-usage
	    --hide-scrollbars --force-color-profile=srgb
	    --remote-debugging-pipe), "--user-data-dir=$dir", 'about:blank'
	    or _exit(127);
}

sub attach
{
	my ($self) = @_;
	my $targets = $self->ask('Target.getTargets')->{targetInfos};
	my ($page) = grep { $_->{type} eq 'page' } @$targets;
	my $id = $page ? $page->{targetId}
	    : $self->ask('Target.createTarget', url => 'about:blank')
	    ->{targetId};

	$self->{session} = $self->ask('Target.attachToTarget',
		targetId => $id, flatten => JSON::PP::true)->{sessionId};
	$self->ask("$_.enable") for qw(Page Runtime Log);
}

# One message of the browser; dies when none comes in time.
sub message
{
	my ($self, $until) = @_;

	my $end;

	while (($end = index $self->{rest}, "\0") == -1) {
		my $bits = '';
		my $left = $until - time;

		vec($bits, fileno $self->{from}, 1) = 1;
		die "the browser does not answer\n"
		    if $left <= 0 || select($bits, undef, undef, $left) <= 0;
		sysread($self->{from}, $self->{rest}, 65536,
			length $self->{rest})
		    or die "the browser has ended\n";
	}
	my $text = substr $self->{rest}, 0, $end + 1, '';
	return $json->decode(substr $text, 0, -1);
}

# What the page complains of.
sub note_event
{
	my ($self, $m) = @_;
	my $p = $m->{params};

	push @{ $self->{events} }, $m->{method};
	push @{ $self->{said} }, $p->{entry}{text} . ' '
	    . ($p->{entry}{url} // '') if $m->{method} eq 'Log.entryAdded';
	push @{ $self->{said} }, $p->{exceptionDetails}{text} . ' '
	    . ($p->{exceptionDetails}{exception}{description} // '')
	    if $m->{method} eq 'Runtime.exceptionThrown';
	push @{ $self->{said} }, map { $_->{value} // $_->{description} }
	    @{ $p->{args} } if $m->{method} eq 'Runtime.consoleAPICalled';
}

# A command and its result; dies when the browser refuses it.
sub ask
{
	my ($self, $method, %params) = @_;
	my $id = ++$self->{id};
	my $until = time + 20 * $self->{slow};
	my %m = (id => $id, method => $method, params => \%params);

	$m{sessionId} = $self->{session} if defined $self->{session};
	my $bytes = $json->encode(\%m) . "\0";
	while (length $bytes) {
		my $n = syswrite $self->{to}, $bytes;
		die "the browser has ended\n" unless $n;
		substr $bytes, 0, $n, '';
	}
	for (;;) {
		my $got = $self->message($until);
		if (!defined $got->{id}) {
			$self->note_event($got);
			next;
		}
		next if $got->{id} != $id;
		die "$method: $got->{error}{message}\n" if $got->{error};
		return $got->{result};
	}
}

# Loads a page and waits until it is there.
sub open
{
	my ($self, $url) = @_;
	my $until = time + 20 * $self->{slow};

	@{ $self->{events} } = ();
	my $r = $self->ask('Page.navigate', url => $url);
	die "$url: $r->{errorText}\n" if $r->{errorText};
	until (grep { $_ eq 'Page.loadEventFired' } @{ $self->{events} }) {
		my $m = $self->message($until);
		$self->note_event($m) unless defined $m->{id};
	}
}

# The value of an expression in the page; promises are waited for.
sub js
{
	my ($self, $expression) = @_;
	my $r = $self->ask('Runtime.evaluate', expression => $expression,
		returnByValue => JSON::PP::true,
		awaitPromise => JSON::PP::true);

	die "$expression: $r->{exceptionDetails}{exception}{description}\n"
	    if $r->{exceptionDetails};
	return $r->{result}{value};
}

# The viewport in CSS pixels; a phone's has a touch screen.
sub size
{
	my ($self, $width, $height, %arg) = @_;

	$self->ask('Emulation.setDeviceMetricsOverride', width => $width,
		height => $height, deviceScaleFactor => $arg{scale} || 1,
		mobile => $arg{phone} ? JSON::PP::true : JSON::PP::false);
}

# light or dark.
sub scheme
{
	my ($self, $scheme) = @_;

	$self->ask('Emulation.setEmulatedMedia', features => [
		{ name => 'prefers-color-scheme', value => $scheme } ]);
}

sub press
{
	my ($self, $key) = @_;
	my %code = (Tab => 9, Enter => 13, ' ' => 32);

	$self->ask('Input.dispatchKeyEvent', type => $_, key => $key,
		code => $key eq ' ' ? 'Space' : $key,
		windowsVirtualKeyCode => $code{$key},
		$key eq 'Tab' ? () : (text => $key eq ' ' ? ' ' : "\r"))
	    for qw(keyDown keyUp);
}

# What a screen reader is told: [role, name] of all that is not ignored.
sub accessible
{
	my ($self) = @_;
	my $nodes = $self->ask('Accessibility.getFullAXTree')->{nodes};

	return map { [ $_->{role}{value}, $_->{name}{value} // '' ] }
	    grep { !$_->{ignored} } @$nodes;
}

# The whole page as a picture, for people to look at.
sub picture
{
	my ($self, $file) = @_;
	my $r = $self->ask('Page.captureScreenshot',
		captureBeyondViewport => JSON::PP::true, format => 'png');

	CORE::open my $fh, '>:raw', $file or die "$file: $!";
	print $fh decode_base64($r->{data});
	close $fh or die "$file: $!";
}

# What the page has complained of so far.
sub said
{
	return @{ $_[0]->{said} };
}

# Chromium is many processes: all of our group.
sub stop
{
	my ($self) = @_;

	return unless $self->{pid};
	close $_ for grep { defined } @$self{qw(to from)};
	kill 'KILL', -$self->{pid}, $self->{pid};
	waitpid delete $self->{pid}, 0;
}

sub DESTROY
{
	local ($?, $@);
	$_[0]->stop;
}

1;
