// The Two Stations Farthest Apart

function solve(n, tracks) {
  // tracks: three numbers a, b, length for each track
  // Your code goes here.
  return 0;
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const n = Number(words[at++]);
const tracks = Array.from({ length: 3 * n - 3 }, () => Number(words[at++]));
console.log(String(solve(n, tracks)));
