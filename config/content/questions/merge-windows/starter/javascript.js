// When Is the Track Closed?

function solve(n, windows) {
  // windows: two numbers from, to for each window
  // Your code goes here.
  return [];
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const n = Number(words[at++]);
const windows = Array.from({ length: 2 * n }, () => Number(words[at++]));
console.log(solve(n, windows).join("\n"));
