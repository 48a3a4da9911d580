// A Pair That Fills the Crane

function solve(n, target, weights) {
  // Your code goes here.
  return "";
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const n = Number(words[at++]);
const target = Number(words[at++]);
const weights = Array.from({ length: n }, () => Number(words[at++]));
console.log(solve(n, target, weights));
