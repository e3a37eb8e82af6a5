# SPDX-License-Identifier: ISC
"""Connects over WSS with a certificate and no password, publishes one
message to itself and prints it. Core Python and paho-mqtt 1.x."""

import argparse
import ssl
import sys
import threading

import paho.mqtt.client as mqtt


def main():
    p = argparse.ArgumentParser()
    for name in ("ca", "cert", "key", "clientid"):
        p.add_argument("--" + name, required=True)
    p.add_argument("--port", type=int, required=True)
    p.add_argument("--version", type=int, choices=(4, 5), default=4)
    a = p.parse_args()

    heard = []
    done = threading.Event()
    client = mqtt.Client(
        client_id=a.clientid, transport="websockets",
        protocol=mqtt.MQTTv5 if a.version == 5 else mqtt.MQTTv311)
    client.tls_set(ca_certs=a.ca, certfile=a.cert, keyfile=a.key,
                   cert_reqs=ssl.CERT_REQUIRED)
    client.ws_set_options(path="/mqtt")
    topic = "demo/" + a.clientid

    def on_connect(c, userdata, flags, rc, properties=None):
        if int(getattr(rc, "value", rc)) == 0:
            c.subscribe(topic, 1)
        else:
            done.set()

    def on_subscribe(c, *ignored):
        c.publish(topic, "hello over WSS, version %d" % a.version, 1)

    def on_message(c, userdata, message):
        heard.append(message.payload.decode())
        done.set()

    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_message = on_message
    client.connect("127.0.0.1", a.port, 30)
    client.loop_start()
    done.wait(15)
    client.disconnect()
    client.loop_stop()
    if not heard:
        sys.exit(1)
    print(heard[0])


main()
