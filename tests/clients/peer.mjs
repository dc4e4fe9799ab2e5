// A Pusher server of a few lines that says exactly what a test tells it to. No library: Node has no WebSocket server.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'; // RFC 6455, 1.3

function frame(opcode, payload) {
  const head = payload.length < 126 ? [payload.length] : [126, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...head]), payload]);
}

/** One WebSocket connection: what it said, and what to tell it. */
class Connection {
  constructor(socket, peer, id) {
    this.socket = socket;
    this.peer = peer;
    this.heard = [];
    this.pending = Buffer.alloc(0);
    socket.on('data', (chunk) => this.read(chunk));
    socket.on('error', () => {});
    this.say('pusher:connection_established', { data: JSON.stringify({ socket_id: id, activity_timeout: 120 }) });
  }

  send(text) {
    this.socket.write(frame(1, Buffer.from(text)));
  }

  say(event, rest = {}) {
    this.send(JSON.stringify({ event, ...rest }));
  }

  /** What it said under this name, its data only. */
  said(event) {
    return this.heard.filter((message) => message.event === event).map((message) => message.data);
  }

  close(code) {
    this.socket.end(frame(8, Buffer.from([code >> 8, code & 255])));
  }

  read(chunk) {
    this.pending = Buffer.concat([this.pending, chunk]);
    while (this.pending.length >= 6) {
      const short = this.pending[1] & 127;
      const at = short === 126 ? 4 : 2;
      const length = short === 126 ? this.pending.readUInt16BE(2) : short;
      if (this.pending.length < at + 4 + length) return;
      const mask = this.pending.subarray(at, at + 4);
      const payload = this.pending.subarray(at + 4, at + 4 + length).map((byte, index) => byte ^ mask[index & 3]);
      const opcode = this.pending[0] & 15;
      this.pending = this.pending.subarray(at + 4 + length);
      if (opcode === 1) this.hear(JSON.parse(Buffer.from(payload).toString()));
      if (opcode === 8) this.socket.end();
    }
  }

  hear(message) {
    this.heard.push(message);
    const { channel } = message.data ?? {};
    if (message.event === 'pusher:subscribe' && !this.peer.mute) {
      const data = channel.startsWith('presence-') ? '{"presence":{"count":0,"ids":[],"hash":{}}}' : '{}';
      this.say('pusher_internal:subscription_succeeded', { channel, data });
    }
  }
}

export class Peer {
  /** With `mute` nobody learns that a subscription succeeded, until `succeed` is called. */
  mute = false;
  connections = [];

  static async listen() {
    const peer = new Peer();
    peer.server = createServer();
    peer.server.on('upgrade', (request, socket) => {
      const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + GUID).digest('base64');
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      peer.connections.push(new Connection(socket, peer, `1.${peer.connections.length + 1}`));
    });
    await new Promise((resolve) => peer.server.listen(0, '127.0.0.1', resolve));
    return peer;
  }

  get port() {
    return this.server.address().port;
  }

  get last() {
    return this.connections.at(-1);
  }

  close() {
    for (const { socket } of this.connections) socket.destroy();
    this.server.close();
  }
}
