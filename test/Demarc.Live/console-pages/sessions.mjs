// An emergency session in the customer's browser: approved there, watched live, ended there, its recording checked and played, an altered one not; both languages.
// Every page is checked with axe-core and photographed.
//
//   node sessions.mjs DEMARC BROWSER FOLDER-FOR-SCREENSHOTS     (with DEMARC_HOME of a running quickstart)
//
// Prints one line per check and ends with 0 only if all hold.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [program, browserPath, folder] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
mkdirSync(folder, { recursive: true });

let failures = 0;
function check(what, holds, detail = '') {
  console.log(`${holds ? 'ok  ' : 'FAIL'} ${what}${holds || !detail ? '' : `: ${detail}`}`);
  if (!holds) failures++;
}

const demarc = (...args) => execFileSync(program, args, { encoding: 'utf8' });
const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] });
const context = await browser.newContext({ viewport: { width: 1280, height: 1000 }, locale: 'en-GB' });
const page = await context.newPage();
const complaints = [];
page.on('console', message => { if (message.type() === 'error') complaints.push(message.text()); });
page.on('pageerror', error => complaints.push(error.message));

const link = demarc('console', '--as', 'customer').trim();
const origin = new URL(link).origin;
await page.goto(link);
await page.waitForURL(origin + '/');
const root = await page.locator('header .where a').getAttribute('href');
complaints.length = 0;

async function look(name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  check(`${name}: accessible`, violations.length === 0, violations.map(v => `${v.id} (${v.nodes.map(n => n.html.slice(0, 160)).join('; ')})`).join(' | '));
  check(`${name}: nothing sticks out`, !await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1));
  check(`${name}: no complaint of the browser`, complaints.length === 0, complaints.join(' | '));
  complaints.length = 0;
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

const state = async wanted => { await page.locator(`#signing-state[data-state="${wanted}"]`).waitFor({ timeout: 15000 }); return page.textContent('#signing-state'); };
const close = async () => { await page.keyboard.press('Escape'); await page.locator('#signing').waitFor({ state: 'hidden' }); };
const status = id => JSON.parse(demarc('emergency', 'show', id, '--output', 'json'));

await page.goto(`${origin}${root}/keys`);
await page.fill('#key-name', 'On call');
await page.keyboard.press('Enter');
const key = await page.locator('#keys tbody code.long').first().textContent();
demarc('members', 'add', key, '--role', 'owner', '--name', 'On call', '--as', 'customer');

const id = demarc('emergency', 'request', 'terminal', '--minutes', '5', '--reason', 'searches time out since 09:10', '--quiet').trim();
await page.goto(`${origin}${root}/inbox`);
await page.locator('.item').first().waitFor();
await look('sessions-inbox');
await page.getByRole('button', { name: `Approve session ${id}` }).click();
await page.locator('#signing-go:not([hidden])').waitFor();
check('the terms are shown that are signed', (await page.textContent('#signing-read')).includes('reason: "searches time out since 09:10"'));
await look('sessions-approve');
await page.click('#signing-go');
await state('yes');
await close();
check('approved by the key of the browser', status(id).approvals[0].key === key && status(id).status === 'approved', JSON.stringify(status(id).approvals));

const working = spawn(program, ['emergency', 'open', id, '--command', 'kernel', '--command', 'vmstat 300'], { stdio: 'ignore' });
const over = new Promise(end => working.on('exit', end));
await page.goto(`${origin}${root}/sessions`);
await look('sessions');
await page.goto(`${origin}${root}/sessions/${id}`);
await page.locator('.tape', { hasText: 'procs' }).waitFor({ timeout: 15000 });
check('live: what was typed and shown', (await page.textContent('.tape')).includes('$ kernel') && (await page.textContent('.tape')).includes('Linux'));
await look('session-live');
await page.getByRole('button', { name: 'End it…' }).click();
await page.locator('#signing-go:not([hidden])').waitFor();
await page.fill('#signing-reason', 'enough seen');
await page.click('#signing-go');
await state('yes');
await close();
check('ended from the browser: who worked in it is told so', await over === 3);
check('ended, and revoked by the customer', status(id).end === 'revoked', JSON.stringify(status(id).end));

await page.goto(`${origin}${root}/sessions/${id}`);
await page.locator('#tape [role=status][data-state="yes"]').waitFor({ timeout: 15000 });
check('the recording is whole, as this browser computes', (await page.textContent('.tape')).includes('ended: revoked by the customer: enough seen'));
await look('session-ended');
await page.getByRole('button', { name: 'Play', exact: true }).click();
await page.locator('.tape', { hasText: '$ kernel' }).waitFor({ timeout: 15000 });
check('it plays', true);

await page.route('**/recording', async route => { const answer = await route.fetch(); await route.fulfill({ response: answer, body: (await answer.text()).replace('kernel', 'nothin') }); });
await page.goto(`${origin}${root}/sessions/${id}`);
await page.locator('#tape [role=status][data-state="no"]').waitFor({ timeout: 15000 });
check('an altered recording is not shown', !(await page.textContent('.tape')).includes('nothin'));
await page.unroute('**/recording');

await page.goto(`${origin}${root}/sessions/${id}?lang=ja`);
check('in Japanese', (await page.textContent('h1')).includes('ターミナル'));
await page.locator('#tape [role=status][data-state="yes"]').waitFor({ timeout: 15000 });
await look('session-ja');
await page.goto(`${origin}${root}/sessions?lang=ja`);
await look('sessions-ja');

await browser.close();
console.log(failures === 0 ? 'all checks hold' : `${failures} checks failed`);
process.exit(failures === 0 ? 0 : 1);
