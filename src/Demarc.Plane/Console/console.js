// Keeps a page up to date and checks the ledger's proofs with the browser's own cryptography. Nothing here can change anything; what signs is in signing.js.
'use strict';

const environment = document.body.dataset.environment;
const api = environment && `/v1/environments/${environment}`;

// ── Up to date ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const live = document.getElementById('live');
let fetching = null;
let again = false;

function say(state) {
  if (!live) return;
  live.dataset.state = state;
  live.textContent = state === 'live' ? document.body.dataset.live : document.body.dataset.lost;
}

async function refresh() {
  if (fetching) { again = true; return; }
  fetching = fetch(location.href, { headers: { accept: 'text/html' } });
  try {
    const answer = await fetching;
    if (answer.status === 401) { location.reload(); return; }
    if (!answer.ok) return;
    show(new DOMParser().parseFromString(await answer.text(), 'text/html'));
    say('live');
  } catch {
    say('lost');
  } finally {
    fetching = null;
    if (again) { again = false; setTimeout(refresh, 200); }
  }
}

const nameOf = row => row.querySelector('th a')?.href ?? row.querySelector('th')?.textContent;

// Rows that changed are shown so, where they do not do it all the time; focus, selection and opened details stay where they were.
function show(next) {
  const old = document.querySelector('main');
  const fresh = next.querySelector('main');
  const nav = next.querySelector('nav');
  if (nav) document.querySelector('nav')?.replaceWith(nav);
  // What a person is writing in is left alone.
  if (!fresh || fresh.innerHTML === old.dataset.server || old.querySelector('[data-still]')) return;
  const server = fresh.innerHTML;
  const focused = [...old.querySelectorAll('a, button, summary, pre')].indexOf(document.activeElement);
  const open = [...old.querySelectorAll('details')].map(d => d.open);
  const before = new Map([...old.querySelectorAll('tbody tr')].map(row => [nameOf(row), row.innerHTML]));
  old.replaceChildren(...fresh.childNodes);
  old.dataset.server = server;
  old.querySelectorAll('details').forEach((d, i) => { d.open = open[i] ?? false; });
  dress(old);
  for (const row of old.querySelectorAll('tbody tr')) {
    const was = before.get(nameOf(row));
    if (was !== undefined && was !== row.innerHTML && !row.closest('.steady')) row.classList.add('changed');
  }
  if (focused >= 0) old.querySelectorAll('a, button, summary, pre')[focused]?.focus();
}

// A browser allows few connections to one host: only the page that is looked at holds one.
let events = null;
function follow() {
  if (document.hidden) { events?.close(); events = null; return; }
  if (events || !live) return;
  if (!api) { poll(); return; }
  events = new EventSource(`${api}/events`);
  events.onopen = refresh;
  events.onerror = () => say('lost');
  for (const kind of ['ledger', 'agent', 'progress']) events.addEventListener(kind, refresh);
}

let polling = null;
function poll() {
  clearTimeout(polling);
  if (document.hidden) return;
  refresh().finally(() => { polling = setTimeout(poll, 5000); });
}

// ── Copying a command, and reaching what is wider than the screen with the keyboard ───────────────────────────────────────

function dress(root) {
  for (const button of root.querySelectorAll('button[data-copy]')) {
    button.hidden = !navigator.clipboard;
    button.onclick = async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      const was = button.textContent;
      button.textContent = button.dataset.copied;
      setTimeout(() => { button.textContent = was; }, 1500);
    };
  }
  for (const table of root.querySelectorAll('table')) {
    if (table.scrollWidth > table.clientWidth) table.tabIndex = 0;
  }
  const badge = root.querySelector('#verify');
  if (badge) verify(badge);
  document.dispatchEvent(new Event('dressed'));
}

// ── Proofs: RFC 6962 hashes, C2SP signed notes, DSSE ────────────────────────────────────────────────────────────────────

const bytesOf = base64 => Uint8Array.from(atob(base64.replaceAll('-', '+').replaceAll('_', '/')), c => c.charCodeAt(0));
const textBytes = text => new TextEncoder().encode(text);
const textOf = bytes => new TextDecoder('utf-8', { fatal: true }).decode(bytes);
const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);

function concat(...parts) {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  parts.reduce((at, part) => { all.set(part, at); return at + part.length; }, 0);
  return all;
}

const sha256 = async bytes => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
const leaf = bytes => sha256(concat([0], bytes));
const node = (left, right) => sha256(concat([1], left, right));

async function signedBy(key, signature, message) {
  const imported = await crypto.subtle.importKey('raw', key, 'Ed25519', false, ['verify']);
  return crypto.subtle.verify('Ed25519', imported, signature, message);
}

// A passkey's signature is an assertion: authenticator data, client data and DER signature, each after its length in two bytes. The key id holds the algorithm
// (ES256), the compressed point on P-256 and the hash of the relying party's id. Core, which decides, looks at more (PasskeyAssertion).
async function assertedBy(key, assertion, message) {
  const parts = [];
  for (let rest = assertion; rest.length;) {
    const length = rest[0] * 256 + rest[1];
    if (rest.length < 2 + length || parts.length === 3) return false;
    parts.push(rest.slice(2, 2 + length));
    rest = rest.slice(2 + length);
  }
  const [data, client, der] = parts;
  if (parts.length !== 3 || key.length !== 66 || key[0] !== 0xf9 || data.length !== 37 || !same(data.slice(0, 32), key.slice(34)) || (data[32] & 5) !== 5) return false;
  const said = JSON.parse(textOf(client));
  if (said.type !== 'webauthn.get' || said.crossOrigin || said.topOrigin || !same(bytesOf(said.challenge), await sha256(message))) return false;
  const imported = await crypto.subtle.importKey('raw', uncompressed(key.slice(1, 34)), { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify']);
  return crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, imported, plainSignature(der), concat(data, await sha256(client)));
}

const numberOf = bytes => bytes.reduce((n, byte) => n * 256n + BigInt(byte), 0n);
const bytes32 = n => Uint8Array.from(n.toString(16).padStart(64, '0').match(/../g), x => parseInt(x, 16));

// SEC 1, 2.3.4: browsers take both coordinates only.
function uncompressed(point) {
  const p = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
  const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
  const x = numberOf(point.slice(1));
  let [y, base] = [1n, (x * x * x - 3n * x + b) % p];
  for (let power = (p + 1n) / 4n; power > 0n; power /= 2n) {
    if (power % 2n === 1n) y = y * base % p;
    base = base * base % p;
  }
  if (y % 2n !== BigInt(point[0] & 1)) y = p - y;
  return concat([4], bytes32(x), bytes32(y));
}

// Two DER integers become the two numbers of 32 bytes that WebCrypto reads.
function plainSignature(der) {
  const numbers = [];
  for (let at = 2; at < der.length; at += 2 + der[at + 1]) numbers.push(numberOf(der.slice(at + 2, at + 2 + der[at + 1])));
  return concat(...numbers.map(bytes32));
}

// RFC 6962: the root of leaves, level by level; an odd one goes up as it is.
async function rootOf(level) {
  while (level.length > 1) {
    const up = [];
    for (let i = 0; i < level.length; i += 2) up.push(i + 1 < level.length ? node(level[i], level[i + 1]) : level[i]);
    level = await Promise.all(up);
  }
  return level[0];
}

// RFC 9162, 2.1.3.2: the root that a leaf and its path lead to.
async function rootByPath(hash, index, size, path) {
  let [place, last] = [index, size - 1];
  for (const sibling of path) {
    if (last === 0) throw new Error('the path is too long');
    if (place % 2 === 1 || place === last) {
      hash = await node(sibling, hash);
      while (place % 2 === 0 && place !== 0) { place = Math.floor(place / 2); last = Math.floor(last / 2); }
    } else {
      hash = await node(hash, sibling);
    }
    place = Math.floor(place / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) throw new Error('the path is too short');
  return hash;
}

// Checks the signatures of an entry and gives what was signed.
async function readEntry(bytes) {
  const envelope = JSON.parse(textOf(bytes));
  const payload = bytesOf(envelope.payload);
  const signed = concat(textBytes(`DSSEv1 ${textBytes(envelope.payloadType).length} ${envelope.payloadType} ${payload.length} `), payload);
  if (!envelope.signatures.length) throw new Error('an entry without a signature');
  for (const { keyid, sig } of envelope.signatures) {
    const [form, key] = keyid.split(':');
    const check = { ed25519: signedBy, webauthn: assertedBy }[form];
    if (!check || !await check(bytesOf(key), bytesOf(sig), signed)) throw new Error(`the signature of ${keyid} does not hold`);
  }
  return JSON.parse(textOf(payload));
}

// The key that the founding entry pins: name+hash+base64(algorithm, key).
function noteKey(verifier) {
  const [name, hash] = verifier.split('+', 2);
  const key = bytesOf(verifier.slice(name.length + hash.length + 2));
  return { name, hash: Uint8Array.from(hash.match(/../g), x => parseInt(x, 16)), key: key.slice(1) };
}

// A head by any of the keys given: that of the plane in force, and of the one that hands over with the very last entry.
async function readHead(note, pinned) {
  const end = note.indexOf('\n\n');
  const text = note.slice(0, end + 1);
  for (const line of note.slice(end + 2).split('\n')) {
    const [, name, base64] = line.match(/^— (\S+) (\S+)$/) ?? [];
    const signature = base64 ? bytesOf(base64) : null;
    for (const one of pinned.filter(p => name === p.name && same(signature.slice(0, 4), p.hash))) {
      if (!await signedBy(one.key, signature.slice(4), textBytes(text))) continue;
      const [origin, size, root] = text.split('\n');
      if (origin !== `demarc/${environment}`) throw new Error(`the head is of ${origin}`);
      return { size: Number(size), root: bytesOf(root) };
    }
  }
  throw new Error('the head is not signed by the plane in force');
}

// Follows who may say which plane is in force: the customer's owners, signed down from the root that the founding pins.
class Planes {
  constructor(founding) {
    this.owners = new Set([founding.data.customerRoot]);
    this.keys = [noteKey(founding.data.planeKey)];
  }

  take(entry, index) {
    const { kind, author, data } = entry;
    if (!this.owners.has(author)) return;
    if (kind === 'member.added' && data.role === 'Owner') this.owners.add(data.key);
    if (kind === 'member.removed') this.owners.delete(data.key);
    if (kind === 'member.rekeyed') { this.owners.delete(author); this.owners.add(data.newKey); }
    if (kind === 'member.replaced' && this.owners.delete(data.key)) this.owners.add(data.newKey);
    if (kind === 'root.replaced') { this.owners.delete(data.root); this.owners.add(data.newRoot); }
    if (kind !== 'vendor.severed' && kind !== 'plane.moved') return;
    this.handedOver = kind === 'plane.moved' ? { index, from: this.keys.at(-1) } : null;
    this.keys.push(noteKey(data.planeKey));
  }

  at(size) { return this.handedOver?.index === size - 1 ? [this.keys.at(-1), this.handedOver.from] : [this.keys.at(-1)]; }
}

async function get(path) {
  const answer = await fetch(api + path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer;
}

const entriesFrom = async (first, limit) => (await get(`/entries?from=${first}&limit=${limit}`)).json();

async function verifyEntry(index, handovers) {
  // A ledger that went from plane to plane is followed from its first entry: owners may have changed in between.
  if (handovers.length) return verifyLedger(index);
  const founding = bytesOf((await entriesFrom(0, 1)).entries[0]);
  const planes = new Planes(await readEntry(founding));
  const answer = await entriesFrom(index, 1);
  const head = await readHead(answer.checkpoint, planes.at(answer.size));
  const bytes = bytesOf(answer.entries[0]);
  await readEntry(bytes);
  for (const [at, what] of [[0, founding], [index, bytes]]) {
    const proof = await (await get(`/proofs/inclusion?index=${at}&size=${head.size}`)).json();
    if (!same(await rootByPath(await leaf(what), at, head.size, proof.hashes.map(bytesOf)), head.root)) throw new Error(`entry ${at} is not in the ledger of the signed head`);
  }
}

// Entries that say who decides: their signatures are checked, the others' are covered by the root.
const decides = /"kind":"(member\.added|member\.removed|member\.rekeyed|member\.replaced|root\.replaced|vendor\.severed|plane\.moved)"/;
const payloadOf = bytes => textOf(bytesOf(JSON.parse(textOf(bytes)).payload));

async function verifyLedger(index) {
  const leaves = [];
  let planes = null;
  let answer = null;
  do {
    answer = await entriesFrom(leaves.length, 1000);
    for (const entry of answer.entries) {
      const bytes = bytesOf(entry);
      if (!planes) planes = new Planes(await readEntry(bytes));
      else if (decides.test(payloadOf(bytes))) planes.take(await readEntry(bytes), leaves.length);
      if (leaves.length === index) await readEntry(bytes);
      leaves.push(leaf(bytes));
    }
  } while (leaves.length < answer.size && answer.entries.length);
  const head = await readHead(answer.checkpoint, planes.at(answer.size));
  if (head.size > leaves.length) throw new Error(`${leaves.length} entries came, the signed head has ${head.size}`);
  if (!same(await rootOf(await Promise.all(leaves.slice(0, head.size))), head.root)) throw new Error('the entries do not give the root of the signed head');
}

const tooLong = 50000;
async function verify(badge) {
  const tell = (state, text) => { badge.dataset.state = state; badge.textContent = text; };
  if ((badge.dataset.verify === 'ledger' || badge.dataset.planes) && Number(badge.dataset.size) > tooLong) { tell('unknown', badge.dataset.long); return; }
  tell('checking', badge.dataset.checking);
  try {
    await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']);
  } catch {
    tell('unknown', badge.dataset.unable);
    return;
  }
  try {
    if (badge.dataset.verify === 'entry') await verifyEntry(Number(badge.dataset.index), (badge.dataset.planes ?? '').split(',').filter(Boolean));
    else await verifyLedger();
    tell('yes', '✓ ' + badge.dataset[badge.dataset.verify]);
  } catch (failure) {
    tell('no', `✗ ${badge.dataset.failed}: ${failure.message}`);
  }
}

document.querySelector('main').dataset.server = document.querySelector('main').innerHTML;
dress(document);
document.addEventListener('visibilitychange', follow);
follow();
