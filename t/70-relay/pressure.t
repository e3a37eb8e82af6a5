#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# A peer does not read: the other side is paused, memory stays bounded, the other
# direction goes on, and in the end nothing is missing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex);
use Sallyport;

# More than the kernel's own buffers, of 32 MiB at most, can swallow.
my $packets = 700;
my $body = 65_536;
my $total = $packets * ($body + 4);
my %kernel = (rcvbuf => 65_536);
my $broker = peer('broker')->listen(%kernel);
my $proxy = sallyport(backend => { address => $broker->address },
	limits => { relay_buffer => '32k' });

for my $transport (qw(tls wss)) {
	my $c = peer->device($transport, device => 'ec', %kernel,
		port => $proxy->port($transport));
	my $b = $broker->session($c);

	for (['up', $c, $b], ['down', $b, $c]) {
		my ($way, $fast, $slow) = @$_;
		my $what = "$transport, $way";
		my $before = $proxy->rss;
		my $r = $fast->pump(packets => $packets, size => $body,
			stall => 300, timeout => 20_000);

		is($r->{status}, 'stalled', "$what: held back")
		    or diag(Sallyport::Peer::said($r));
		cmp_ok($r->{sent}, '<', $total, "$what: before the end");
		cmp_ok($proxy->rss - $before, '<', 4096,
			"$what: nothing is hoarded")
		    unless $proxy->sanitized;

		# The other direction is not paused.
		$slow->send(mqtt_publish(payload => 'hello'));
		is(hex($fast->packet), hex(mqtt_publish(payload => 'hello')),
			"$what: the other direction flows");

		# Now it reads.
		$slow->begin_pump(expect => $total, timeout => 20_000);
		$fast->begin_pump(continue => 1, timeout => 20_000);
		my ($got, $sent) = ($slow->finish, $fast->finish);
		is($got->{status}, 'ok', "$what: all comes in the end")
		    or diag(Sallyport::Peer::said($got));
		is($got->{received_sha256}, $sent->{sent_sha256},
			"$what: intact");
	}
	$_->close for $b, $c;
}

# The memory held for a client that stops reading is freed when it leaves.
my @guests = map {
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));
	$c->send(mqtt_connect());
	my $b = $broker->accept;
	$b->packet;
	$b->send(mqtt_connack());
	my $r = $b->pump(packets => 100, size => $body, stall => 50);
	[$c, $b]
} 1 .. 5;
for (@guests) {
	my ($c, $b) = @$_;
	$c->reset;
	isnt($b->command('recv', n => 0, quiet => 1)->{status}, 'timeout',
		'a client that did not read is reset: the broker hears');
	$b->close;
}

# A client that is paused resets its connection: the relay learns this when the
# broker sends the next data, and only then reads on.
for my $transport (qw(tls wss)) {
	my $c = peer->device($transport, device => 'ec',
		port => $proxy->port($transport));
	$c->send(mqtt_connect());
	my $b = $broker->accept;
	$b->packet;
	$b->send(mqtt_connack());
	$c->packet;
	my $from = $proxy->mark;
	$c->pump(packets => $packets, size => $body, stall => 50);
	$c->reset;
	$b->send(mqtt_publish(payload => 'hello?'));
	isnt($b->command('recv', n => 0, quiet => 1)->{status}, 'timeout',
		"$transport: reset while held back: the broker hears");
	ok($proxy->wait_close('relay_client_error', from => $from),
		"$transport: relay_client_error");
	$b->close;
}

# A session is ended while its broker has not yet read all that was sent to it,
# and the client has not read what the broker sent: closing must not reset the
# connections, because a reset discards data.
my $small = peer('small')->listen(rcvbuf => 8192);
for my $transport (qw(tls wss)) {
	my $proxy2 = sallyport(backend => { address => $small->address });
	my $c = peer->device($transport, device => 'ec', %kernel,
		port => $proxy2->port($transport));
	my $large = mqtt_publish(payload => 'x' x 40_000);
	my $b = $small->session($c);
	$b->pump(packets => $packets, size => $body, stall => 50);
	$c->send($large);
	$proxy2->signal('TERM');
	$proxy2->wait_close('relay_drained');
	is(sha256_hex($b->packet), sha256_hex($large),
		"$transport: sent away: the broker has all that was sent");
	is(hex($b->packet), 'e000', "$transport: and the DISCONNECT");
	$_->close for $b, $c;
	is($proxy2->wait_exit(5), 0, "$transport: then it is over");
}
done_testing;
