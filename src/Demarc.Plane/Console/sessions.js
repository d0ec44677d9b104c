// Plays the recording of an emergency session, or shows it live. The chain over its lines is computed here and has to end at the head that the session's
// entry in the ledger names: what was altered is said to be, and not played. Nothing here can change anything.
'use strict';

const longestPause = 2000;
let tape = null;

// asciicast v2: a header line, then [seconds, code, text]; 'o' was shown, 'i' was typed, 'm' is a mark.
function put(screen, line) {
  if (!line.startsWith('[')) return 0;
  const [at, code, text] = JSON.parse(line);
  const plain = text.replaceAll('\r\n', '\n');
  if (code === 'o') screen.append(plain);
  else if (code === 'i') screen.append(element('kbd', { textContent: `$ ${plain.trimEnd()}` }), '\n');
  else if (code === 'm' && plain !== 'ready') screen.append(element('i', { textContent: `— ${plain}` }), '\n');
  screen.scrollTop = screen.scrollHeight;
  return at;
}

async function headOf(lines, terms) {
  let head = await sha256(textBytes(`demarc recording 1\n${terms}\n`));
  for (const line of lines) head = await sha256(concat(head, textBytes(line)));
  return hex(head);
}

async function replay(box, screen, state) {
  const { session, terms, head } = box.dataset;
  const answer = await fetch(`${api}/sessions/${session}/recording`);
  if (!answer.ok) { state.textContent = box.dataset.none; return; }
  const lines = (await answer.text()).split('\n').filter(Boolean);
  if (await headOf(lines, terms) !== head) { state.dataset.state = 'no'; state.textContent = `✗ ${box.dataset.damaged}`; return; }
  state.dataset.state = 'yes';
  state.textContent = `✓ ${box.dataset.whole}`;
  for (const line of lines) put(screen, line);
  const play = box.querySelector('button');
  play.hidden = false;
  play.onclick = async () => {
    const mine = tape = {};
    screen.replaceChildren();
    let before = 0;
    for (const line of lines) {
      const at = line.startsWith('[') ? JSON.parse(line)[0] * 1000 : before;
      if (at > before) await new Promise(go => setTimeout(go, Math.min(at - before, longestPause)));
      if (tape !== mine) return;
      before = at;
      put(screen, line);
    }
  };
}

function watchLive(box, screen, state) {
  const stream = new EventSource(`${api}/sessions/${box.dataset.session}/watch`);
  state.textContent = box.dataset.watching;
  stream.addEventListener('line', event => { if (screen.isConnected) put(screen, event.data); else stream.close(); });
  stream.addEventListener('session', () => screen.replaceChildren());
  stream.addEventListener('end', () => { stream.close(); refresh(); });
}

function showTape() {
  const box = document.getElementById('tape');
  if (!box || box.dataset.shown) return;
  box.dataset.shown = 'yes';
  tape = {};
  const [screen, state] = [box.querySelector('pre'), box.querySelector('[role=status]')];
  if (box.dataset.live) watchLive(box, screen, state);
  else replay(box, screen, state);
}

document.addEventListener('dressed', showTape);
showTape();
