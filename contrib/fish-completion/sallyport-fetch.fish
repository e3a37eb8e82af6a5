# Fish completion for sallyport-fetch.

complete -c sallyport-fetch -f
complete -c sallyport-fetch -s c -l config -rF -d 'configuration'
complete -c sallyport-fetch -s m -l metrics -rF -d 'write metrics to this file'
complete -c sallyport-fetch -s s -l stay -d 'do not end: fetch again when it is time'
complete -c sallyport-fetch -s t -l test -d 'check the configuration'
complete -c sallyport-fetch -s u -l user -xa '(__fish_complete_users)' -d 'become this user'
complete -c sallyport-fetch -s V -l version -d 'print the version'
complete -c sallyport-fetch -s h -l help -d 'print a summary'
