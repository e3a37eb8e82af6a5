# Fish completion for sallyport. Listeners are those of the configuration.

function __sallyport_listeners
	set -l file /etc/sallyport/sallyport.ini
	set -l tokens (commandline -opc)
	for i in (seq (count $tokens))
		switch $tokens[$i]
			case -c --config
				set file $tokens[(math $i + 1)]
			case '--config=*'
				set file (string replace -- --config= '' $tokens[$i])
		end
	end
	set file (string replace -r '^~/' "$HOME/" -- $file)
	sed -n 's/^\[listener \(.*\)\] *$/\1/p' $file 2>/dev/null
end

complete -c sallyport -f
complete -c sallyport -s c -l config -rF -d 'configuration'
complete -c sallyport -n 'not __fish_seen_subcommand_from explain init' -s t -l test -d 'check the configuration'
complete -c sallyport -n 'not __fish_seen_subcommand_from explain init' -l take-over -d 'replace the running daemon'
complete -c sallyport -n 'not __fish_seen_subcommand_from explain init' -l background -d 'return when it is ready'
complete -c sallyport -n 'not __fish_seen_subcommand_from explain init' -s V -l version -d 'print the version'
complete -c sallyport -s h -l help -d 'print a summary'
complete -c sallyport -n 'not __fish_seen_subcommand_from explain init' -l help-config -d 'print every option'
complete -c sallyport -n __fish_is_first_token -a explain -d 'what the daemon would do with a client'
complete -c sallyport -n __fish_is_first_token -a init -d 'create a working configuration'
complete -c sallyport -n '__fish_seen_subcommand_from explain' -s l -l listener -x -a '(__sallyport_listeners)' -d 'listener'
complete -c sallyport -n '__fish_seen_subcommand_from explain' -s p -l peer -x -d 'address of the client'
complete -c sallyport -n '__fish_seen_subcommand_from explain' -s s -l sni -x -d 'server name'
complete -c sallyport -n '__fish_seen_subcommand_from explain' -s j -l json -d 'print one JSON object'
complete -c sallyport -n '__fish_seen_subcommand_from explain' -F
complete -c sallyport -n '__fish_seen_subcommand_from init' -a '(__fish_complete_directories)'
