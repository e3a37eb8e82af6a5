# The steps of contrib/demo/run, which sets dir, build, source and here.
# shellcheck shell=sh disable=SC2154

title()
{
	if test -t 1; then
		printf '\n\033[1m== %s\033[0m\n' "$*"
	else
		printf '\n== %s\n' "$*"
	fi
}

say()
{
	printf '   %s\n' "$*"
}

# Shows a command so that it can be copied, quotes and all.
show()
{
	printf '   $'
	for word; do
		case $word in
		*[!A-Za-z0-9_./:=,-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	printf '\n'
}

# Shows a command, then runs it.
step()
{
	show "$@"
	"$@"
}

die()
{
	printf '\ndemo: %s\n' "$*" >&2
	for log in "$dir"/*.log; do
		test -f "$log" || continue
		printf -- '---- %s\n' "$log" >&2
		tail -n 40 "$log" >&2
	done
	exit 1
}

# Ends a process that we started.
end()
{
	test -n "$1" || return 0
	kill "$1" 2>/dev/null || return 0
	wait "$1" 2>/dev/null || true
}

clean_up()
{
	status=$?
	end "$subscriber_pid"
	end "$proxy_pid"
	end "$broker_pid"
	rm -rf "$dir"
	exit $status
}

need_tools()
{
	PATH=$PATH:/usr/sbin
	missing=
	for pair in openssl:openssl mosquitto:mosquitto \
		mosquitto_pub:mosquitto-clients perl:perl; do
		command -v "${pair%%:*}" >/dev/null ||
			missing="$missing ${pair#*:}"
	done
	test -x /usr/bin/python3 &&
		/usr/bin/python3 -c 'import paho.mqtt.client' 2>/dev/null ||
		missing="$missing python3-paho-mqtt"
	test -z "$missing" || die "to be installed first: apt-get install$missing"
	test -x "$build/sallyport" ||
		die "$build/sallyport is not built; ./bootstrap does that"
}

# Waits until a file has a line that matches; a process has to live so long.
wait_for()
{
	for _ in $(seq 200); do
		grep -q -- "$2" "$1" 2>/dev/null && return 0
		kill -0 "$3" 2>/dev/null || die "it ended: see $1"
		sleep 0.05
	done
	die "$1 never said \"$2\""
}

# PORT if it is free, else another free one.
free_port()
{
	perl -MIO::Socket::INET -e '
		for my $port (shift, 0) {
			my $s = IO::Socket::INET->new(Listen => 1,
				LocalAddr => "127.0.0.1", LocalPort => $port,
				ReuseAddr => 1) or next;
			print $s->sockport;
			last;
		}' "$1"
}

# For openssl, which talks too much when all is well.
quietly()
{
	show "$@"
	"$@" >openssl.log 2>&1 || die "openssl failed"
}

make_certificates()
{
	say "The client CA; its key would live somewhere safe:"
	quietly openssl req -new -newkey rsa:2048 -days 3650 -nodes -x509 \
		-subj "/O=Demo/CN=Demo Client CA" \
		-keyout client-ca.key -out client-ca.crt
	say "A device's key and certificate; its name is the CN:"
	quietly openssl genrsa -out device-001.key 2048
	quietly openssl req -new -key device-001.key -out device-001.csr \
		-subj "/CN=device-001"
	quietly openssl x509 -req -days 3650 -sha256 -in device-001.csr \
		-CA client-ca.crt -CAkey client-ca.key -CAcreateserial \
		-out device-001.crt
	quietly openssl verify -CAfile client-ca.crt device-001.crt
	say "The server's own CA and certificate:"
	quietly openssl req -new -newkey rsa:2048 -days 3650 -nodes -x509 \
		-subj "/O=Demo/CN=Demo Server CA" \
		-keyout server-ca.key -out server-ca.crt
	quietly openssl req -new -newkey rsa:2048 -nodes \
		-subj "/CN=localhost" -keyout server.key -out server.csr
	printf 'subjectAltName = DNS:localhost, IP:127.0.0.1\n' >server.ext
	quietly openssl x509 -req -days 825 -sha256 -in server.csr \
		-CA server-ca.crt -CAkey server-ca.key -CAcreateserial \
		-extfile server.ext -out server.crt
}

start_broker()
{
	broker_port=$(free_port 1883)
	cat >mosquitto.conf <<END
listener $broker_port 127.0.0.1
allow_anonymous true
log_dest stderr
log_type all
log_timestamp false
user $(id -un)
END
	say "mosquitto.conf: plaintext, on loopback only, any client may connect:"
	sed 's/^/      /' mosquitto.conf
	say ""
	mosquitto -c mosquitto.conf >mosquitto.log 2>&1 &
	broker_pid=$!
	wait_for mosquitto.log ' running$' "$broker_pid"
	say "mosquitto runs on $broker_port (pid $broker_pid)."
}

start_sallyport()
{
	tls_port=$(free_port 8883)
	wss_port=$(free_port 8084)
	admin=
	denylist=
	if test -n "$keep"; then
		http_port=$(free_port 9884)
		mkdir state
		touch state/deny.csv
		admin="admin_socket = $dir/state/admin.sock
http_listen = 127.0.0.1:$http_port"
		denylist="[denylist]
file = state/deny.csv"
	fi
	user=
	if test "$(id -u)" = 0; then
		# The daemon gives root up; what it reads again on a reload
		# has to be readable for whom it becomes.
		user="user = nobody"
		chown nobody server.key
		test -z "$keep" || chown -R nobody state
	fi
	cat >sallyport.ini <<END
[daemon]
workers = 2
$user
$admin

[listener mqtts]
bind = 127.0.0.1:$tls_port

[listener wss]
bind = 127.0.0.1:$wss_port
transport = websocket
path = /mqtt

[tls]
certificate = server.crt
private_key = server.key
client_ca = client-ca.crt

[identity]
username = \${cn}
clientid = prefixed

[backend]
address = 127.0.0.1:$broker_port
$denylist
END
	say "sallyport.ini:"
	grep . sallyport.ini | sed 's/^/      /'
	step "$build/sallyport" -t -c sallyport.ini
	"$build/sallyport" -c sallyport.ini >sallyport.log 2>&1 &
	proxy_pid=$!
	wait_for sallyport.log 'event=ready' "$proxy_pid"
	say "sallyport runs (pid $proxy_pid): TLS on $tls_port," \
		"WSS on $wss_port."
}

# Publishes and subscribes with mosquitto's own clients.
through_tls()
{
	id="tls-$1"
	name=device-001/$id
	mosquitto_sub -h 127.0.0.1 -p "$tls_port" -V "$1" --cafile server-ca.crt \
		--cert device-001.crt --key device-001.key \
		-i "$id-sub" -t "demo/$1" -C 1 -W 10 >heard.txt &
	subscriber_pid=$!
	wait_for mosquitto.log "Sending SUBACK to $name-sub" "$subscriber_pid"
	step mosquitto_pub -h 127.0.0.1 -p "$tls_port" -V "$1" \
		--cafile server-ca.crt \
		--cert device-001.crt --key device-001.key \
		-i "$id-pub" -t "demo/$1" -q 1 -m "hello over TLS, $1"
	wait "$subscriber_pid" || die "the subscriber heard nothing"
	subscriber_pid=
	say "the subscriber heard: $(cat heard.txt)"
}

# The same over WSS, with paho for Python.
through_wss()
{
	say "$ wss_client.py --port $wss_port --version $1" \
		"--cert device-001.crt --key device-001.key"
	/usr/bin/python3 "$here/wss_client.py" --port "$wss_port" \
		--version "$1" --ca server-ca.crt --cert device-001.crt \
		--key device-001.key --clientid "wss-v$1" >heard.txt ||
		die "the WSS client failed"
	say "it published, and heard back: $(cat heard.txt)"
}

show_broker_log()
{
	say "mosquitto.log, in the broker's own words:"
	grep 'New client connected' mosquitto.log | sed 's/^/      /'
	for id in tls-mqttv311 tls-mqttv5 wss-v4 wss-v5; do
		grep -q "connected .* as device-001/$id.* u'device-001'" mosquitto.log ||
			die "$id did not reach the broker as device-001"
	done
	say "The client sent no Username: device-001 is the certificate's CN. It is"
	say "also put before each ClientID, so that no device can take another's."
}

show_refusal()
{
	before=$(grep -c 'New client connected' mosquitto.log)
	if step mosquitto_pub -h 127.0.0.1 -p "$tls_port" \
		--cafile server-ca.crt -t demo -m "let me in" 2>refused.txt
	then
		die "a client without certificate was let in"
	fi
	say "refused: $(tail -n 1 refused.txt)"
	say "in Sallyport's log:"
	wait_for sallyport.log 'reason=tls_no_certificate' "$proxy_pid"
	grep 'reason=tls_no_certificate' sallyport.log | sed 's/^/      /'
	test "$before" = "$(grep -c 'New client connected' mosquitto.log)" ||
		die "it reached the broker"
	say "The broker heard nothing of it."
}

# Leaves everything as it is, with a device that stays connected, and writes
# the script that ends it.
keep_running()
{
	# As devices do, it connects again when it is disconnected.
	cat >device <<END
#!/bin/sh
trap 'kill \$sub 2>/dev/null; exit' TERM
while :; do
	mosquitto_sub -h 127.0.0.1 -p $tls_port --cafile server-ca.crt \\
		--cert device-001.crt --key device-001.key \\
		-i stays -t 'demo/#' -v &
	sub=\$!
	wait \$sub
	sleep 1
done
END
	sh device >device.log 2>&1 &
	subscriber_pid=$!
	wait_for mosquitto.log "Sending SUBACK to device-001/stays" \
		"$subscriber_pid"
	cat >stop <<END
#!/bin/sh
kill $subscriber_pid $proxy_pid $broker_pid 2>/dev/null
for _ in \$(seq 50); do
	kill -0 $proxy_pid 2>/dev/null || break
	sleep 0.1
done
rm -rf $dir
END
	chmod 755 stop
	trap - EXIT
	cat <<END
   Broker, proxy and one device keep running, in $dir.

   The status page:   http://127.0.0.1:$http_port/
   First type this:   cd $dir; export SALLYPORT_SOCKET=state/admin.sock
                      PATH=$build:\$PATH
   Who is connected:  sallyportctl sessions
   A message:         mosquitto_pub -h 127.0.0.1 -p $tls_port \\
                          --cafile server-ca.crt --cert device-001.crt \\
                          --key device-001.key -t demo/x -m hello
   What comes of it:  cat device.log sallyport.log mosquitto.log
   A stolen device:   sallyportctl deny cn device-001 --for 1h
   It was found:      sallyportctl allow cn device-001
   A broker is down:  kill $broker_pid; sleep 3; sallyportctl status
   To stop it all:    $dir/stop
END
}

show_next()
{
	cat <<END
   Broker, proxy and certificates of this demo are gone again.

   Step by step:      etc/doc/devices.md, to a stolen device thrown out
   Your own devices:  contrib/pki/pki init, then server, then device CN...
   Your own config:   etc/sallyport.ini has every option with its default;
                      $build/sallyport --help-config explains them
   Check it:          $build/sallyport -t -c sallyport.ini
   The test suite:    ./bootstrap check
   The manual:        man -l etc/sallyport.8; man -l etc/sallyport.ini.5
END
}
