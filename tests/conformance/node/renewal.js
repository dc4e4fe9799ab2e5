// A certificate that is replaced on the disk while clients are connected.
'use strict';

const fs = require('node:fs');
const tls = require('node:tls');
const { options } = require('./options');

/** The fingerprint of the certificate a new client gets. */
function shown() {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: options.host, port: options.port, servername: options.host }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.end();
    });
    socket.on('error', reject);
  });
}

/** Puts each file of `options.renewal` in the place of the one it renews; settles when new clients see it. */
async function renew() {
  const before = await shown();
  for (const [source, target] of options.renewal) fs.renameSync(source, target);
  const end = Date.now() + 10_000;
  while ((await shown()) === before) {
    if (Date.now() > end) throw new Error('the certificate stays the same');
  }
}

module.exports = { renew };
