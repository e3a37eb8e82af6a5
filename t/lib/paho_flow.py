# SPDX-License-Identifier: ISC
"""Devices that publish numbers at QoS 1, one after the other, and come back
when they are sent away; until stdin ends and all is acknowledged. Prints the
last number of each, and how often it connected, as JSON."""

import json
import ssl
import sys
import threading

import paho.mqtt.client as mqtt


changed = threading.Condition()


class Device:
    def __init__(self, a, number):
        self.name = "flow%d" % number
        self.connects = 0
        self.sent = 0
        self.acked = 0
        self.client = mqtt.Client(client_id=self.name, clean_session=False,
                                  protocol=mqtt.MQTTv311)
        self.client.tls_set(ca_certs=a["ca"], certfile=a["cert"],
                            keyfile=a["key"], cert_reqs=ssl.CERT_REQUIRED)
        # The tests' server certificate has another name.
        self.client.tls_insecure_set(True)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = self.on_connect
        self.client.on_publish = self.on_publish
        self.client.connect(a["host"], a["port"], 30)
        self.client.loop_start()

    def on_connect(self, client, userdata, flags, code):
        self.connects += code == 0

    def on_publish(self, client, userdata, mid):
        with changed:
            self.acked += 1
            changed.notify_all()

    def publish(self):
        # Some are always on their way when the connection goes.
        if self.sent - self.acked < 10:
            self.sent += 1
            self.client.publish("flow/" + self.name, str(self.sent), 1)


def main():
    a = json.loads(sys.argv[1])
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()),
                     daemon=True).start()
    devices = [Device(a, n) for n in range(a["count"])]
    while not stop.is_set():
        for d in devices:
            d.publish()
        stop.wait(0.005)
    with changed:
        changed.wait_for(lambda: all(d.acked >= d.sent for d in devices),
                         a["timeout"])
    for d in devices:
        d.client.disconnect()
        d.client.loop_stop()
    print(json.dumps({d.name: [d.sent, d.acked, d.connects]
                      for d in devices}))


main()
