// The pictures of docs/guide.md, taken of a running quickstart: a vendor asks to delete an instance, and the customer's people look, decide and amend.
// Nothing in them is arranged: whoever runs `./dev pictures` sees the same pages with other keys and times.
//
//   node pictures.mjs DEMARC BROWSER FOLDER     (with DEMARC_HOME of a running quickstart)
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [program, browserPath, folder] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const demarc = (...args) => execFileSync(program, args, { encoding: 'utf8' });

const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] });
const context = await browser.newContext({ viewport: { width: 1180, height: 780 }, locale: 'en-GB', reducedMotion: 'reduce' });
const page = await context.newPage();
const link = demarc('console', '--as', 'customer').trim();
const origin = new URL(link).origin;
await page.goto(link);
await page.waitForURL(origin + '/');
const root = await page.locator('header .where a').getAttribute('href');

const open = async name => { await page.goto(`${origin}${root}/${name}`); await page.locator('#live[data-state="live"]').waitFor(); };
async function take(name, height = 780) {
  if (await page.locator('#verify').count()) await page.locator('#verify[data-state="yes"]').waitFor({ timeout: 15000 });
  await page.setViewportSize({ width: 1180, height });
  await page.screenshot({ path: join(folder, `${name}.png`) });
  console.log(name);
}

// A person of the customer decides in the browser: a key is made there, and an owner adds it.
await open('keys');
await page.fill('#key-name', "Ann's laptop");
await page.keyboard.press('Enter');
const id = await page.locator('#keys tbody code.long').first().textContent();
demarc('members', 'add', id, '--role', 'owner', '--name', 'Ann', '--as', 'customer');
await open('keys');
await page.locator('#keys .chip.customer').waitFor();
await take('keys', 640);

demarc('instances', 'delete', 'docs', '--no-wait', '--quiet');
await open('inbox');
await page.getByRole('button', { name: 'Approve instances.delete docs' }).waitFor();
await page.goto(origin + '/');
await page.locator('#live[data-state="live"]').waitFor();
await take('table', 900);
await open('oversight');
await take('vendor', 690);
await page.locator('#stop').scrollIntoViewIfNeeded();
await page.evaluate(() => document.getElementById('stop').scrollIntoView());
await take('stop', 560);
await open('oversight/severance');
await take('severance', 760);
await open('egress');
await take('egress', 720);
await open('members');
await take('members', 620);
await open('ledger?by=vendor');
await take('ledger', 700);

await open('charter/amend');
await page.locator('#amend-state .call').waitFor();
await page.fill('#amend-text', (await page.inputValue('#amend-text')).replace('instances.delete: customer', 'instances.delete: { customer: 2, roles: [owner, approver], not-requester: true }').replace('max-instances: 10', 'max-instances: 5'));
await page.locator('#amend-state .good').waitFor();
await page.evaluate(() => { document.getElementById('amend-text').rows = 16; document.getElementById('amend-text').scrollTop = 150; document.activeElement.blur(); window.scrollTo(0, 0); });
await take('amend', 720);

await open('inbox');
await page.getByRole('button', { name: 'Approve instances.delete docs' }).click();
await page.locator('#signing-go:visible').waitFor();
await page.locator('#signing-exact summary').click();
await take('approve', 760);
await page.click('#signing-go');
await page.locator('#signing-state[data-state="yes"]').waitFor();
await page.keyboard.press('Escape');
demarc('instances', 'restore', 'docs', '--quiet');
await page.goto(`${origin}/?lang=ja`);
await page.locator('#live[data-state="live"]').waitFor();
await take('table-ja', 620);
await browser.close();
