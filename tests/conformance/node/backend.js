// The application behind the clients: authorises channels and users with Pusher's own server SDK,
// and serves the pages and client bundles the browser tests load. Prints {"url": …} once it listens.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { serverSdk } = require('./options');

// Where what a page loads is: published bundles, and the browser helper of this repository.
const FOLDERS = {
  '/modules/': path.join(__dirname, '..', 'node_modules'),
  '/clients/': path.join(__dirname, '..', '..', '..', 'clients'),
};
const TYPES = { '.js': 'text/javascript', '.map': 'application/json', '.css': 'text/css', '.html': 'text/html' };
const PEOPLE = {
  ann: { name: 'Ann', watchlist: ['bob', 'cat'] },
  bob: { name: 'Bob' },
  cat: { name: 'Cat 🐱' },
};
const sdk = serverSdk();

/** The user a request belongs to: a bearer token stands in for the session an application would have. */
function userOf(request) {
  return (request.headers.authorization || '').replace(/^Bearer /, '');
}

function authorizeChannel(request, form) {
  const channel = form.get('channel_name');
  const id = userOf(request);
  if (!(id in PEOPLE)) return null;
  if (!channel.startsWith('presence-')) return sdk.authorizeChannel(form.get('socket_id'), channel);
  return sdk.authorizeChannel(form.get('socket_id'), channel, { user_id: id, user_info: { name: PEOPLE[id].name } });
}

function authenticateUser(request, form) {
  const id = userOf(request);
  if (!(id in PEOPLE)) return null;
  const { name, watchlist } = PEOPLE[id];
  return sdk.authenticateUser(form.get('socket_id'), { id, user_info: { name }, watchlist });
}

// Both the default end points of pusher-js and those of Laravel.
const ENDPOINTS = {
  '/pusher/auth': authorizeChannel,
  '/pusher/user-auth': authenticateUser,
  '/broadcasting/auth': authorizeChannel,
  '/broadcasting/user-auth': authenticateUser,
};

/** A page that loads the bundles named in its query and does nothing else. */
function page(query) {
  const scripts = query.getAll('bundle').map((bundle) => `<script src="/modules/${bundle}"></script>`);
  return `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>client</title>${scripts.join('')}`;
}

function answer(response, status, type, body) {
  response.writeHead(status, { 'Content-Type': type });
  response.end(body);
}

const server = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  const prefix = Object.keys(FOLDERS).find((folder) => url.pathname.startsWith(folder));
  if (request.method === 'POST' && url.pathname in ENDPOINTS) {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      const reply = ENDPOINTS[url.pathname](request, new URLSearchParams(body));
      answer(response, reply ? 200 : 403, 'application/json', JSON.stringify(reply || { error: 'who are you?' }));
    });
  } else if (url.pathname === '/page') {
    answer(response, 200, 'text/html; charset=utf-8', page(url.searchParams));
  } else if (prefix) {
    const file = path.join(FOLDERS[prefix], path.normalize(url.pathname.slice(prefix.length)));
    fs.readFile(file, (error, content) =>
      error ? answer(response, 404, 'text/plain', '') : answer(response, 200, TYPES[path.extname(file)], content),
    );
  } else {
    answer(response, 404, 'text/plain', '');
  }
});

server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` })));
process.stdin.on('end', () => process.exit(0)).resume(); // its owner is gone
