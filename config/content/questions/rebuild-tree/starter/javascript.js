// Two Lists, One Tree

function solve(n, first, second) {
  // Your code goes here.
  return [];
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const n = Number(words[at++]);
const first = Array.from({ length: n }, () => Number(words[at++]));
const second = Array.from({ length: n }, () => Number(words[at++]));
console.log(solve(n, first, second).join(" "));
