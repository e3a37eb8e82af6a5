# Fish completion for sallyportctl. Users, ClientIDs and listeners are those that
# the daemon has now, if it answers.

function __sallyportctl_values
	set -l field $argv[1]
	set -l tokens (commandline -opc)
	set -l socket
	for i in (seq (count $tokens))
		switch $tokens[$i]
			case -s --socket
				set socket $tokens[(math $i + 1)]
			case '--socket=*'
				set socket (string replace -- --socket= '' $tokens[$i])
			case '-s*'
				set socket (string replace -- -s '' $tokens[$i])
		end
	end
	set -l call (string replace -r '^~/' "$HOME/" -- $tokens[1] $socket)
	set -q call[2]; and set call $call[1] -s $call[2]
	$call -j $argv[2..-1] 2>/dev/null |
		sed -n "s/^ *\"$field\": \"\([^\"\\\\]*\)\",\{0,1\}\$/\1/p" | sort -u
end

# Prints the word after the command NAME, if that is a kind.
function __sallyportctl_kind
	set -l tokens (commandline -opc)
	set -l at (contains -i -- $argv[1] $tokens); or return 1
	for token in $tokens[$at..-1]
		if contains -- $token $__sallyportctl_kinds
			echo $token
			return
		end
	end
	return 1
end

# Prints WHO after KIND: those who are connected, or those in the deny list.
function __sallyportctl_who
	set -l kind (__sallyportctl_kind $argv[1])
	switch "$argv[1] $kind"
		case 'allow *'
			__sallyportctl_values who denied --as $kind
		case 'deny username'
			__sallyportctl_values user sessions
		case 'deny clientid'
			__sallyportctl_values client_id sessions
		case 'deny sha256'
			__sallyportctl_values cert_sha256 sessions
	end
end

set -l commands status sessions kick deny allow denied reload drain metrics \
	cert log
set -g __sallyportctl_kinds clientid username peerhost peerhost_net clientid_re username_re cn serial sha256 spki san

complete -c sallyportctl -f
complete -c sallyportctl -s s -l socket -rF -d 'socket of the daemon'
complete -c sallyportctl -s j -l json -d 'JSON instead of tables'
complete -c sallyportctl -s V -l version -d 'print the version'
complete -c sallyportctl -s h -l help -d 'print a summary'
complete -c sallyportctl -n "not __fish_seen_subcommand_from $commands" -a status -d 'what the daemon does and how it is'
complete -c sallyportctl -n "not __fish_seen_subcommand_from $commands" -a sessions -d 'list the connections'
complete -c sallyportctl -n "not __fish_seen_subcommand_from $commands" -a kick -d 'close live sessions'
complete -c sallyportctl -n "not __fish_seen_subcommand_from $commands" -a deny -d 'refuse a client and close its sessions'
complete -c sallyportctl -n "not __fish_seen_subcommand_from $commands" -a allow -d 'remove an entry from the deny list'
complete -c sallyportctl -n "not __fish_seen_subcommand_from $commands" -a denied -d 'print the deny list'
complete -c sallyportctl -n "not __fish_seen_subcommand_from $commands" -a reload -d 'load the configuration again'
complete -c sallyportctl -n "not __fish_seen_subcommand_from $commands" -a drain -d 'let all sessions leave, then exit'
complete -c sallyportctl -n "not __fish_seen_subcommand_from $commands" -a metrics -d 'all numbers, for Prometheus'
complete -c sallyportctl -n "not __fish_seen_subcommand_from $commands" -a cert -d 'when certificates expire'
complete -c sallyportctl -n "not __fish_seen_subcommand_from $commands" -a log -d 'set the log level'
complete -c sallyportctl -n '__fish_seen_subcommand_from sessions kick' -l user -x -a '(__sallyportctl_values user sessions)' -d 'Username'
complete -c sallyportctl -n '__fish_seen_subcommand_from sessions kick' -l client-id -x -a '(__sallyportctl_values client_id sessions)' -d 'ClientID'
complete -c sallyportctl -n '__fish_seen_subcommand_from sessions kick' -l cert -x -a '(__sallyportctl_values cert_sha256 sessions)' -d 'SHA-256 of the certificate'
complete -c sallyportctl -n '__fish_seen_subcommand_from sessions kick' -l peer -x -d 'address or network'
complete -c sallyportctl -n '__fish_seen_subcommand_from sessions kick' -l listener -x -a '(__sallyportctl_values listener status)' -d 'listener'
complete -c sallyportctl -n '__fish_seen_subcommand_from sessions kick' -l backend -x -a '(__sallyportctl_values backend status)' -d 'backend'
complete -c sallyportctl -n '__fish_seen_subcommand_from sessions kick' -l min-age -x -d 'connected for at least'
complete -c sallyportctl -n '__fish_seen_subcommand_from sessions kick' -l max-age -x -d 'connected for at most'
complete -c sallyportctl -n '__fish_seen_subcommand_from sessions kick' -l sid -x -d 'number of the session'
complete -c sallyportctl -n '__fish_seen_subcommand_from sessions kick denied cert' -l limit -x -d 'rows at most'
complete -c sallyportctl -n '__fish_seen_subcommand_from sessions' -l sort -x -a '{,-}{sid,age,up,down,user,client_id,listener,backend,stage}' -d 'order'
complete -c sallyportctl -n '__fish_seen_subcommand_from deny' -l for -x -d 'time'
complete -c sallyportctl -n '__fish_seen_subcommand_from deny' -l until -x -d 'date'
complete -c sallyportctl -n '__fish_seen_subcommand_from deny allow' -l from -rF -d 'list'
complete -c sallyportctl -n '__fish_seen_subcommand_from deny allow' -l stdin -d 'list'
complete -c sallyportctl -n '__fish_seen_subcommand_from deny allow' -l dry-run -d 'change nothing'
complete -c sallyportctl -n '__fish_seen_subcommand_from deny allow' -l local -d 'on this replica only'
complete -c sallyportctl -n '__fish_seen_subcommand_from deny allow' -l all -d 'everything is meant'
complete -c sallyportctl -n '__fish_seen_subcommand_from allow denied' -l match -x -d 'part of who or reason'
complete -c sallyportctl -n '__fish_seen_subcommand_from allow denied' -l expired -x -a 'yes no' -d 'ended'
complete -c sallyportctl -n '__fish_seen_subcommand_from denied' -l sort -x -a '{,-}{who,as,until}' -d 'order'
complete -c sallyportctl -n '__fish_seen_subcommand_from denied' -l offset -x -d 'rows to leave out'
complete -c sallyportctl -n '__fish_seen_subcommand_from deny' -l reason -x -d 'text'
complete -c sallyportctl -n '__fish_seen_subcommand_from allow denied' -l as -x -a "$__sallyportctl_kinds" -d 'kind'
complete -c sallyportctl -n '__fish_seen_subcommand_from denied' -l who -x -a '(__sallyportctl_values who denied)' -d 'who'
complete -c sallyportctl -n '__fish_seen_subcommand_from kick' -l all -d 'every session'
complete -c sallyportctl -n '__fish_seen_subcommand_from status sessions denied metrics cert' -l watch -d 'repeat'
complete -c sallyportctl -l fleet -d 'all replicas'
for command in deny allow
	complete -c sallyportctl -n "__fish_seen_subcommand_from $command; and not __sallyportctl_kind $command >/dev/null" -a "$__sallyportctl_kinds"
	complete -c sallyportctl -n "__fish_seen_subcommand_from $command" -a "(__sallyportctl_who $command)"
end
complete -c sallyportctl -n '__fish_seen_subcommand_from log' -a 'error warn info debug'
