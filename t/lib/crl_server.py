#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""An HTTP server that is a good one or a bad one, as the path says.

    crl_server.py FOLDER [CERT KEY]

Prints "port N", then a line for each request: method, path, If-None-Match.
/file/NAME, /half/NAME (Content-Length of the whole), /cut/NAME (no length),
/to/NAME (a redirect), /far/NAME (by two), /loop, /away (to file:), /ftp,
/slow (a byte at a time), /stall (nothing), /giga and /gigalen (1 GiB), /html,
/status/N, /plain/NAME (no ETag), /dated/NAME (Last-Modified instead).
"""
import hashlib
import http.server
import os
import ssl
import sys
import threading

GIGA = 1 << 30


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def do_GET(self):
        print(self.command, self.path, self.headers.get('If-None-Match'),
              flush=True)
        # As a proxy it is asked for a whole URL.
        path = self.path.split('?')[0]
        if path.startswith('http://'):
            path = '/' + path[7:].split('/', 1)[1]
        _, kind, *rest = path.split('/')
        self.close_connection = True
        try:
            getattr(self, 'on_' + kind)(*rest)
        except OSError:
            pass

    def head(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.send_header('Connection', 'close')
        self.end_headers()

    def read(self, name):
        with open(os.path.join(self.server.folder, name), 'rb') as f:
            return f.read()

    def on_file(self, name):
        body = self.read(name)
        tag = '"%s"' % hashlib.sha1(body).hexdigest()
        if self.headers.get('If-None-Match') == tag:
            self.head(304, ETag=tag)
            return
        self.head(200, ETag=tag, Content_Length=len(body))
        self.wfile.write(body)

    def on_plain(self, name):
        body = self.read(name)
        self.head(200, Content_Length=len(body))
        self.wfile.write(body)

    def on_dated(self, name):
        body = self.read(name)
        changed = os.path.getmtime(os.path.join(self.server.folder, name))
        when = self.date_time_string(changed)
        if self.headers.get('If-Modified-Since') == when:
            self.head(304)
            return
        self.head(200, Last_Modified=when, Content_Length=len(body))
        self.wfile.write(body)

    def on_half(self, name):
        body = self.read(name)
        self.head(200, Content_Length=len(body))
        self.wfile.write(body[:len(body) // 2])

    def on_cut(self, name):
        body = self.read(name)
        self.head(200)
        self.wfile.write(body[:len(body) // 2])

    def on_to(self, name):
        self.head(302, Location='/file/' + name, Content_Length=0)

    def on_far(self, name):
        self.head(301, Location='/to/' + name, Content_Length=0)

    def on_loop(self):
        self.head(302, Location='/loop', Content_Length=0)

    def on_away(self):
        self.head(302, Location='file://' + self.server.folder + '/away',
                  Content_Length=0)

    def on_ftp(self):
        self.head(302, Location='ftp://127.0.0.1/x', Content_Length=0)

    def on_html(self):
        self.head(200, Content_Length=21)
        self.wfile.write(b'<html>Log in</html>\n\n\n')

    def on_status(self, status):
        self.head(int(status), Content_Length=0)

    def on_slow(self):
        self.head(200)
        while not self.server.over.wait(0.05):
            self.wfile.write(b'x')

    def on_stall(self):
        self.server.over.wait(120)

    def on_giga(self):
        self.head(200)
        self.send_much()

    def on_gigalen(self):
        self.head(200, Content_Length=GIGA)
        self.send_much()

    def send_much(self):
        sent = 0
        block = bytes(65536)
        try:
            while sent < GIGA:
                self.wfile.write(block)
                sent += len(block)
        finally:
            print('sent', sent, flush=True)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


def main():
    server = Server(('127.0.0.1', 0), Handler)
    server.folder = sys.argv[1]
    server.over = threading.Event()
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
    print('port', server.server_address[1], flush=True)
    server.serve_forever()


main()
