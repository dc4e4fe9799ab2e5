// The examples as people use them, in Chromium. With `options.shots` each step leaves a picture in that folder.
'use strict';

const path = require('node:path');
const { newPage, run } = require('./chromium');
const { options } = require('./options');

async function shot(page, name) {
  if (options.shots) await page.screenshot({ path: path.join(options.shots, `${name}.png`) });
}

async function join(page, name) {
  await page.goto(options.page);
  await page.fill('#name', name);
  await page.click('#join button');
  await page.waitForSelector('#status[data-state=connected]');
  await page.waitForSelector('#members li');
}

async function say(page, text) {
  await page.fill('#text', text);
  await page.press('#text', 'Enter');
}

const texts = (page, selector) => page.locator(selector).allInnerTexts();

/** Two people in two browsers: who is here, a conversation, typing, leaving. */
async function chat(browser, complaints) {
  const ada = await newPage(browser, complaints);
  const grace = await newPage(browser, complaints, { colorScheme: 'dark' });
  const phone = { viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true };
  await ada.goto(options.page);
  await shot(ada, 'chat-join');
  await join(ada, 'Ada Lovelace');
  await join(grace, 'Grace Hopper');
  await ada.waitForSelector('#members li:nth-child(2)');
  const members = { ada: await texts(ada, '#members .name'), grace: await texts(grace, '#members .name') };

  await say(ada, 'Has anyone a compiler to lend?');
  await grace.waitForSelector('#messages .text');
  await say(grace, 'I wrote one.\n\nIt is in the drawer under “A-0” ☕');
  await say(grace, '<b>not bold</b>');
  await ada.waitForSelector('#messages li:nth-child(4) .text');
  await ada.locator('#text').pressSequentially('Thank');
  await grace.waitForFunction(() => document.querySelector('#typing').textContent !== '');
  const typing = await grace.innerText('#typing');
  await shot(grace, 'chat-dark');
  await shot(ada, 'chat-light');

  const third = await newPage(browser, complaints, phone);
  await join(third, 'Barbara');
  await third.waitForSelector('#messages .text');
  const history = await texts(third, '#messages .text');
  await say(third, 'Hello from a small screen, with a sentence that is long enough to need a second line');
  await ada.waitForFunction(() => document.querySelectorAll('#messages .text').length === 4);
  await shot(third, 'chat-phone');

  await third.context().close();
  await grace.context().close();
  await ada.waitForFunction(() => document.querySelectorAll('#members li').length === 1);
  await ada.reload(); // the browser is remembered
  await ada.waitForSelector('#members li');
  await ada.waitForFunction(() => document.querySelectorAll('#messages .text').length === 4);
  return { members, typing, history, alone: await texts(ada, '#members .name') };
}

/** The console: every kind of channel, sign-in, both ways of sending, and the log with its filter. */
async function interactive(browser, complaints) {
  const page = await newPage(browser, complaints, { viewport: { width: 1280, height: 860 } });
  const other = await newPage(browser, complaints, { colorScheme: 'dark', viewport: { width: 1280, height: 860 } });
  const row = (where, kind, text) => where.waitForSelector(`#log li[data-kind=${kind}]:has-text(${JSON.stringify(text)})`);
  const kinds = ['', 'private-', 'presence-', 'private-encrypted-', 'cache-', 'presence-cache-'];
  for (const [where, user] of [[page, 'ann'], [other, 'bob']]) {
    await where.goto(options.page);
    await where.waitForFunction(() => document.querySelector('[name=key]').value !== '');
    await where.fill('#user [name=id]', user);
    await where.click('[name=connect]');
    await where.waitForSelector('#status[data-state=connected]');
    for (const kind of kinds) {
      await where.selectOption('#subscription select', { label: kind || 'public' });
      await where.click('#subscription button');
      await where.waitForSelector(`#channels li:not(.pending) .name[title]:text-matches("^${kind}room")`);
    }
  }
  await page.fill('#user [name=watchlist]', 'bob');
  for (const where of [page, other]) {
    await where.click('[name=signin]');
    await row(where, 'in', 'pusher:signin_success');
  }
  await row(page, 'life', 'online: bob');
  for (const kind of kinds) {
    await page.fill('#event [name=channel]', `${kind}room`);
    await page.fill('#event [name=data]', JSON.stringify({ to: kind }));
    await page.click('[name=send]');
    await row(other, 'in', `greeting${kind}room`);
  }
  await page.click('#event .segments label:nth-child(2)');
  await page.fill('#event [name=channel]', 'presence-room');
  await page.click('[name=send]');
  await row(page, 'out', 'client-greeting');
  await row(other, 'in', 'client-greeting');
  await page.locator('#log li[data-kind=in] summary').last().click();
  await shot(page, 'interactive-light');
  await shot(other, 'interactive-dark');

  await page.fill('#filter', 'presence -cache');
  await page.uncheck('#kinds [value=http]', { force: true });
  const filtered = await page.locator('#log li:visible').evaluateAll((rows) => rows.map((r) => [r.dataset.kind, r.textContent]));
  const shown = await page.innerText('#shown');
  await page.fill('#filter', '');
  await other.click('[name=terminate]');
  await other.waitForSelector('#status[data-state=disconnected]');
  await row(other, 'life', 'closed, code 4009');
  await row(page, 'life', 'offline: bob');
  const phone = await newPage(browser, complaints, { viewport: { width: 390, height: 780 }, isMobile: true });
  await phone.goto(options.page);
  await phone.waitForFunction(() => document.querySelector('[name=key]').value !== '');
  await phone.click('[name=connect]');
  await phone.waitForSelector('#status[data-state=connected]');
  await shot(phone, 'interactive-phone');
  await phone.locator('main').scrollIntoViewIfNeeded();
  await phone.evaluate(() => document.querySelector('main').scrollIntoView());
  await shot(phone, 'interactive-phone-log');
  return { filtered, shown };
}

run({ chat, interactive });
