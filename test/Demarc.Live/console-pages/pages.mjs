// Opens every page of a running console in a real browser, as a person would: signs in with a one-time link, reads, follows, switches the language. Each
// page is checked for errors in the browser, for accessibility (axe-core), for its proof badge, and photographed.
//
//   node pages.mjs SIGN-IN-LINK BROWSER FOLDER-FOR-SCREENSHOTS
//
// Prints one line per check and ends with 0 only if all hold.
import { readFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [link, browserPath, folder] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const origin = new URL(link).origin;
mkdirSync(folder, { recursive: true });

let failures = 0;
function check(what, holds, detail = '') {
  console.log(`${holds ? 'ok  ' : 'FAIL'} ${what}${holds || !detail ? '' : `: ${detail}`}`);
  if (!holds) failures++;
}

const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] });
const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB' });
const page = await context.newPage();
const complaints = [];
page.on('console', message => { if (message.type() === 'error') complaints.push(message.text()); });
page.on('pageerror', error => complaints.push(error.message));

async function look(name, path, width = 1280) {
  complaints.length = 0;
  await page.setViewportSize({ width, height: 900 });
  const answer = await page.goto(origin + path, { waitUntil: 'load' });
  const expected = name.startsWith('missing') ? 404 : name.startsWith('signed-out') ? 401 : 200;
  check(`${name}: ${path} answers ${expected}`, answer.status() === expected, String(answer.status()));
  if (await page.locator('#verify').count()) await page.locator('#verify[data-state="yes"], #verify[data-state="no"], #verify[data-state="unknown"]').waitFor({ timeout: 15000 });
  if (expected === 200) check(`${name}: no complaint of the browser`, complaints.length === 0, complaints.join(' | '));
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1);
  check(`${name}: nothing sticks out at ${width} px`, !wide);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  check(`${name}: accessible`, violations.length === 0, violations.map(v => `${v.id} (${v.nodes.map(n => n.html.slice(0, 120)).join('; ')})`).join(' | '));
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

await look('signed-out', '/');
check('signed-out: says how to get in', (await page.textContent('main')).includes('demarc console'));

complaints.length = 0;
await page.goto(link, { waitUntil: 'load' });
await page.waitForURL(origin + '/');
await look('table', '/');
check('table: 17 rows', await page.locator('.responsibilities tbody th[scope="row"]').count() === 17);
await page.locator('#live[data-state="live"]').waitFor({ timeout: 10000 });
check('table: live', true);
const root = await page.locator('header .where a').getAttribute('href');

for (const name of ['oversight', 'oversight/severance', 'inbox', 'keys', 'notifications', 'charter/amend', 'instances', 'changes', 'findings', 'machine', 'egress', 'charter', 'members', 'ledger']) await look(name.replace('/', '-'), `${root}/${name}`);
check('ledger: verified by the browser', (await page.getAttribute('#verify', 'data-state')) === 'yes', await page.textContent('#verify'));
await look('entry-0', `${root}/ledger/0`);
check('entry 0: verified by the browser', (await page.getAttribute('#verify', 'data-state')) === 'yes', await page.textContent('#verify'));
await look('entry-7', `${root}/ledger/7`);
check('entry 7: verified by the browser', (await page.getAttribute('#verify', 'data-state')) === 'yes', await page.textContent('#verify'));

// An entry that is not the signed one must not be called verified.
await page.route('**/entries?from=7&limit=1', async route => {
  const answer = await (await route.fetch()).json();
  answer.entries = (await (await context.request.get(`${origin}/v1${root}/entries?from=6&limit=1`)).json()).entries;
  await route.fulfill({ json: answer });
});
await page.goto(`${origin}${root}/ledger/7`);
await page.locator('#verify[data-state="no"], #verify[data-state="yes"]').waitFor({ timeout: 15000 });
check('entry 7 exchanged for entry 6: refused', (await page.getAttribute('#verify', 'data-state')) === 'no', await page.textContent('#verify'));
await page.unroute('**/entries?from=7&limit=1');

await page.goto(`${origin}${root}/instances`);
const instance = await page.locator('tbody th a').first().getAttribute('href');
await look('instance', instance);
await page.goto(`${origin}${root}/changes`);
await look('change', await page.locator('tbody th a').first().getAttribute('href'));
await look('missing', `${root}/changes/c-nothing`);
await look('table-phone', '/', 390);
await look('change-phone', await (async () => { await page.goto(`${origin}${root}/changes`); return page.locator('tbody th a').first().getAttribute('href'); })(), 390);

await look('table-ja', `${root}?lang=ja`);
check('table-ja: in Japanese', await page.getAttribute('html', 'lang') === 'ja' && (await page.textContent('h1')) === '責任分担表');
await look('ledger-ja', `${root}/ledger`);
check('ledger-ja: the choice is kept', await page.getAttribute('html', 'lang') === 'ja');
await look('table-en', `${root}?lang=en`);

// By keyboard alone: the first tab offers to skip, and the second page of the navigation opens with Enter.
await page.goto(origin + root);
await page.keyboard.press('Tab');
check('keyboard: the first stop skips to the content', (await page.evaluate(() => document.activeElement.className)) === 'skip');
await page.locator('nav a[href$="/instances"]').focus();
await page.keyboard.press('Enter');
await page.waitForURL(`${origin}${root}/instances`);
check('keyboard: the navigation opens with Enter', true);

await page.goto(`${origin}/sign-out`);
await look('signed-out-again', '/');

await browser.close();
console.log(failures === 0 ? 'all checks hold' : `${failures} checks failed`);
process.exit(failures === 0 ? 0 : 1);
