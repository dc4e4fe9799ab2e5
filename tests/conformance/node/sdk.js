// Pusher's Node server SDK against the REST API; a pusher-js client listens to what it publishes.
'use strict';

const { caughtUp, connected, record, run, sdk, subscribed, until } = require('./harness');

async function body(promise) {
  const response = await promise;
  return { status: response.status, body: await response.json() };
}

async function trigger() {
  const ann = await connected('ann');
  const heard = record(await subscribed(ann, 'orders'));
  await subscribed(ann, 'presence-room');
  const plain = await body(sdk.trigger('orders', 'placed', { id: 1 }));
  const info = await body(
    sdk.trigger(['orders', 'presence-room'], 'placed', { id: 2 }, { info: 'user_count,subscription_count' }),
  );
  const excluded = await body(sdk.trigger('orders', 'placed', { id: 3 }, { socket_id: ann.connection.socket_id }));
  await caughtUp(ann);
  return { plain, info, excluded, heard };
}

async function triggerBatch() {
  const ann = await connected('ann');
  const heard = record(await subscribed(ann, 'orders'));
  await subscribed(ann, 'private-encrypted-orders');
  const secret = record(ann.channel('private-encrypted-orders'));
  const plain = await body(
    sdk.triggerBatch([
      { channel: 'orders', name: 'a', data: { n: 1 } },
      { channel: 'orders', name: 'b', data: 'text', socket_id: ann.connection.socket_id },
      { channel: 'private-encrypted-orders', name: 'c', data: { n: 3 } },
    ]),
  );
  const info = await body(
    sdk.triggerBatch([
      { channel: 'orders', name: 'd', data: { n: 4 }, info: 'subscription_count' },
      { channel: 'empty', name: 'e', data: { n: 5 } },
    ]),
  );
  await caughtUp(ann);
  return { plain, info, heard, secret };
}

async function query() {
  const [ann, bob] = [await connected('ann'), await connected('bob')];
  for (const pusher of [ann, bob]) await subscribed(pusher, 'presence-room');
  await subscribed(ann, 'orders');
  return {
    all: await body(sdk.get({ path: '/channels' })),
    filtered: await body(sdk.get({ path: '/channels', params: { filter_by_prefix: 'presence-', info: 'user_count' } })),
    one: await body(sdk.get({ path: '/channels/presence-room', params: { info: 'user_count,subscription_count' } })),
    empty: await body(sdk.get({ path: '/channels/nobody-here' })),
    users: await body(sdk.get({ path: '/channels/presence-room/users' })),
  };
}

async function users() {
  const ann = await connected('ann');
  ann.signin();
  await ann.user.signinDonePromise;
  const heard = record(ann.user);
  const sent = await body(sdk.sendToUser('ann', 'hello', { n: 1 }));
  await until(() => heard.length === 1, 'the event to the user');
  const terminated = await body(sdk.terminateUserConnections('ann'));
  await until(() => ann.connection.state === 'disconnected', 'the disconnection');
  const unknown = await body(sdk.terminateUserConnections('auth0|nobody here'));
  return { sent, terminated, unknown, heard };
}

async function refused() {
  const outcome = {};
  for (const [name, call] of Object.entries({
    large: () => sdk.trigger('orders', 'placed', 'x'.repeat(200 * 1024)),
    users: () => sdk.get({ path: '/channels/orders/users' }),
  })) {
    outcome[name] = await call().then(
      (response) => ({ status: response.status }),
      (error) => ({ status: error.status, body: error.body }),
    );
  }
  return outcome;
}

run({ trigger, triggerBatch, query, users, refused });
