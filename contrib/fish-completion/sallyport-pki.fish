# Fish completion for sallyport-pki. Devices are those of the folder.

function __sallyport_pki_devices
	set -l dir pki
	set -q PKI_DIR; and set dir $PKI_DIR
	set -l tokens (commandline -opc)
	for i in (seq (count $tokens))
		test "$tokens[$i]" = -d; and set dir $tokens[(math $i + 1)]
	end
	set dir (string replace -r '^~/' "$HOME/" -- $dir)
	for crt in $dir/devices/*.crt
		basename $crt .crt
	end
end

set -l commands init server device renew revoke crl list

complete -c sallyport-pki -f
complete -c sallyport-pki -s d -x -a '(__fish_complete_directories)' -d 'folder'
complete -c sallyport-pki -l days -x -d 'how long a certificate is valid'
complete -c sallyport-pki -l crl-days -x -d 'how long a CRL is valid'
complete -c sallyport-pki -l rsa -d 'an RSA key'
complete -c sallyport-pki -l ec -d 'an EC key'
complete -c sallyport-pki -s h -l help -d 'print a summary'
complete -c sallyport-pki -n "not __fish_seen_subcommand_from $commands" -a "$commands"
complete -c sallyport-pki -n '__fish_seen_subcommand_from renew revoke' -a '(__sallyport_pki_devices)'
complete -c sallyport-pki -n '__fish_seen_subcommand_from renew' -a server
