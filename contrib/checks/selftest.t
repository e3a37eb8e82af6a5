#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# A check that cannot fail is worse than none: each is shown a good tree, and
# then, one by one, the violations that it is there to find.
use strict;
use warnings;
use Test::More;
use File::Basename 'dirname';
use File::Path 'make_path';
use File::Temp 'tempdir';
use Cwd 'abs_path';

my $checks = abs_path(dirname($0));
my $style = abs_path("$checks/../../.clang-format");
my $cc = $ENV{CC} || 'cc';

my $alone = "/* A file of its own: the tests need one. */\n";
my $head = "/*\n * Says hello.\n */\n#ifndef MQTT_A_H\n#define MQTT_A_H\n\n";
our %good = (
	'src/mqtt/a.h' => $head .
	    "int mqtt_a_get(int n);\n\n#endif\n",
	'src/mqtt/a.c' => $alone . "#include \"mqtt/a.h\"\n\n" .
	    "static const char *const words[] = { \"a\", \"b\" };\n" .
	    "extern const char *const *const mqtt_a_words;\n" .
	    "const char *const *const mqtt_a_words = words;\n\n" .
	    "int\nmqtt_a_get(int n)\n{\n\treturn n;\n}\n",
	'Makefile.am' => "include src/mqtt/module.mk\n",
	'src/mqtt/module.mk' => "libx_a_SOURCES += \\\n\tsrc/mqtt/a.c " .
	    "src/mqtt/a.h \\\n\tsrc/base/b.h\n",
	't/40-mqtt/a.t' => "#!/usr/bin/perl\nok(1);\n",
	'src/base/b.h' =>
	    "#ifndef BASE_B_H\n#define BASE_B_H\n\n#endif\n",
	'etc/sallyport.ini' =>
	    "[tls]\ncertificate = x.crt ; PEM\n;crl_policy = hard ; or soft\n",
	'etc/sallyport.ini.5' =>
	    ".Ss The section [tls]\n.It Ic certificate\n.It Ic crl_policy\n",
);
my $help = "[tls] certificate = server.crt\n    A file.\n" .
    "[tls] crl_policy = hard\n    What.\n";

sub run_check {
	my ($name, $help_text, %files) = @_;
	my $dir = tempdir(CLEANUP => 1);
	my ($argument, $out) = ('', '');

	for my $file (keys %files) {
		make_path(dirname("$dir/$file"));
		open my $f, '>', "$dir/$file" or die;
		print $f $files{$file};
		close $f;
		chmod 0755, "$dir/$file" if $files{$file} =~ /^#!/;
	}
	open my $f, '>', "$dir/MANIFEST" or die;
	print $f "$_\n" for sort keys %files;
	close $f;
	symlink $style, "$dir/.clang-format" or die;
	if ($name eq 'check-options' || $name eq 'check-papers') {
		open $f, '>', "$dir/program" or die;
		print $f "#!/bin/sh\ncat <<'EOF'\n${help_text}EOF\n";
		close $f;
		chmod 0755, "$dir/program";
		$argument = './program';
	} elsif ($name eq 'check-budgets') {
		for my $c (grep { /^src.*\.c$/ } keys %files) {
			my $o = $c =~ tr{/}{_}r;
			$out = `cd $dir && $cc -Isrc -fPIE -c -o $o.o $c 2>&1
			    ar rc lib.a $o.o 2>&1`;
			die $out if $? != 0;
		}
		$argument = 'lib.a';
	}
	$out = `cd $dir && CC='$cc' CPPFLAGS=-Isrc $checks/$name $argument 2>&1`;
	return ($? == 0, $out);
}

sub passes {
	my ($name) = @_;
	my ($well, $out) = run_check($name, $help, %good);

	ok($well, "$name: passes a good tree") or diag($out);
	return;
}

# The good tree with some files changed must fail, with these words.
sub fails {
	my ($name, $words, $why, %changes) = @_;
	my $help_text = delete $changes{help} // $help;
	my ($well, $out) = run_check($name, $help_text, %good, %changes);

	ok(!$well && $out =~ $words, "$name: finds $why") or diag($out);
	return;
}

sub with_body {
	my ($body) = @_;
	return "$alone#include \"mqtt/a.h\"\n\nint\nmqtt_a_get(int n)\n{\n" .
	    "$body\treturn n;\n}\n";
}

SKIP: {
	skip 'no clang-format', 2 if system('which clang-format >/dev/null');
	passes('check-format');
	fails('check-format', qr{a\.c:7:}, 'spaces for a tab',
	    'src/mqtt/a.c' => with_body("        n++;\n"));
}

passes('check-headers');
fails('check-headers', qr{must be MQTT_A_H}, 'another guard',
    'src/mqtt/a.h' => $good{'src/mqtt/a.h'} =~ s/MQTT_A_H/A_H/gr);
fails('check-headers', qr{does not compile alone}, 'a missing include',
    'src/mqtt/a.h' => $head . "size_t mqtt_a_get(size_t n);\n#endif\n");
fails('check-headers', qr{include "mqtt/a.h" first}, 'a header before its own',
    'src/mqtt/a.c' => "#include <stdio.h>\n" . $good{'src/mqtt/a.c'});

passes('check-layers');
for (
	[ 'src/relay/a.c', '"tls/ctx.h"', qr{never include each other} ],
	[ 'src/base/a.c', '"io/loop.h"', qr{is pure} ],
	[ 'src/io/a.c', '"domain/reason.h"', qr{is below} ],
	[ 'src/config/a.c', '"session/session.h"', qr{is below} ],
	[ 'src/session/a.c', '"runtime/worker.h"', qr{is below} ],
	[ 'src/runtime/a.c', '"admin/http.h"', qr{is below} ],
	[ 'src/mqtt/connect.c', '"io/stream.h"', qr{is pure} ],
	[ 'src/ws/upgrade.c', '"io/stream.h"', qr{is pure} ],
	[ 'src/identity/template.c', '"io/stream.h"', qr{is pure} ],
	[ 'src/tls/a.c', '"mqtt/connect_read.h"', qr{never include each other} ],
	[ 'src/tls/a.c', '"ctx.h"', qr{say the folder} ],
	[ 'src/relay/a.c', '<event2/event.h>', qr{does not belong} ],
	[ 'src/mqtt/a.c', '<openssl/ssl.h>', qr{does not belong} ],
	[ 'src/ws/a.c', '<openssl/sha.h>', qr{does not belong} ],
	[ 'src/ws/upgrade.c', '<openssl/ssl.h>', qr{does not belong} ],
	[ 'src/mqtt/a.c', '<wslay/wslay.h>', qr{does not belong} ],
	[ 'src/config/check.c', '<ini.h>', qr{does not belong} ],
	[ 'src/extra/a.c', '<stdio.h>', qr{no such layer} ],
) {
	my ($file, $what, $words) = @$_;
	fails('check-layers', $words, "$what in $file",
	    $file => "#include $what\n");
}
fails('check-layers', qr{not heard of}, 'struct session in a stage',
    'src/ws/a.h' => "struct session;\n");

passes('check-budgets');
fails('check-budgets', qr{1001 lines}, 'a long file',
    'src/mqtt/a.c' => "\n" x 1001);
fails('check-budgets', qr{301 lines}, 'a long header',
    'src/mqtt/a.h' => "\n" x 301);
fails('check-budgets', qr{mqtt_a_get is 101 lines}, 'a long function',
    'src/mqtt/a.c' => with_body("\tn++;\n" x 97));
fails('check-budgets', qr{1 of 1 functions}, 'too many middling functions',
    'src/mqtt/a.c' => with_body("\tn++;\n" x 60));
fails('check-budgets', qr{81 columns}, 'a wide line',
    'src/mqtt/a.c' => "\t/*" . ' ' x 69 . "*/\n");
fails('check-budgets', qr{nested 4 deep}, 'deep nesting',
    'src/mqtt/a.c' => with_body("\tif (n) {\n\t\tfor (;;) {\n" .
    "\t\t\twhile (n) {\n\t\t\t\tdo {\n\t\t\t\t} while (n);\n\t\t\t}\n" .
    "\t\t}\n\t}\n"));
fails('check-budgets', qr{inside a function}, '#if in a body',
    'src/mqtt/a.c' => with_body("#if 1\n#endif\n"));
fails('check-budgets', qr{7 parameters}, 'too many parameters',
    'src/mqtt/a.c' => "${alone}int\nmqtt_a_get(int a, void (*b)(int, int), " .
    "int c,\n    int d, int e, int f, int g)\n{\n\treturn a;\n}\n");
fails('check-budgets', qr{small part of a subject}, 'a file that is too short',
    'src/mqtt/a.c' => $good{'src/mqtt/a.c'} =~ s/of its own/alone/r);
fails('check-budgets', qr{2 #if in}, 'too many #if',
    'src/mqtt/a.c' => "#if 1\n#endif\n#if 1\n#endif\n" .
    $good{'src/mqtt/a.c'});
for my $global ('int n;', 'int n = 1;', '_Thread_local int n;',
    'const char *n;') {
	fails('check-budgets', qr{n is a global}, "the global `$global'",
	    'src/mqtt/a.c' => "$global\n");
}

passes('check-names');
fails('check-names', qr{helper: exported}, 'an exported name without its place',
    'src/mqtt/a.c' => "int\nhelper(int n)\n{\n\treturn n;\n}\n",
    'src/mqtt/a.h' => "int helper(int n);\n");
fails('check-names', qr{make it static}, 'what should be static',
    'src/mqtt/a.c' => "int\nmqtt_b(int n)\n{\n\treturn n;\n}\n");

my $licence = 'SPDX-License-Identifier: ISC';
my %licensed = (%good, COPYING => "Yours\n",
	'src/mqtt/a.c' => "/* $licence */\n", 'src/mqtt/a.h' => "/* $licence */\n",
	'src/base/b.h' => "/* $licence */\n",
	't/40-mqtt/a.t' => "#!/usr/bin/perl\n# $licence\n");
{
	local %good = %licensed;
	passes('check-licence');
	fails('check-licence', qr{a\.t:1: add}, 'a script without a licence',
	    't/40-mqtt/a.t' => "#!/usr/bin/perl\n");
	fails('check-licence', qr{a\.c:1: add}, 'a source without a licence',
	    'src/mqtt/a.c' => "\n");
}

passes('check-tests');
fails('check-tests', qr{not executable}, 'a test that cannot run',
    't/40-mqtt/a.t' => "ok(1);\n");
fails('check-tests', qr{a\.t:2: sleeps}, 'a sleep',
    't/40-mqtt/a.t' => "#!/usr/bin/perl\nsleep 1;\n");
fails('check-tests', qr{b\.c:1: no module\.mk}, 'a file that nothing builds',
    'src/base/b.c' => "\n");

passes('check-options');
fails('check-options', qr{sallyport\.ini:.*lacks \[tls\] x}s,
    'an undocumented option', help => $help . "[tls] x = 1\n    Help.\n");
fails('check-options', qr{\.ini:1: no such section: ssl}, 'a strange section',
    'etc/sallyport.ini' => "[ssl]\n" . $good{'etc/sallyport.ini'});
fails('check-options', qr{\.ini:4: no such option: \[tls\] y}, 'a strange key',
    'etc/sallyport.ini' => $good{'etc/sallyport.ini'} . "y = 1\n");
fails('check-options', qr{the default is "hard"}, 'a false default',
    'etc/sallyport.ini' => "[tls]\ncertificate = x\n;crl_policy = soft\n");
fails('check-options', qr{\.ini\.5:.*lacks \[tls\] crl_policy},
    'an option missing in the manual',
    'etc/sallyport.ini.5' => ".Ss [tls]\n.It Ic certificate\n");
fails('check-options', qr{lists none}, 'a program that lists none', help => '');

my %papers = (
	'etc/sallyport.ini.5' => ".Ss [tls]\\&\n.It Ic a No = Cm 1 , 2\nWhat.\n" .
	    "Takes 1, 2; changed by a reload.\n.It Ic b No =\nWhat.\n" .
	    "Takes text; changed by a restart only.\n",
	'src/domain/reason.h' => "X(NONE, \"none\", 0, 0, \"nothing\") \\\n" .
	    "/* tls */ \\\nX(A, \"tls_a\", 0, 0, \"one \" \\\n\t\"two\") \\\n" .
	    "X(B, \"tls_b\", 0, 0x86, \"three\")\n",
	'etc/sallyport.8' => ".Sh REASONS\n.It Sy tls_a\none\ntwo\n" .
	    ".It Sy tls_b Pq - , 0x86\nthree\n.El\n.Sh LOGGING\n" .
	    ".It Cm up , down\n",
	'etc/sallyport-fetch.8' => ".It Cm got\n",
	'src/fetch/a.c' => "log_event(LEVEL, \"got\");\n",
	'src/base/a.c' => "log_begin(&l, LEVEL,\n    b ? \"up\" : \"down\");\n",
);
my $papers_help = "[tls] a = 1, 2\n    What.\n    Takes: 1, 2\n" .
    "    Changed: by a reload\n\n[tls] b =\n    What.\n    Takes: text\n" .
    "    Changed: by a restart only\n";

sub papers {
	my ($words, $why, $file, $from, $to) = @_;
	my %files = %papers;

	$files{$file} =~ s/\Q$from\E/$to/ or die "$why: no $from" if $file;
	my ($well, $out) = run_check('check-papers', $papers_help, %files);
	ok($words ? !$well && $out =~ $words : $well,
	    "check-papers: $why") or diag($out);
	return;
}

papers(undef, 'passes a good tree');
for (
	[ qr{5:2: .*default is "1, 2"}, 'a false default', 'ini.5', '1 ,', '3 ,' ],
	[ qr{5:4: .*takes 1, 2}, 'false values', 'ini.5', 's 1', 's 3' ],
	[ qr{5:7: .*changed by a restart}, 'a false reload', 'ini.5',
	    'restart only', 'reload' ],
	[ qr{no line .* \[tls\] b}, 'a missing option', 'ini.5', 'Takes text',
	    'It takes text' ],
	[ qr{8:2: tls_a: one two}, 'another text', '8', 'two', 'three' ],
	[ qr{8:5: tls_b: \(-, 0x86\) three}, 'a false code', '8', '0x86',
	    '0x87' ],
	[ qr{lacks tls_b: .*three}, 'a missing reason', '8', '.It Sy tls_b',
	    '.It' ],
	[ qr{no such reason: tls_c}, 'a strange reason', '8', 'tls_b', 'tls_c' ],
	[ qr{a\.c:1: event down is in no}, 'an event', '8', 'down', 'dawn' ],
) {
	my ($words, $why, $file, $from, $to) = @$_;
	papers($words, "finds $why", "etc/sallyport.$file", $from, $to);
}

SKIP: {
	skip 'no mandoc', 2 if system('which mandoc >/dev/null');
	my $page = ".Dd \$Mdocdate\$\n.Dt A 5\n.Os\n.Sh NAME\n.Nm a\n" .
	    ".Nd b\n.Sh DESCRIPTION\nWords.\n";
	$good{'etc/sallyport.ini.5'} = $page;
	passes('check-manuals');
	fails('check-manuals', qr{ini\.5:9}, 'an unknown macro',
	    'etc/sallyport.ini.5' => "$page.Zz\n");
}
done_testing();
