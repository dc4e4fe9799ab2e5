// The bundles people load with a script tag, in Chromium. `inPage…` functions run inside the page.
'use strict';

const { newPage, run } = require('./chromium');
const { options, serverSdk } = require('./options');
const { renew } = require('./renewal');

const PUSHER = 'pusher-js/dist/web/pusher.min.js';
const PUSHER_7 = 'pusher-js-7/dist/web/pusher.min.js';
const PUSHER_ENCRYPTION = 'pusher-js/dist/web/pusher-with-encryption.min.js';
const ECHO = 'laravel-echo/dist/echo.iife.js';
const sdk = serverSdk();

/** A page with these bundles that may ask the application, here this script, to publish. */
async function pageWith(browser, complaints, bundles) {
  const page = await newPage(browser, complaints);
  await page.exposeFunction('publish', async (...args) => {
    await sdk.trigger(...args);
  });
  await page.exposeFunction('sendToUser', async (...args) => {
    await sdk.sendToUser(...args);
  });
  await page.exposeFunction('renew', renew);
  const query = bundles.map((bundle) => `bundle=${bundle}`).join('&');
  await page.goto(`${options.backend}/page?${query}`);
  return page;
}

async function inPagePusher(options) {
  const open = (name) => {
    const headers = { Authorization: `Bearer ${name}` };
    return new Pusher(options.key, {
      wsHost: options.host,
      wsPort: options.port,
      wssPort: options.port,
      cluster: '',
      forceTLS: options.tls,
      channelAuthorization: { endpoint: '/pusher/auth', headers },
      userAuthentication: { endpoint: '/pusher/user-auth', headers },
    });
  };
  const next = (emitter, event) =>
    new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`no ${event}`)), 9000);
      emitter.bind(event, resolve);
    });
  const [ann, bob] = [open('ann'), open('bob')];
  const found = {};
  for (const name of ['news', 'private-orders', 'presence-room', `cache-${options.nonce}`]) {
    const channel = ann.subscribe(name);
    await next(channel, 'pusher:subscription_succeeded');
    const arrived = next(channel, 'hello');
    await publish(name, 'hello', { to: name });
    found[name.replace(options.nonce, '')] = await arrived;
  }
  const bobsRoom = bob.subscribe('presence-room');
  const joined = next(ann.channel('presence-room'), 'pusher:member_added');
  await next(bobsRoom, 'pusher:subscription_succeeded');
  found.joined = (await joined).id;
  const typing = next(bobsRoom, 'client-typing');
  ann.channel('presence-room').trigger('client-typing', { on: true });
  found.typing = await typing;
  found.replay = await next(bob.subscribe(`cache-${options.nonce}`), 'hello');
  ann.signin();
  await ann.user.signinDonePromise;
  const invoice = next(ann.user, 'invoice');
  await sendToUser('ann', 'invoice', { total: 9 });
  found.invoice = await invoice;
  const left = next(ann.channel('presence-room'), 'pusher:member_removed');
  bob.disconnect();
  found.left = (await left).id;
  found.transport = ann.connection.connection.transport.name;
  return found;
}

async function inPageEcho(options) {
  window.Pusher = Pusher;
  const EchoClass = Echo.default || Echo;
  const open = (name) =>
    new EchoClass({
      broadcaster: options.broadcaster,
      key: options.key,
      ...(options.broadcaster === 'pusher' ? { cluster: 'mt1' } : {}),
      wsHost: options.host,
      wsPort: options.port,
      wssPort: options.port,
      forceTLS: false,
      enabledTransports: ['ws', 'wss'],
      auth: { headers: { Authorization: `Bearer ${name}` } },
    });
  const next = (register, what) =>
    new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`no ${what}`)), 9000);
      register(resolve);
    });
  const [ann, bob] = [open('ann'), open('bob')];
  const found = {};
  const heard = async (channel, name) => {
    await next((resolve) => channel.subscribed(resolve), `subscription to ${name}`);
    const arrived = next((resolve) => channel.listen('OrderShipped', resolve), `event on ${name}`);
    await publish(name, 'App\\Events\\OrderShipped', { to: name });
    found[name] = await arrived;
  };
  await heard(ann.channel('news'), 'news');
  await heard(ann.private('orders'), 'private-orders');
  await heard(ann.encryptedPrivate('secrets'), 'private-encrypted-secrets');
  const here = await next((resolve) => ann.join('room').here(resolve), 'members');
  const joining = next((resolve) => ann.join('room').joining(resolve), 'joining');
  found.here = here;
  found.both = await next((resolve) => bob.join('room').here(resolve), 'members for bob');
  found.joining = await joining;
  const whisper = next((resolve) => ann.join('room').listenForWhisper('typing', resolve), 'whisper');
  bob.join('room').whisper('typing', { on: true });
  found.whisper = await whisper;
  // Laravel's toOthers(): the page sends its socket id along, the application excludes it.
  const others = [];
  for (const [name, echo] of [['ann', ann], ['bob', bob]]) echo.join('room').listen('.moved', () => others.push(name));
  await publish('presence-room', 'moved', {}, { socket_id: ann.socketId() });
  await next((resolve) => bob.join('room').listen('.end', resolve) && publish('presence-room', 'end', {}), 'the end');
  found.others = others;
  const leaving = next((resolve) => ann.join('room').leaving(resolve), 'leaving');
  bob.leave('room');
  found.leaving = await leaving;
  found.status = ann.connectionStatus();
  return found;
}

async function inPageRenewed(options) {
  const open = () =>
    new Pusher(options.key, { wsHost: options.host, wssPort: options.port, cluster: '', forceTLS: true });
  const next = (emitter, event) =>
    new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`no ${event}`)), 9000);
      emitter.bind(event, resolve);
    });
  const ann = open();
  const news = ann.subscribe('news');
  await next(news, 'pusher:subscription_succeeded');
  const states = [];
  ann.connection.bind('state_change', ({ current }) => states.push(current));
  await renew();
  const bob = open();
  await next(bob.subscribe('news'), 'pusher:subscription_succeeded');
  const arrived = [next(news, 'hello'), next(bob.channel('news'), 'hello')];
  await publish('news', 'hello', { to: 'both' });
  return { heard: await Promise.all(arrived), states };
}

/** Three clients in one page, two of them with the helper: what each hears of a channel. */
async function inPageDeltas(options) {
  const { withDelta } = await import('/clients/js/index.js');
  const open = () =>
    new Pusher(options.key, { wsHost: options.host, wsPort: options.port, cluster: '', forceTLS: options.tls });
  const pushers = {
    fossil: withDelta(open(), { algorithms: ['fossil'] }),
    xdelta3: withDelta(open(), { algorithms: ['xdelta3'] }),
    plain: open(),
  };
  const until = async (condition, what) => {
    const end = Date.now() + 9000;
    while (!condition()) {
      if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const channel = `ticker-${options.nonce}`;
  const heard = {};
  for (const [how, pusher] of Object.entries(pushers)) {
    heard[how] = [];
    pusher.subscribe(channel).bind_global((event, data) => heard[how].push([event, data]));
    await until(() => pusher.channel(channel).subscribed, 'a subscription');
    heard[how].length = 0;
  }
  for (let n = 0; n < 30; n += 1) await publish(channel, 'tick', { n, text: `${'☕ naïve '.repeat(20)}${'🚀'.repeat(n % 4)}` });
  await until(() => Object.values(heard).every((events) => events.length === 30), 'thirty events');
  const wanted = JSON.stringify(heard.plain);
  return {
    alike: Object.keys(heard).filter((how) => JSON.stringify(heard[how]) === wanted),
    events: heard.plain.length,
    stats: [pushers.fossil.delta.stats(), pushers.xdelta3.delta.stats()],
  };
}

const pusher = (bundle) => async (browser, complaints) =>
  (await pageWith(browser, complaints, [bundle])).evaluate(inPagePusher, options);

const echo = (broadcaster) => async (browser, complaints) =>
  (await pageWith(browser, complaints, [PUSHER_ENCRYPTION, ECHO])).evaluate(inPageEcho, { ...options, broadcaster });

const deltas = (bundle) => async (browser, complaints) =>
  (await pageWith(browser, complaints, [bundle])).evaluate(inPageDeltas, options);

const renewed = async (browser, complaints) =>
  (await pageWith(browser, complaints, [PUSHER])).evaluate(inPageRenewed, options);

run({
  pusher: pusher(PUSHER),
  pusher7: pusher(PUSHER_7),
  delta: deltas(PUSHER),
  delta7: deltas(PUSHER_7),
  echoPusher: echo('pusher'),
  echoReverb: echo('reverb'),
  renewed,
});
