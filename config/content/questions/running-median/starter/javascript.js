// The Median So Far

function solve(n, delays) {
  // Your code goes here.
  return [];
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const n = Number(words[at++]);
const delays = Array.from({ length: n }, () => Number(words[at++]));
console.log(solve(n, delays).join(" "));
