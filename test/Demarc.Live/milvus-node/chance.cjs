// The suite draws its rows by chance, and some of its cases hold only if chance is kind: that one of twenty rows gets a
// certain word fails in one run of sixty. Here each file's chance is the same every time, and another than any other file's.
const path = require('path');

let state = 0x9e3779b9;
for (const c of path.basename(expect.getState().testPath)) {
  state = Math.imul(state ^ c.codePointAt(0), 0x01000193) >>> 0;
}

// A linear congruential sequence: all that is asked of it is to be the same again.
Math.random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 4294967296;
};
