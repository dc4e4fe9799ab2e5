// Sees every frame of every WebSocket of this page. Import it before pusher-js is loaded.

/** Called as `watcher(kind, text, socket)` with kind `in`, `out` or `life`. */
let watcher = () => {};

export function watch(callback) {
  watcher = callback;
}

const Native = window.WebSocket;

window.WebSocket = class extends Native {
  constructor(...args) {
    super(...args);
    watcher('life', `connecting to ${this.url}`);
    this.addEventListener('open', () => watcher('life', `open${this.extensions && `, ${this.extensions}`}`));
    this.addEventListener('message', ({ data }) => watcher('in', data));
    this.addEventListener('error', () => watcher('life', 'error', true));
    this.addEventListener('close', ({ code, reason, wasClean }) => {
      const text = `closed, code ${code}${reason && `: ${reason}`}${wasClean ? '' : ' (no closing handshake)'}`;
      watcher('life', text, !wasClean || code >= 4000);
    });
  }

  send(data) {
    watcher('out', data);
    super.send(data);
  }
};
