# SPDX-License-Identifier: ISC
package Bench::Table;

# The figures as a table, as JSON and as a plot.

use strict;
use warnings;

use JSON::PP;

sub new
{
	my ($class, $rows, $names, $cells, $bad) = @_;

	return bless { rows => $rows, names => $names, cells => $cells,
		bad => $bad }, $class;
}

# undef for a cell that failed in any round, or was never measured.
sub median
{
	my ($self, $row, $name) = @_;
	my @v = sort { $a <=> $b } @{ $self->{cells}{$row}{$name} // [] };

	return undef if !@v || defined $self->{bad}{$row}{$name};
	return @v % 2 ? $v[ $#v / 2 ] : ($v[ @v / 2 - 1 ] + $v[ @v / 2 ]) / 2;
}

sub best_peer
{
	my ($self, $row) = @_;
	my $best;

	for my $name (@{ $self->{names} }) {
		next if $name =~ /^(?:sallyport|other|floor)$/;
		next if ($row->{against} // '') eq 'proxy'
		    && $name eq 'mosquitto';
		my $v = $self->median($row->{like} // $row->{name}, $name)
		    // next;
		$best = $v if !defined $best || $v < $best;
	}
	return $best;
}

# What the row asks of us, as (ratio, what it is, verdict).
sub judge
{
	my ($self, $row) = @_;
	my $us = $self->median($row->{name}, 'sallyport') // return ('', '');
	my $best = $self->best_peer($row);
	my $ratio = defined $best && $best > 0 ? $us / $best : undef;
	my $shown = defined $ratio ? sprintf('%.2f', $ratio) : '';

	if (defined $row->{self}) {
		my $base = $self->median($row->{self}, 'sallyport');
		return ($shown, '') if !defined $base;
		return ($shown, sprintf('%.2f of TLS, goal %.2f: %s',
		    $us / $base, $row->{self_goal},
		    verdict($us / $base <= $row->{self_goal})));
	}
	return ($shown, sprintf('<= %g %s: %s', $row->{limit}, $row->{unit},
	    verdict($us <= $row->{limit}))) if defined $row->{limit};
	my $goal = $self->goal($row);
	return ($shown, '') if !defined $goal || !defined $ratio;
	return ($shown, sprintf('<= %.2f: %s', $goal,
	    verdict($shown <= $goal)));
}

# Another one where the newest peers take part.
sub goal
{
	my ($self, $row) = @_;
	my $newest = grep { /-own$/ } @{ $self->{names} };

	return $newest && defined $row->{newest} ? $row->{newest} :
	    $row->{goal};
}

sub verdict { return $_[0] ? 'met' : 'MISSED' }

sub number
{
	my ($v, $unit) = @_;

	return '-' if !defined $v;
	return sprintf('%.2f', $v) if $unit eq 'ms';
	return sprintf($v < 100 ? '%.1f' : '%.0f', $v);
}

sub text
{
	my ($self) = @_;
	my @names = @{ $self->{names} };
	my $out = sprintf "\n%-48s %-7s" . ' %11s' x @names . ' %6s  %s\n',
	    'figure (medians)', 'unit', @names, 'ratio', 'goal';

	$out =~ s/\\n$/\n/;
	for my $row (@{ $self->{rows} }) {
		my %unit = (us => 'CPU-us', ns => 'CPU-ns', p50 => 'us',
		    p99 => 'us', 'ms/GiB' => 'CPU-ms', per_s => '1/s');
		$out .= sprintf "%-48s %-7s" . ' %11s' x @names . " %6s  %s\n",
		    $row->{text}, $unit{ $row->{unit} } // $row->{unit},
		    (map { defined $self->{bad}{ $row->{name} }{$_} ?
			'invalid' :
			number($self->median($row->{name}, $_),
			    $row->{unit}) } @names),
		    $self->judge($row);
	}
	return $out . $self->workers;
}

sub workers
{
	my ($self) = @_;
	my $one = $self->median('workers1', 'sallyport') // return '';
	my $two = $self->median('workers2', 'sallyport') // return '';
	my $cpu1 = $self->median('cpu1', 'sallyport') // return '';
	my $cpu2 = $self->median('cpu2', 'sallyport') // return '';

	return sprintf "\n2 workers to 1: %.2f (goal 1.80 where there are "
	    . "cores beside the generator's); CPU of a handshake %.2f\n",
	    $two / $one, $cpu2 / $cpu1;
}

sub write_json
{
	my ($self, $file, @versions) = @_;
	my %out = (versions => \@versions, rows => []);

	for my $row (@{ $self->{rows} }) {
		push @{ $out{rows} }, {
			name => $row->{name}, text => $row->{text},
			unit => $row->{unit}, goal => $self->goal($row),
			samples => $self->{cells}{ $row->{name} },
			failed => $self->{bad}{ $row->{name} },
			median => { map { $_ =>
			    $self->median($row->{name}, $_) }
			    @{ $self->{names} } },
		};
	}
	open my $f, '>', $file or die "$file: $!\n";
	print $f JSON::PP->new->pretty->canonical->encode(\%out);
	close $f;
	print "\nall samples: $file\n";
}

# Ratios to the best peer, a bar a row, if gnuplot is there.
sub plot
{
	my ($self, $file) = @_;
	my $svg = $file =~ s/\.json$/.svg/r;
	my $data = '';

	return if system('gnuplot --version >/dev/null 2>&1') != 0;
	for my $row (@{ $self->{rows} }) {
		my ($ratio) = $self->judge($row);
		next if $ratio eq '';
		$data .= "\"$row->{name}\" $ratio " . ($row->{goal} // 'NaN')
		    . "\n";
	}
	return if $data eq '';
	open my $g, '|-', 'gnuplot' or return;
	print $g <<END;
set terminal svg size 900,420
set output '$svg'
set style fill solid 0.6
set boxwidth 0.7
set yrange [0:1.6]
set ylabel 'of the best peer'
set xtics rotate by -40
set arrow from graph 0,first 1 to graph 1,first 1 nohead dt 2
\$data << EOD
${data}EOD
plot \$data using 0:2:xtic(1) with boxes title 'sallyport', \\
    '' using 0:3 with points pt 7 title 'goal'
END
	close $g;
	print "plot: $svg\n";
}

1;
