// A Chromium with a fresh profile, and a watch on everything that goes wrong in it.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { chromium } = require('playwright-core');
const { options } = require('./options');

const SWITCHES = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--remote-debugging-pipe',
];

/** Gives `work` a browser and the list that collects complaints; the browser and its profile are gone afterwards. */
async function withBrowser(work) {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'conformance-'));
  // Trust in an authority by the hash of its key: the profile of a browser takes certificates only by its own tools.
  const trust = options.authority ? [`--ignore-certificate-errors-spki-list=${options.authority}`] : [];
  const args = [...SWITCHES, ...trust, `--user-data-dir=${profile}`, 'about:blank'];
  const browser = await chromium.launch({ executablePath: options.chromium, ignoreDefaultArgs: true, args });
  try {
    return await work(browser);
  } finally {
    await browser.close();
    fs.rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A page in a context (cookies, storage) of its own; what it complains of, and any call off the machine, is noted. */
async function newPage(browser, complaints, settings = {}) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 760 }, ...settings });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complain = (level, text) => complaints.push({ level, text });
  page.on('pageerror', (error) => complain('pageerror', error.stack));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complain(message.type(), message.text());
  });
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith('http') && hostname !== '127.0.0.1') complain('elsewhere', request.url());
  });
  return page;
}

/** Runs one scenario of the table and prints {"result" or "failure", "complaints"} as the last line. */
async function run(scenarios) {
  const complaints = [];
  const outcome = {};
  try {
    outcome.result = await withBrowser((browser) => scenarios[process.argv[2]](browser, complaints));
  } catch (error) {
    outcome.failure = error.stack;
  }
  process.stdout.write(JSON.stringify({ ...outcome, complaints }) + '\n');
  process.exit(0);
}

module.exports = { newPage, run };
