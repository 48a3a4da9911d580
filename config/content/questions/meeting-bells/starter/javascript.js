// When All Bells Ring Together

function solve(n, periods) {
  // Your code goes here.
  return 0;
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const n = Number(words[at++]);
const periods = Array.from({ length: n }, () => Number(words[at++]));
console.log(String(solve(n, periods)));
