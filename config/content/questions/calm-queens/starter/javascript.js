// Lamps That Do Not Dazzle

function solve(n, rows) {
  // Your code goes here.
  return 0;
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const n = Number(words[at++]);
const rows = Array.from({ length: n }, () => words[at++]);
console.log(String(solve(n, rows)));
