# SPDX-License-Identifier: ISC
"""A paho client for the tests: connects over WSS, TLS or TCP, subscribes, gets
back what it publishes on QoS 0, 1 and 2, and prints what it saw as JSON."""

import json
import ssl
import sys
import threading

import paho.mqtt.client as mqtt


def main():
    a = json.loads(sys.argv[1])
    v5 = a["version"] == 5
    seen = {"messages": [], "connack": None}
    ready = threading.Event()
    done = threading.Event()
    client = mqtt.Client(
        client_id=a["clientid"],
        protocol=mqtt.MQTTv5 if v5 else mqtt.MQTTv311,
        transport=a["transport"],
        **({} if v5 else {"clean_session": True}))
    if "ca" in a:
        client.tls_set(ca_certs=a["ca"], certfile=a["cert"],
                       keyfile=a["key"], cert_reqs=ssl.CERT_REQUIRED)
    if a["transport"] == "websockets":
        client.ws_set_options(path="/mqtt")
    topic = "paho/" + a["clientid"]

    def on_connect(c, userdata, flags, rc, properties=None):
        seen["connack"] = int(rc.value if v5 else rc)
        if seen["connack"] == 0:
            c.subscribe(topic, 2)
        else:
            done.set()

    def on_subscribe(*ignored):
        ready.set()

    def on_message(c, userdata, message):
        seen["messages"].append([message.qos, len(message.payload)])
        if len(seen["messages"]) == 4:
            done.set()

    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_message = on_message
    client.connect("127.0.0.1", a["port"], 30)
    client.loop_start()
    if ready.wait(a["timeout"]):
        for qos in (0, 1, 2):
            client.publish(topic, b"hello", qos)
        client.publish(topic, b"x" * 1000000, 1)
        done.wait(a["timeout"])
    client.disconnect()
    client.loop_stop()
    print(json.dumps(seen))


main()
