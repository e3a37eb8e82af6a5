// An MQTT.js client for the tests: connects, subscribes, gets back what it
// publishes on QoS 0, 1 and 2, and prints what it saw as JSON. MQTT.js is the
// distribution's, found through NODE_PATH.
'use strict';

const fs = require('fs');
const mqtt = require('mqtt');

const a = JSON.parse(process.argv[2]);
const seen = { connack: null, assigned: null, messages: [] };
const options = {
  protocolVersion: a.version,
  clientId: a.clientid,
  clean: true,
  reconnectPeriod: 0,
  connectTimeout: a.timeout * 1000,
};
if (a.ca) {
  Object.assign(options, {
    ca: fs.readFileSync(a.ca),
    cert: fs.readFileSync(a.cert),
    key: fs.readFileSync(a.key),
  });
}

const client = mqtt.connect(a.url, options);
const topic = 'mqttjs/' + (a.topic || a.clientid);

function finish() {
  client.end(true, () => {
    console.log(JSON.stringify(seen));
    process.exit(0);
  });
}

setTimeout(finish, a.timeout * 1000);
client.on('error', (e) => {
  seen.error = String(e.message);
  finish();
});
client.on('connect', (packet) => {
  seen.connack = a.version === 5 ? packet.reasonCode : packet.returnCode;
  seen.session = packet.sessionPresent;
  if (packet.properties)
    seen.assigned = packet.properties.assignedClientIdentifier || null;
  client.subscribe(topic, { qos: 2 }, () => {
    for (const qos of [0, 1, 2])
      client.publish(topic, 'hello', { qos });
  });
});
client.on('message', (where, payload, packet) => {
  seen.messages.push([packet.qos, payload.length]);
  if (seen.messages.length === 3)
    finish();
});
