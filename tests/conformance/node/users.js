// pusher-js signed in as a user: events to the user, watchlists, termination, and coming back after a restart.
'use strict';

const { caughtUp, connected, next, print, record, run, sdk, subscribed, until } = require('./harness');

async function signedIn(name) {
  const pusher = await connected(name);
  pusher.signin();
  await pusher.user.signinDonePromise;
  return pusher;
}

async function signIn() {
  const [ann, sameAnn, bob] = [await signedIn('ann'), await signedIn('ann'), await signedIn('bob')];
  const heard = { ann: record(ann.user), sameAnn: record(sameAnn.user), bob: record(bob.user) };
  await sdk.sendToUser('ann', 'invoice', { total: 9 });
  for (const pusher of [ann, sameAnn, bob]) await caughtUp(pusher);
  return { user: ann.user.user_data, heard };
}

async function watchlist() {
  const bob = await signedIn('bob');
  const ann = await connected('ann');
  const seen = [];
  for (const name of ['online', 'offline']) ann.user.watchlist.bind(name, (event) => seen.push(event));
  ann.signin();
  await until(() => seen.length === 2, 'the first watchlist message');
  const cat = await signedIn('cat');
  await until(() => seen.length === 3, 'cat online');
  cat.disconnect();
  bob.disconnect();
  await until(() => seen.length === 5, 'both offline');
  return { seen };
}

async function terminate() {
  const [ann, bob] = [await signedIn('ann'), await signedIn('bob')];
  const errors = [];
  ann.connection.bind('error', (error) => errors.push(error));
  await sdk.terminateUserConnections('ann');
  await until(() => ann.connection.state === 'disconnected', 'the disconnection');
  const again = await signedIn('ann');
  return { states: ann.states, errors, bob: bob.connection.state, again: again.user.user_data.id };
}

/** Says {"ready": …} when it may lose its server; ends when everything works again on the next one. */
async function reconnect() {
  const ann = await signedIn('ann');
  const names = ['news', 'private-orders', 'presence-room', 'private-encrypted-secrets'];
  for (const name of names) await subscribed(ann, name);
  const before = ann.connection.socket_id;
  print({ ready: true });
  await until(() => ann.connection.socket_id && ann.connection.socket_id !== before, 'a new connection');
  await until(() => names.every((name) => ann.channel(name).subscribed), 'every subscription');
  await until(() => ann.user.user_data !== null, 'the sign-in');
  const heard = names.map((name) => next(ann.channel(name), 'hello'));
  for (const name of names) await sdk.trigger(name, 'hello', { to: name });
  const personal = next(ann.user, 'hello');
  await sdk.sendToUser('ann', 'hello', { to: 'ann' });
  return {
    heard: await Promise.all(heard),
    personal: await personal,
    members: ann.channel('presence-room').members.count,
    states: ann.states,
  };
}

run({ signIn, watchlist, terminate, reconnect });
