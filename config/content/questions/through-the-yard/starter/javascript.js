// On Foot Through the Yard

function solve(height, width, rows) {
  // Your code goes here.
  return 0;
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const height = Number(words[at++]);
const width = Number(words[at++]);
const rows = Array.from({ length: height }, () => words[at++]);
console.log(String(solve(height, width, rows)));
