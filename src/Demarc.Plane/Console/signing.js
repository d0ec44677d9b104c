// What you see is what you sign. A dialog shows the text (a plan, a charter) that the ledger holds; its hash is computed here from the very text that is
// shown, and that hash goes into the entry which a key of this browser signs. A plane that shows one thing and means another gets a signature for what it showed.
'use strict';

const dialog = document.getElementById('signing');
const part = name => document.getElementById(`signing-${name}`);
const words = dialog.dataset;

const mayApprove = ['owner', 'approver'];
const mayOperate = ['owner', 'operator'];
const mayHalt = ['owner', 'operator', 'approver'];

// Each act: who may, whether it takes a reason, and what it shows and signs.
const acts = {
  approve: { roles: mayApprove, prepare: preparePlan },
  reject: { roles: mayApprove, reason: true, prepare: subject => prepareWord(subject, 'change.rejected') },
  withdraw: { roles: mayOperate, reason: true, prepare: subject => prepareWord(subject, 'change.withdrawn') },
  pause: { roles: mayHalt, reason: true, prepare: subject => prepareWord(subject, 'change.paused') },
  resume: { roles: mayHalt, reason: true, prepare: subject => prepareWord(subject, 'change.resumed') },
  stop: { roles: mayHalt, reason: true, prepare: subject => prepareWord(subject, 'change.stopped') },
  charter: { roles: ['owner'], prepare: prepareCharter },
  propose: { roles: ['owner'], prepare: prepareProposal },
  allow: { roles: mayApprove, reason: true, amount: true, prepare: prepareConsent },
  revoke: { roles: ['owner'], reason: true, prepare: prepareRevocation },
};

const json = async path => (await get(path)).json();
const readable = value => Array.isArray(value) ? value.join(', ') : typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);

// A plan is a list of steps; whatever a step says is shown, known or not.
function planSteps(text) {
  const steps = JSON.parse(text);
  const list = element('ol', { className: 'plan' });
  for (const step of steps) {
    const item = element('li');
    for (const [name, value] of Object.entries(step)) item.append(name === 'step' || name === 'kind' ? element('strong', { textContent: readable(value) }) : element('span', { textContent: `${name}: ` }, element('code', { textContent: readable(value) })), ' ');
    list.append(item);
  }
  return list;
}

async function preparePlan(subject) {
  const change = await json(`/changes/${subject}`);
  const text = change.planText;
  const hash = `sha256:${hex(await sha256(textBytes(text)))}`;
  return {
    about: `${change.action} ${change.instance} · ${change.id}`,
    read: planSteps(text), text, hash,
    differs: hash !== change.planHash,
    kind: 'change.approved',
    data: () => ({ change: change.id, plan: hash }),
  };
}

async function prepareWord(subject, kind) {
  const change = await json(`/changes/${subject}`);
  return {
    about: `${change.action} ${change.instance} · ${change.id}`,
    read: change.planText ? planSteps(change.planText) : null, text: change.planText, hash: null,
    kind,
    data: reason => ({ change: change.id, reason }),
  };
}

async function prepareCharter() {
  const charter = await json('/charter');
  const text = charter.proposedYaml;
  const hash = hex(await sha256(textBytes(text)));
  return {
    about: `${words.version} ${charter.proposedVersion}`,
    read: lineDifferences(charter.yaml, text), text, hash,
    differs: hash !== charter.proposedSha256,
    kind: 'charter.signed',
    data: () => ({ version: charter.proposedVersion, sha256: hash }),
  };
}

async function prepareProposal(_, draft) {
  const charter = await json('/charter');
  return {
    about: `${words.version} ${(charter.version ?? 0) + 1}`,
    read: lineDifferences(charter.yaml, draft), text: draft, hash: hex(await sha256(textBytes(draft))),
    kind: 'charter.proposed',
    data: () => ({ version: (charter.version ?? 0) + 1, yaml: draft }),
  };
}

const mebibyte = 1024 * 1024;

// More may leave: one class, one day, and as many bytes as are written in the dialog.
async function prepareConsent(subject) {
  const [which, day] = subject.split('/');
  return { about: `${which} · ${day} UTC`, read: null, text: null, hash: null, kind: 'egress.consented', data: (reason, amount) => ({ class: which, bytes: Math.round(amount * mebibyte), day, reason }) };
}

async function prepareRevocation(agent) {
  return { about: agent, read: element('p', { textContent: words.revokemeans }), text: null, hash: null, kind: 'agent.revoked', data: reason => ({ agent, reason }) };
}

// ── Differences of two texts, line by line ──────────────────────────────────────────────────────────────────────────────

const contextLines = 2;

function lineDifferences(before, after) {
  if (!before) return element('p', { className: 'faint', textContent: words.same });
  const [a, b] = [before.split('\n'), after.split('\n')];
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  }

  const lines = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && j < b.length && a[i] === b[j]) { lines.push([' ', a[i++]]); j++; }
    else if (j < b.length && (i === a.length || common[i][j + 1] > common[i + 1][j])) lines.push(['+', b[j++]]);
    else lines.push(['-', a[i++]]);
  }

  const shown = element('pre', { className: 'difference', tabIndex: 0 });
  let skipped = false;
  lines.forEach(([sign, text], at) => {
    if (lines.slice(Math.max(0, at - contextLines), at + contextLines + 1).every(line => line[0] === ' ')) { skipped = true; return; }
    if (skipped && shown.childNodes.length) shown.append(element('span', { className: 'skipped', textContent: '⋯\n' }));
    skipped = false;
    shown.append(element(sign === '+' ? 'ins' : sign === '-' ? 'del' : 'span', { textContent: `${sign} ${text}\n` }));
  });
  return shown;
}

// ── The dialog ──────────────────────────────────────────────────────────────────────────────────────────────────────────

let signing = null;

function tell(text, state = '') {
  part('state').textContent = text;
  part('state').dataset.state = state;
}

function buttons(go, cancel) {
  part('go').hidden = !go;
  part('go').textContent = go ?? '';
  part('cancel').textContent = cancel;
}

async function showDialog(act, subject, party, draft) {
  const what = acts[act];
  signing = null;
  part('title').textContent = words[act];
  part('about').textContent = '';
  part('reason').value = '';
  part('amount').value = 10;
  part('body').hidden = true;
  part('exact').open = false;
  tell('');
  buttons(null, words.cancel);
  dialog.showModal();
  if (!await canSign()) { tell(words.unable, 'no'); return; }
  try {
    const usable = (await myMembers()).filter(key => key.member && key.member.party === party && what.roles.includes(key.member.role));
    const prepared = await what.prepare(subject, draft);
    part('about').textContent = prepared.about;
    part('read').replaceChildren(...prepared.read ? [prepared.read] : []);
    part('text').textContent = prepared.text ?? '';
    part('text').hidden = !prepared.text;
    part('hash').textContent = prepared.hash ?? '';
    part('hash').parentElement.hidden = part('hash-name').hidden = !prepared.hash;
    part('why').hidden = !what.reason;
    part('much').hidden = !what.amount;
    part('body').hidden = false;
    part('key').replaceChildren(...usable.map(key => element('option', { value: key.id, textContent: `${key.name} · ${key.member.role} · ${key.id.slice(0, 20)}…` })));
    if (prepared.differs) { tell(words.differs, 'no'); return; }
    if (usable.length === 0) { tell(words.nokey, 'no'); return; }
    signing = { what, prepared, usable, envelope: null };
    preview();
    buttons(words.go, words.cancel);
    (what.amount ? part('amount') : what.reason ? part('reason') : part('go')).focus();
  } catch (failure) {
    tell(failure.message, 'no');
  }
}

// The entry, byte for byte as it will be signed: id and time are in it already. Whatever is altered makes another one, and so does time that passes.
const asShown = 30000;

function preview() {
  if (!signing || signing.envelope) return;
  const key = signing.usable.find(mine => mine.id === part('key').value);
  signing.body = entryBody(key, signing.prepared.kind, signing.prepared.data(part('reason').value.trim(), part('amount').valueAsNumber));
  part('entry').textContent = signing.body;
}

setInterval(() => { if (dialog.open && part('go').textContent === words.go) preview(); }, asShown);

async function send() {
  const { what, usable } = signing;
  const reason = part('reason').value.trim();
  if (what.reason && !reason) { tell(words.needreason, 'no'); part('reason').focus(); return; }
  if (what.amount && !part('amount').checkValidity()) { tell(words.needamount, 'no'); part('amount').focus(); return; }
  buttons(null, words.close);
  tell(words.sending);
  // What was signed once is what is sent again: the plane keeps it once.
  try {
    signing.envelope ??= await signEntry(usable.find(key => key.id === part('key').value), signing.body);
  } catch {
    tell(words.unsigned, 'no');
    buttons(words.go, words.cancel);
    return;
  }
  try {
    const answer = await fetch(`${api}/entries`, { method: 'POST', headers: { 'content-type': 'application/json', 'accept': 'application/json' }, body: signing.envelope });
    const said = await answer.json();
    if (answer.status >= 500) throw new Error(said.title);
    if (!answer.ok) { signing = null; tell([said.title, said.detail, said.remedy].filter(Boolean).join(' '), 'no'); return; }
    signing = null;
    part('body').hidden = true;
    tell(`✓ ${words.signed} ${said.index}`, 'yes');
    dialog.dispatchEvent(new CustomEvent('signed', { detail: said }));
    refresh();
  } catch {
    tell(words.lost, 'no');
    buttons(words.again, words.close);
  } finally {
    part('cancel').focus();
  }
}

dialog.querySelector('form').addEventListener('submit', event => { event.preventDefault(); if (signing) send(); });
part('cancel').addEventListener('click', () => dialog.close());
for (const name of ['reason', 'amount']) part(name).addEventListener('input', () => { if (signing) tell(''); preview(); });
part('key').addEventListener('change', preview);

document.addEventListener('click', event => {
  const button = event.target.closest?.('button[data-sign]');
  if (button) showDialog(button.dataset.sign, button.dataset.subject, button.dataset.party);
});

// A button is there for whom it may serve: by the role they read in, or by a key of this browser.
let roles = null;

async function showButtons() {
  const all = [...document.querySelectorAll('button[data-sign]')];
  if (!all.length || !globalThis.crypto?.subtle) return;
  roles ??= myRoles();
  const mine = await roles;
  for (const button of all) button.hidden = !mine.some(([party, role]) => party === button.dataset.party && acts[button.dataset.sign].roles.includes(role));
}

async function myRoles() {
  const reading = [[words.party, words.role]];
  try {
    const keys = globalThis.indexedDB ? await keyStore.all() : [];
    return keys.length ? [...reading, ...(await myMembers()).filter(key => key.member).map(key => [key.member.party, key.member.role])] : reading;
  } catch {
    return reading;
  }
}

document.addEventListener('dressed', showButtons);
showButtons();

// ── Amending the charter ────────────────────────────────────────────────────────────────────────────────────────────────

const amend = document.getElementById('amend');
const pause = 600;

async function checkDraft(key) {
  const state = document.getElementById('amend-state');
  const go = document.getElementById('amend-go');
  const yaml = document.getElementById('amend-text').value;
  const answer = await signedRequest(key, 'POST', `${api}/charter/check`, { yaml });
  const said = await answer.json();
  if (yaml !== document.getElementById('amend-text').value) return;
  if (!answer.ok) { state.replaceChildren(element('p', { className: 'call bad', textContent: said.detail ?? said.title })); return; }
  go.disabled = said.faults.length > 0;
  if (said.faults.length > 0) {
    const place = fault => {
      const jump = element('button', { type: 'button', className: 'link', textContent: `${amend.dataset.line} ${fault.line}` });
      jump.onclick = () => selectLine(document.getElementById('amend-text'), fault.line);
      return element('li', {}, jump, ` ${fault.field}: ${fault.message}`);
    };
    state.replaceChildren(element('p', { className: 'call bad', textContent: amend.dataset.bad }), element('ul', {}, ...said.faults.map(place)));
  } else if (said.differences.length > 0) {
    state.replaceChildren(element('p', { className: 'call good', textContent: amend.dataset.ok }), element('ul', {}, ...said.differences.map(d => element('li', {}, `${d.means} `, element('code', { className: 'faint', textContent: d.field })))));
  } else {
    go.disabled = said.nextVersion > 1;
    state.replaceChildren(element('p', { className: 'call', textContent: said.nextVersion > 1 ? amend.dataset.nothing : amend.dataset.first }));
  }
}

function selectLine(area, line) {
  const lines = area.value.split('\n');
  const from = lines.slice(0, line - 1).reduce((length, text) => length + text.length + 1, 0);
  area.focus();
  area.setSelectionRange(from, from + (lines[line - 1] ?? '').length);
  area.scrollTop = (line - 5) * (area.scrollHeight / lines.length);
}

async function startAmending() {
  amend.hidden = false;
  // A passkey asks the person each time, which nobody wants while they write: it is used when the check is asked for.
  const mine = (await myMembers()).filter(one => one.member);
  const key = mine.find(one => !one.credential) ?? mine[0];
  if (!key) {
    document.getElementById('amend-state').replaceChildren(element('p', { className: 'call' }, `${amend.dataset.nokey} `, element('a', { href: amend.dataset.keys, textContent: amend.dataset.keysname })));
    return;
  }

  let timer = null;
  document.getElementById('amend-text').addEventListener('input', () => {
    document.getElementById('amend-go').disabled = true;
    clearTimeout(timer);
    if (!key.credential) timer = setTimeout(() => checkDraft(key), pause);
  });
  amend.addEventListener('submit', event => {
    event.preventDefault();
    showDialog('propose', null, amend.dataset.party, document.getElementById('amend-text').value);
  });
  dialog.addEventListener('signed', () => { location.href = document.querySelector('nav a[href$="/charter"]').href; });
  if (!key.credential) { checkDraft(key); return; }
  document.getElementById('amend-check').hidden = false;
  document.getElementById('amend-check').addEventListener('click', () => checkDraft(key).catch(() => {}));
}

if (amend) startAmending();
