// Where the server is and which app to use: one JSON object in the environment, set by the Python side.
'use strict';

const PusherServer = require('pusher');

const options = JSON.parse(process.env.CONFORMANCE);

/** Pusher's server SDK, told only what any of its users tells it: credentials, host, port, TLS, encryption key. */
function serverSdk() {
  return new PusherServer({
    appId: options.id,
    key: options.key,
    secret: options.secret,
    host: options.host,
    port: options.port,
    useTLS: options.tls,
    encryptionMasterKeyBase64: options.encryptionMasterKeyBase64,
  });
}

module.exports = { options, serverSdk };
