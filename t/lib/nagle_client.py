# SPDX-License-Identifier: ISC
# A device that leaves Nagle's algorithm on, as most do, and how long it waits;
# and the broker behind it.
#
#     nagle_client.py broker FILE    writes its port to FILE
#     nagle_client.py JSON           connects some times; prints in ms how long
#                                   each took from the handshake to the answer
#
# The options are ca, cert, key, port, times and: tls (1.2 or 1.3), resumed,
# websocket, proxy (a PROXY header goes first), follow (SUBSCRIBE and PUBLISH are
# sent right behind the CONNECT; the time is that until the message comes back,
# and the broker answers nothing before the PUBLISH), ticket (nothing is sent
# before a ticket has come).
import json
import os
import select
import socket
import ssl
import sys
import threading
import time

CONNECT = b'\x10\x10\0\4MQTT\4\2\0\x3c\0\4dev1'
CONNECT_HELD = b'\x10\x10\0\4MQTT\4\2\0\x3c\0\4held'
CONNACK = b'\x20\2\0\0'
SUBSCRIBE = b'\x82\x08\0\1\0\3a/b\0'
SUBACK = b'\x90\3\0\1\0'
PUBLISH = b'\x30\6\0\3a/bc'
UPGRADE = (b'GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n'
           b'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
           b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
           b'Sec-WebSocket-Protocol: mqtt\r\n\r\n')


def serve(conn):
    seen = b''
    answered = False
    with conn:
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            data = conn.recv(4096)
            if not data:
                return
            seen += data
            if answered:
                continue
            if PUBLISH in seen:
                conn.sendall(CONNACK + SUBACK + PUBLISH)
                answered = True
            elif b'held' not in seen:
                conn.sendall(CONNACK)
                answered = True


def broker(path):
    listener = socket.create_server(('127.0.0.1', 0))
    with open(path + '.new', 'w') as f:
        f.write(str(listener.getsockname()[1]))
    os.rename(path + '.new', path)
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=serve, args=(conn,), daemon=True).start()


def read_until(tls, end):
    got = b''
    while not got.endswith(end):
        data = tls.recv(1 if end == b'\r\n\r\n' else 4096)
        if not data:
            raise SystemExit('the connection has ended: %r' % got)
        got += data


# OpenSSL takes a ticket while it reads.
def await_ticket(tls, seconds):
    end = time.monotonic() + seconds
    tls.setblocking(False)
    while not (tls.session and tls.session.has_ticket):
        if not select.select([tls], [], [], max(0, end - time.monotonic()))[0]:
            raise SystemExit('no ticket comes')
        try:
            tls.recv(1)
        except ssl.SSLWantReadError:
            pass
    tls.settimeout(seconds)


def framed(o, packet):
    if not o.get('websocket'):
        return packet
    return bytes([0x82, 0x80 | len(packet), 0, 0, 0, 0]) + packet


def connect(o, context, session):
    raw = socket.create_connection(('127.0.0.1', o['port']), o['timeout'])
    if o.get('proxy'):
        raw.sendall(b'PROXY TCP4 127.0.0.9 127.0.0.1 4711 8883\r\n')
    with context.wrap_socket(raw, server_hostname='localhost',
                             session=session) as tls:
        if o.get('resumed') and session and not tls.session_reused:
            raise SystemExit('the session is not resumed')
        if o.get('ticket'):
            await_ticket(tls, o['timeout'])
        start = time.monotonic()
        if o.get('websocket'):
            tls.sendall(UPGRADE)
            read_until(tls, b'\r\n\r\n')
        if o.get('follow'):
            tls.sendall(framed(o, CONNECT_HELD))
            tls.sendall(framed(o, SUBSCRIBE))
            tls.sendall(framed(o, PUBLISH))
            read_until(tls, PUBLISH)
        else:
            tls.sendall(framed(o, CONNECT))
            read_until(tls, CONNACK)
        ms = (time.monotonic() - start) * 1000
        return ms, tls.session if o.get('resumed') else None


def measure(o):
    context = ssl.create_default_context(cafile=o['ca'])
    context.load_cert_chain(o['cert'], o['key'])
    version = {'1.2': ssl.TLSVersion.TLSv1_2, '1.3': ssl.TLSVersion.TLSv1_3}
    context.minimum_version = version[o['tls']]
    context.maximum_version = version[o['tls']]
    session = None
    times = []
    for _ in range(o['times']):
        ms, session = connect(o, context, session)
        times.append(ms)
    print(json.dumps(times))


if sys.argv[1] == 'broker':
    broker(sys.argv[2])
else:
    measure(json.loads(sys.argv[1]))
