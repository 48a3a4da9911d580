// Two Gloves Without a Partner

function solve(n, numbers) {
  // Your code goes here.
  return [];
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const n = Number(words[at++]);
const numbers = Array.from({ length: n }, () => Number(words[at++]));
console.log(solve(n, numbers).join(" "));
