// Cables That Must Not Break

function solve(n, m, cables) {
  // cables: two numbers a, b for each cable
  // Your code goes here.
  return [];
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const n = Number(words[at++]);
const m = Number(words[at++]);
const cables = Array.from({ length: 2 * m }, () => Number(words[at++]));
console.log(solve(n, m, cables).join("\n"));
