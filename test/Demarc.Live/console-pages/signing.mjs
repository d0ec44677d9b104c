// A person who decides in the browser: makes a key that cannot be read, has an owner add it, approves, rejects and withdraws from the inbox, amends the
// charter, and is not deceived by a plane that shows one plan and means another. Every page is checked with axe-core and photographed.
//
//   node signing.mjs DEMARC BROWSER FOLDER-FOR-SCREENSHOTS     (with DEMARC_HOME of a running quickstart)
//
// Prints one line per check and ends with 0 only if all hold.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
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
const json = (...args) => JSON.parse(demarc(...args, '--output', 'json'));
const ask = (...args) => json(...args, '--no-wait').id;

const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] });
const context = await browser.newContext({ viewport: { width: 1280, height: 1000 }, locale: 'en-GB' });
const page = await context.newPage();
const complaints = [];
page.on('console', message => { if (message.type() === 'error' && !message.text().includes('409')) complaints.push(message.text()); });
page.on('pageerror', error => complaints.push(error.message));
page.on('dialog', dialog => dialog.accept());

const link = demarc('console', '--as', 'customer').trim();
const origin = new URL(link).origin;
await page.goto(link);
await page.waitForURL(origin + '/');
complaints.length = 0;
const root = await page.locator('header .where a').getAttribute('href');
const api = `${origin}/v1${root}`;
const get = async path => (await context.request.get(api + path)).json();

async function look(name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  check(`${name}: accessible`, violations.length === 0, violations.map(v => `${v.id} (${v.nodes.map(n => n.html.slice(0, 160)).join('; ')})`).join(' | '));
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1);
  check(`${name}: nothing sticks out`, !wide);
  check(`${name}: no complaint of the browser`, complaints.length === 0, complaints.join(' | '));
  complaints.length = 0;
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

const state = async wanted => { await page.locator(`#signing-state[data-state="${wanted}"]`).waitFor({ timeout: 15000 }); return page.textContent('#signing-state'); };
const close = async () => { await page.keyboard.press('Escape'); await page.locator('#signing').waitFor({ state: 'hidden' }); };

// ── A key ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

await page.goto(`${origin}${root}/keys`);
await page.fill('#key-name', "Ann's laptop");
await page.keyboard.press('Enter');
const id = await page.locator('#keys tbody code.long').first().textContent();
check('a key is made', /^ed25519:[\w-]{43}$/.test(id), id);
check('its private half cannot be read', await page.evaluate(async () => {
  const [{ pair }] = await keyStore.all();
  for (const form of ['pkcs8', 'jwk', 'raw']) try { await crypto.subtle.exportKey(form, pair.privateKey); return false; } catch { /* as it should be */ }
  return pair.privateKey.extractable === false;
}));
await look('keys-new');

const remove = ask('instances', 'delete', 'docs');
await page.goto(`${origin}${root}/inbox`);
await page.locator('#mine + .item, #mine ~ .item').first().waitFor();
await look('inbox');
await page.getByRole('button', { name: 'Approve instances.delete docs' }).click();
check('a key that nobody has added signs nothing', (await state('no')).includes('My keys'));
await close();
demarc('members', 'add', id, '--role', 'owner', '--name', 'Ann', '--as', 'customer');
await page.goto(`${origin}${root}/keys`);
await page.locator('#keys .chip.customer').waitFor();
await look('keys-member');

// ── A plane that deceives ───────────────────────────────────────────────────────────────────────────────────────────────

const real = await get(`/changes/${remove}`);
const other = JSON.stringify(JSON.parse(real.planText).slice(1));
const hashOf = text => `sha256:${createHash('sha256').update(text).digest('hex')}`;
await page.goto(`${origin}${root}/inbox`);
await page.route(`**/changes/${remove}`, route => route.fulfill({ json: { ...real, planText: other } }));
await page.getByRole('button', { name: 'Approve instances.delete docs' }).click();
check('another text under the hash of the plan: refused here', (await state('no')).includes('audit verify'));
check('another text under the hash of the plan: there is nothing to press', await page.locator('#signing-go').isHidden());
await close();
await page.unroute(`**/changes/${remove}`);
await page.route(`**/changes/${remove}`, route => route.fulfill({ json: { ...real, planText: other, planHash: hashOf(other) } }));
await page.getByRole('button', { name: 'Approve instances.delete docs' }).click();
await page.locator('#signing-go:visible').click();
check('another text with a hash of its own: the ledger refuses what was signed', (await state('no')).includes('the present one is'));
await close();
await page.unroute(`**/changes/${remove}`);

// ── Approving, with an answer that gets lost ────────────────────────────────────────────────────────────────────────────

await page.goto(`${origin}${root}/inbox`);
await page.getByRole('button', { name: 'Approve instances.delete docs' }).click();
await page.locator('#signing-go:visible').waitFor();
check('the hash that is shown is that of the plan', (await page.textContent('#signing-hash')) === hashOf(real.planText) && real.planHash === hashOf(real.planText));
check('the text that is shown is the plan', (await page.textContent('#signing-text')) === real.planText);
const shown = await page.textContent('#signing-entry');
await page.locator('#signing-exact summary').click();
await look('approve');
await page.locator('#signing-exact summary').click();
const sent = [];
await page.route('**/entries', async route => {
  sent.push(route.request().postData());
  if (sent.length > 1) { await route.continue(); return; }
  await route.fetch();
  await route.abort();
});
await page.click('#signing-go');
await page.getByRole('button', { name: 'Send again' }).waitFor();
await page.click('#signing-go');
const said = await state('yes');
check('a lost answer: the identical entry is sent again and counts once', sent.length === 2 && sent[0] === sent[1] && /\d+$/.test(said), said);
check('what was signed is what was shown, byte for byte', Buffer.from(JSON.parse(sent[0]).payload, 'base64').toString() === shown, shown);
await page.unroute('**/entries');
complaints.length = 0;
await page.screenshot({ path: join(folder, 'approved.png') });
await close();
demarc('changes', 'follow', remove, '--as', 'customer');
const ended = await get(`/changes/${remove}`);
check('what was approved in the browser was done', ended.status === 'succeeded', ended.status);
const entry = (await get('/search?kind=change.approved')).entries[0];
check("the ledger names the browser's key", entry.author === id);

// ── Rejecting and withdrawing, by keyboard alone ────────────────────────────────────────────────────────────────────────

demarc('instances', 'restore', 'docs');
const second = ask('instances', 'delete', 'docs');
await page.goto(`${origin}${root}/inbox`);
await page.getByRole('button', { name: 'Reject instances.delete docs' }).focus();
await page.keyboard.press('Enter');
await page.locator('#signing-reason:visible').waitFor();
check('keyboard: the reason has the focus', await page.evaluate(() => document.activeElement.id) === 'signing-reason');
await page.locator('#signing-go').focus();
await page.keyboard.press('Enter');
check('no reason, no rejection', (await state('no')).includes('Say why'));
await page.keyboard.type('Not before the "sale" <ends> – 売り出し中');
await look('reject');
await page.locator('#signing-go').focus();
await page.keyboard.press('Enter');
await state('yes');
await page.keyboard.press('Enter');
await page.locator('#signing').waitFor({ state: 'hidden' });
const rejected = await get(`/changes/${second}`);
check('rejected, with the reason as it was written', rejected.status === 'rejected' && rejected.reason.includes('Not before the "sale" <ends> – 売り出し中'), rejected.reason);

// ── Amending the charter ────────────────────────────────────────────────────────────────────────────────────────────────

await page.goto(`${origin}${root}/charter/amend`);
await page.locator('#amend-state .call').waitFor();
const draft = await page.inputValue('#amend-text');
check('an untouched draft changes nothing', await page.locator('#amend-go').isDisabled());
await page.fill('#amend-text', draft.replace('instances.delete: customer', 'instances.delete: nobody'));
await page.locator('#amend-state .bad').waitFor();
check('what is wrong is said with its line', /line \d+/.test(await page.textContent('#amend-state')), await page.textContent('#amend-state'));
await look('amend-wrong');
await page.fill('#amend-text', draft.replace('instances.delete: customer', 'instances.delete: both'));
await page.locator('#amend-state .good').waitFor();
check('what it changes is said in words', (await page.textContent('#amend-state')).includes('instances.delete now needs the approval of the vendor and the customer'), await page.textContent('#amend-state'));
await look('amend');
await page.click('#amend-go');
await page.locator('#signing-go:visible').waitFor();
await look('propose');
await page.click('#signing-go');
await page.waitForURL(`${origin}${root}/charter`);
await page.getByRole('button', { name: 'Read and sign…' }).last().waitFor();
await look('charter-proposed');
await page.locator('button[data-sign="charter"][data-party="customer"]').click();
await page.locator('#signing-go:visible').waitFor();
check('the difference is shown line by line', (await page.locator('.difference ins').count()) > 0 && (await page.locator('.difference del').count()) > 0);
await look('sign-charter');
await page.click('#signing-go');
await state('yes');
await close();
demarc('charter', 'sign', '--as', 'vendor', '--yes');
check('the charter that was proposed and signed in the browser is in force', (await get('/charter')).version === 2);

// ── More may leave, by the customer's word for one day; and what cutting the agent off would be ─────────────────────────

await page.goto(`${origin}${root}/egress`);
const today = new Date().toISOString().slice(0, 10);
await page.getByRole('button', { name: 'Allow more: progress' }).click();
await page.locator('#signing-go:visible').waitFor();
check('keyboard: the amount has the focus', await page.evaluate(() => document.activeElement.id) === 'signing-amount');
await page.fill('#signing-amount', '2000');
await page.fill('#signing-reason', 'a long night');
await page.click('#signing-go');
check('more than the ledger takes is refused here', (await state('no')).includes('1024 MiB'));
await page.fill('#signing-amount', '3');
await look('allow');
await page.click('#signing-go');
await state('yes');
await close();
const consent = (await get('/search?kind=egress.consented')).entries[0];
check('what may leave is signed by class, day and bytes', consent.author === id && consent.data.class === 'progress' && consent.data.bytes === 3 * 1024 * 1024 && consent.data.day === today && consent.data.reason === 'a long night', JSON.stringify(consent.data));
await page.getByText('3 MiB, how far a running change is').waitFor();
await look('egress-allowed');
await page.goto(`${origin}${root}/oversight`);
await page.getByRole('button', { name: 'Cut the agent off…' }).click();
await page.locator('#signing-go:visible').waitFor();
const agent = (await get('')).agent;
check('cutting the agent off names its key', JSON.parse(await page.textContent('#signing-entry')).data.agent === agent, await page.textContent('#signing-entry'));
await look('revoke');
await close();

// ── Who may only read sees no button that would not serve them ──────────────────────────────────────────────────────────

const home = mkdtempSync(join(tmpdir(), 'demarc-reader-'));
const reader = (...args) => execFileSync(program, args, { encoding: 'utf8', env: { ...process.env, DEMARC_HOME: home } });
reader('keys', 'create', 'customer');
const readers = JSON.parse(reader('keys', 'list', '--output', 'json')).find(key => key.name === 'customer').public;
demarc('members', 'add', readers, '--role', 'auditor', '--name', 'Rita', '--as', 'customer');
const waiting = ask('instances', 'delete', 'docs');
const auditors = await browser.newContext({ locale: 'en-GB' });
const theirs = await auditors.newPage();
await theirs.goto(reader('console', '--as', 'customer', '--plane', origin).trim());
await theirs.waitForURL(origin + '/');
for (const name of ['inbox', 'oversight', `changes/${waiting}`]) {
  await theirs.goto(`${origin}${root}/${name}`);
  await theirs.waitForTimeout(500);
  check(`auditor: ${name} offers nothing to sign`, await theirs.locator('button[data-sign]').count() > 0 && await theirs.locator('button[data-sign]:visible').count() === 0);
}
await theirs.goto(`${origin}${root}/oversight`);
await theirs.locator('#verify[data-state="yes"]').waitFor({ timeout: 15000 });
check('auditor: the proof holds in their browser', true);
const [download] = await Promise.all([theirs.waitForEvent('download'), theirs.goto(`${origin}${root}/members`).then(() => theirs.getByRole('link', { name: 'Download as CSV' }).click())]);
check('auditor: takes the access review along', readFileSync(await download.path(), 'utf8').includes(`"Rita","auditor","no","${readers}"`));
await auditors.close();
demarc('withdraw', waiting, '--reason', 'only looked at', '--as', 'vendor');
rmSync(home, { recursive: true });

// ── A passkey, in an authenticator that the browser plays: bound to the site's name, asked at each signature ────────────────

const named = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 1000 } });
const phone = await named.newPage();
const tools = await named.newCDPSession(phone);
await tools.send('WebAuthn.enable');
const { authenticatorId } = await tools.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
const site = origin.replace('127.0.0.1', 'localhost');
await phone.goto(demarc('console', '--as', 'customer').trim().replace('127.0.0.1', 'localhost'));
await phone.waitForURL(site + '/');
await phone.goto(`${site}${root}/keys`);
await phone.fill('#key-name', "Ann's phone");
await phone.getByRole('button', { name: 'Use a passkey…' }).click();
const passkey = await phone.locator('#keys tbody code.long').first().textContent();
check('a passkey is made', /^webauthn:[\w-]{88}$/.test(passkey), passkey);
demarc('members', 'add', passkey, '--role', 'approver', '--name', "Ann's phone", '--as', 'customer');
const fourth = ask('instances', 'delete', 'docs');
await phone.goto(`${site}${root}/changes/${fourth}`);
await phone.getByRole('button', { name: 'Reject…' }).click();
await phone.locator('#signing-go:visible').waitFor();
await phone.fill('#signing-reason', 'said with a passkey');
await tools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
await phone.click('#signing-go');
await phone.locator('#signing-state[data-state="no"]').waitFor({ timeout: 90000 });
check('who is not verified signs nothing, and may try again', (await phone.textContent('#signing-state')).includes('Nothing was signed') && await phone.locator('#signing-go').isVisible(), await phone.textContent('#signing-state'));
await tools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });
await phone.click('#signing-go');
await phone.locator('#signing-state[data-state="yes"]').waitFor({ timeout: 15000 });
const passkeys = (await get('/search?kind=change.rejected')).entries[0];
check('the ledger takes what the passkey signed', passkeys.author === passkey && passkeys.data.reason === 'said with a passkey', JSON.stringify(passkeys));
await phone.goto(`${site}${root}/ledger/${passkeys.index}`);
await phone.locator('#verify[data-state="yes"], #verify[data-state="no"]').waitFor({ timeout: 15000 });
check('its proof holds in the browser', await phone.getAttribute('#verify', 'data-state') === 'yes', await phone.textContent('#verify'));
check('and on the command line', demarc('audit', 'verify').includes('VERIFIED'));
await phone.goto(`${site}${root}/charter/amend`);
await phone.getByRole('button', { name: 'Check…' }).click();
await phone.locator('#amend-state .call').waitFor();
check('a draft is checked when asked, with the passkey', (await phone.textContent('#amend-state')).includes('It changes nothing'), await phone.textContent('#amend-state'));
await named.close();

// ── Japanese, and the end of a key ──────────────────────────────────────────────────────────────────────────────────────

const third = ask('instances', 'delete', 'docs');
await page.goto(`${origin}${root}/inbox?lang=ja`);
check('inbox in Japanese', (await page.textContent('h1')) === '受信箱');
await look('inbox-ja');
await page.locator(`button[data-sign="approve"][data-subject="${third}"][data-party="customer"]`).click();
await page.locator('#signing-go:visible').waitFor();
await look('approve-ja');
await close();
demarc('members', 'remove', id, '--yes', '--as', 'customer');
await page.locator(`button[data-sign="approve"][data-subject="${third}"][data-party="customer"]`).click();
await state('no');
check('a key that was taken out signs nothing', await page.locator('#signing-go').isHidden());
await close();
await page.goto(`${origin}${root}/keys?lang=en`);
await page.getByRole('button', { name: /^Forget/ }).click();
await page.getByText('There is no key in this browser yet.').waitFor();
check('a forgotten key is gone', await page.evaluate(async () => (await keyStore.all()).length) === 0);
await page.goto(`${origin}${root}/notifications`);
await look('notifications');

demarc('console', '--sign-out', '--as', 'customer');
const after = await page.goto(`${origin}${root}/inbox`);
check('signed out everywhere', after.status() === 401);

await browser.close();
console.log(failures === 0 ? 'all checks hold' : `${failures} checks failed`);
process.exit(failures === 0 ? 0 : 1);
