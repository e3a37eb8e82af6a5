#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Several lists: servers that say nothing hold up no other list. And what a
# killed sallyport-fetch left in a folder is removed, but not what another one is
# writing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Fcntl qw(:flock);
use Sallyport;
use Sallyport::Fetch;

my $program = fetch_program;
my ($web, $folder) = (tmp('web'), tmp('lists'));
mkdir $_ or die "$_: $!" for $web, $folder;
chown +(getpwnam 'nobody')[2, 3], $folder if $> == 0;
my $http = http_server($web);
pki->crl("$web/ca.crl", 'client-ca', number => '01', last_at => time - 60);

sub section
{
	my ($name, $path) = @_;

	return "fetch $name" => { url => "$http->{url}$path",
		file => "$folder/$name.crl", timeout => '1h' };
}

# Seven say nothing for an hour, and stand before the others.
my @silent = map { "a$_" } 1 .. 7;
my @good = map { "b$_" } 1 .. 9;
my $ini = fetch_ini('many', $folder, (map { section($_, '/stall') } @silent),
	map { section($_, '/file/ca.crl') } @good);

my @left = map { "$folder/.b1.crl.$_" } qw(AbC123 zzzzzz);
my @other = map { "$folder/$_" } qw(.b1.crl.longer-name .b1.crl .x.crl.AbC123);
write_file($_, 'half a list') for @left, @other;
my $busy = write_file("$folder/.b2.crl.AbC123", 'being written');
open my $writer, '+<', $busy or die "$busy: $!";
flock $writer, LOCK_EX or die "$busy: $!";

my $stay = owned(Sallyport::Proc->new(name => 'fetch', drop => 1,
	slow => slow, log => tmp('many.log')));
$stay->launch($program, '--stay', '-c', $ini);
ok($stay->wait_log(qr/event=fetch_new fetch=$_ /, from => 0),
	"$_: there, while seven servers are silent") for @good;
is(scalar(grep { -s "$folder/$_.crl" } @good), @good, 'the files, too');
is(scalar(grep { -e } @left), 0, 'what a killed process left is gone');
is(scalar(grep { -e } @other), @other, 'but no other file');
ok(-e $busy, 'nor one that is being written');
$stay->signal('TERM');
is($stay->wait_exit(20), 0, 'SIGTERM ends all downloads');

# Killed in the middle, and started again.
$stay = owned(Sallyport::Proc->new(name => 'killed', drop => 1, any_exit => 1,
	slow => slow, log => tmp('killed.log')));
$stay->launch($program, '--stay', '-c', $ini);
$stay->wait_log(qr/event=fetch_unchanged fetch=b9 /);
$stay->signal('KILL');
$stay->wait_exit(20);
close $writer;
my ($code, $said) = fetch('-c', fetch_ini('one', $folder,
	section('b2', '/file/ca.crl')));
is($code, 0, 'the next one') or diag($said);
ok(!-e $busy, 'removes the file whose writer is gone');

# The worst of all outcomes is the exit code.
($code, $said) = fetch('-c', fetch_ini('mixed', $folder,
	section('b1', '/file/ca.crl'), section('b2', '/status/500'),
	section('b3', '/html'), section('b4', '/file/ca.crl')));
is($code, 65, 'one refused, one failed: exit code') or diag($said);
like($said, qr/fetch_unchanged fetch=$_ /, "$_: told") for qw(b1 b4);
like($said, qr/fetch_failed: \[fetch b2\]|event=fetch_failed.*fetch b2/,
	'b2: told');
done_testing;
