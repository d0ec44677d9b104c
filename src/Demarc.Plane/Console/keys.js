// Keys that this browser holds and cannot give away, and what they sign: entries (DSSE over a body that is written here) and requests. Nothing here decides
// what is signed; signing.js shows it to a person first.
'use strict';

// ── Where keys are ──────────────────────────────────────────────────────────────────────────────────────────────────────

const keyStore = (() => {
  let opened = null;
  const open = () => opened ??= new Promise((done, fail) => {
    const request = indexedDB.open('demarc', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('keys', { keyPath: 'id' });
    request.onsuccess = () => done(request.result);
    request.onerror = () => { opened = null; fail(request.error); };
  });
  const within = async (mode, act) => {
    const database = await open();
    return new Promise((done, fail) => {
      const transaction = database.transaction('keys', mode);
      const request = act(transaction.objectStore('keys'));
      transaction.oncomplete = () => done(request.result);
      transaction.onabort = transaction.onerror = () => fail(transaction.error);
    });
  };
  return {
    all: async () => (await within('readonly', keys => keys.getAll())).sort((a, b) => a.made.localeCompare(b.made)),
    put: key => within('readwrite', keys => keys.put(key)),
    forget: id => within('readwrite', keys => keys.delete(id)),
  };
})();

async function canSign() {
  try {
    await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']);
    return true;
  } catch {
    return false;
  }
}

const base64 = bytes => btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''));
const base64url = bytes => base64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const hex = bytes => Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
const fresh = length => crypto.getRandomValues(new Uint8Array(length));

// The private half is made such that no script can ever read it, and kept as the browser's own object.
async function makeKey(name) {
  const pair = await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']);
  const raw = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  const key = { id: `ed25519:${base64url(raw)}`, name, made: new Date().toISOString(), pair };
  await keyStore.put(key);
  navigator.storage?.persist?.();
  return key;
}

// ── Passkeys: the private half is in a phone, a laptop or a security key, and each signature asks the person ──────────────

const es256 = -7;

// A passkey is bound to the host's name; an address is none.
const canHavePasskey = () => !!globalThis.PublicKeyCredential && isSecureContext && !/^[\d.]+$|:/.test(location.hostname);

// The key's text: the algorithm, the point in its short form, the hash of the host's name. The point stands at the end of the SubjectPublicKeyInfo that the browser gives.
async function makePasskey(name) {
  const made = await navigator.credentials.create({ publicKey: {
    challenge: fresh(32), rp: { name: 'Demarc' }, user: { id: fresh(16), name, displayName: name }, attestation: 'none',
    pubKeyCredParams: [{ type: 'public-key', alg: es256 }], authenticatorSelection: { userVerification: 'required', residentKey: 'discouraged' },
  } });
  const point = new Uint8Array(made.response.getPublicKey()).slice(-64);
  const raw = concat([es256 & 255, 2 + (point[63] & 1)], point.slice(0, 32), await sha256(textBytes(location.hostname)));
  const key = { id: `webauthn:${base64url(raw)}`, name, made: new Date().toISOString(), credential: made.rawId };
  await keyStore.put(key);
  return key;
}

// The challenge is the hash of what is signed; the whole assertion is the signature, each part after its length.
async function assertion(key, message) {
  const { response } = await navigator.credentials.get({ publicKey: { challenge: await sha256(message), allowCredentials: [{ type: 'public-key', id: key.credential }], userVerification: 'required' } });
  const parts = [response.authenticatorData, response.clientDataJSON, response.signature].map(part => new Uint8Array(part));
  return concat(...parts.flatMap(part => [[part.length >> 8, part.length & 255], part]));
}

const signatureOf = async (key, message) => key.credential ? assertion(key, message) : new Uint8Array(await crypto.subtle.sign('Ed25519', key.pair.privateKey, message));

// ── What they sign ──────────────────────────────────────────────────────────────────────────────────────────────────────

// DSSE: what is signed is the type and the payload, each with its length before it.
async function dsse(key, type, payload) {
  const bytes = textBytes(payload);
  const message = concat(textBytes(`DSSEv1 ${textBytes(type).length} ${type} ${bytes.length} `), bytes);
  const signature = await signatureOf(key, message);
  return JSON.stringify({ payload: base64(bytes), payloadType: type, signatures: [{ keyid: key.id, sig: base64(signature) }] });
}

function entryBody(key, kind, data) {
  return JSON.stringify({ demarc: 1, id: `e${hex(fresh(16))}`, environment, kind, at: new Date().toISOString(), author: key.id, data });
}

const signEntry = (key, body) => dsse(key, 'application/vnd.demarc.entry+json', body);

// Proof that the holder of the key makes this very request, now: the plane takes each once.
async function signedRequest(key, method, path, body) {
  const token = JSON.stringify({ demarc: 1, plane: document.getElementById('signing').dataset.plane, method, path, at: new Date().toISOString(), nonce: base64url(fresh(12)) });
  const envelope = await dsse(key, 'application/vnd.demarc.request+json', token);
  return fetch(path, { method, headers: { 'authorization': `Demarc ${base64url(textBytes(envelope))}`, 'content-type': 'application/json', 'accept': 'application/json' }, body: JSON.stringify(body) });
}

// The keys of this browser that are members here, with what they are.
async function myMembers() {
  const [keys, members] = await Promise.all([keyStore.all(), get('/members').then(answer => answer.json())]);
  return keys.map(key => ({ ...key, member: members.find(member => member.key === key.id) }));
}

// ── The page about them ─────────────────────────────────────────────────────────────────────────────────────────────────

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function commandBox(text, words) {
  const button = element('button', { type: 'button', textContent: words.copy });
  button.dataset.copy = text;
  button.dataset.copied = words.copied;
  return element('span', { className: 'command' }, element('code', { textContent: text }), button);
}

async function showKeys() {
  const place = document.getElementById('keys');
  const form = document.getElementById('make-key');
  if (!place) return;
  const words = place.dataset;
  if (!globalThis.indexedDB || !globalThis.crypto?.subtle || !await canSign()) {
    place.replaceChildren(element('p', { className: 'call', textContent: words.unable }));
    return;
  }

  form.hidden = false;
  document.getElementById('make-passkey').hidden = !canHavePasskey();
  document.getElementById('no-passkey').hidden = canHavePasskey();
  const keys = await myMembers();
  if (keys.length === 0) {
    place.replaceChildren(element('p', { textContent: words.none }));
    return;
  }

  const head = element('tr', {}, ...[words.name, words.key, words.made, words.here].map(text => element('th', { scope: 'col', textContent: text })), element('td'));
  const rows = keys.map(key => {
    const here = key.member
      ? element('td', {}, element('span', { className: `chip ${key.member.party}`, textContent: words[key.member.party] ?? key.member.party }), ` ${key.member.name} · ${key.member.role}`)
      : element('td', {}, `${words.unknown} `, commandBox(`demarc members add ${key.id} --role approver --name '${key.name.replaceAll("'", "'\\''")}' --as ${words.party || 'customer'}`, words));
    const forget = element('button', { type: 'button', className: 'button', textContent: words.forget, ariaLabel: `${words.forget}: ${key.name}` });
    forget.onclick = async () => {
      if (!confirm(words.sure)) return;
      await keyStore.forget(key.id);
      await showKeys();
    };
    return element('tr', {}, element('th', { scope: 'row', textContent: key.name }), element('td', {}, element('code', { className: 'long', textContent: key.id })), element('td', {}, element('time', { textContent: key.made.slice(0, 16).replace('T', ' ') + ' UTC', dateTime: key.made })), here, element('td', {}, forget));
  });
  place.replaceChildren(element('table', {}, element('thead', {}, head), element('tbody', {}, ...rows)));
  dress(place);
}

document.getElementById('make-key')?.addEventListener('submit', async event => {
  event.preventDefault();
  const name = document.getElementById('key-name');
  const said = document.getElementById('key-said');
  said.hidden = true;
  try {
    await (event.submitter?.value === 'passkey' ? makePasskey : makeKey)(name.value.trim() || name.placeholder);
    name.value = '';
    await showKeys();
  } catch {
    said.hidden = false;
  }
});
showKeys();
