# SPDX-License-Identifier: ISC
# What zsh offers after Tab: complete.zsh FOLDER OUT LINE ...
#
# A zsh at a pseudo-terminal reads each line and a Tab. OUT gets what it offers,
# one on each line, quoted as it would be inserted, and "END" after each LINE.
# Exit status 77: there are no pseudo-terminals here.
zmodload zsh/zpty zsh/zselect
export COMPLETIONS=$1 OUT=$2
shift 2
: >$OUT

setup=$(cat <<'EOF'
fpath=($COMPLETIONS $fpath)
autoload -Uz compinit
compinit -u -D
setopt extendedglob
offer() {
	local -a hits
	compadd() {
		# With -O, -A or -D the caller only wants to know.
		[[ ${argv[(I)-[a-zA-Z]#[OAD]*]} -ne 0 ]] || {
			builtin compadd -A hits "$@"
			(($#hits)) && print -rl -- $hits >>$OUT
		}
		builtin compadd "$@"
	}
	_main_complete
	unfunction compadd
	compstate[insert]=
	compstate[list]=
	print END >>$OUT
}
zle -C offer list-choices offer
bindkey '^I' offer
bindkey '^U' kill-whole-line
print END >>$OUT
EOF
)
print -r -- $setup >$OUT.setup
zpty shell 'TERM=vt100 zsh -f -i' || exit 77
zpty -w shell "PS1=; . $OUT.setup"
ends=0
for line in '' "$@"; do
	[[ -z $line ]] || zpty -w -n shell "$line"$'\t'
	((++ends))
	while (($(grep -c '^END$' $OUT) < ends)); do
		# What it prints has to be read, or it waits.
		zpty -rt shell seen || zselect -t 1
	done
	zpty -w -n shell $'\C-u'
done
zpty -d shell
