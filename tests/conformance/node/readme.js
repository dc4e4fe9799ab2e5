// The README's own page, pasted into a file and opened as a newcomer does.
'use strict';

const path = require('node:path');
const { newPage, run } = require('./chromium');
const { options, serverSdk } = require('./options');

const BUNDLE = path.join(__dirname, '..', 'node_modules/pusher-js/dist/web/pusher.min.js');

/** What the page has printed after one event. */
async function page(browser, complaints) {
  const noted = [];
  const printed = [];
  const tab = await newPage(browser, noted);
  tab.on('console', (message) => printed.push(message.text()));
  // No test leaves the machine: the script the page asks a CDN for is the one that npm installed.
  await tab.route(/^https:/, (route) => route.fulfill({ path: BUNDLE, contentType: 'text/javascript' }));
  await tab.goto(`file://${options.file}`);
  await tab.waitForFunction(() => pusher.allChannels().every((channel) => channel.subscribed));
  const spoken = tab.waitForEvent('console');
  await serverSdk().trigger('news', 'hello', { text: 'Hello, page' });
  await spoken;
  complaints.push(...noted.filter(({ level }) => level !== 'elsewhere'));
  return printed;
}

run({ page });
