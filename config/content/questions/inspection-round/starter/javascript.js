// The Inspector's Round

function solve(n, minutes) {
  // minutes: row by row, from each depot to each depot
  // Your code goes here.
  return 0;
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const n = Number(words[at++]);
const minutes = Array.from({ length: n * n }, () => Number(words[at++]));
console.log(String(solve(n, minutes)));
