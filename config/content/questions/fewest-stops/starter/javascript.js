// Water for the Steam Engine

function solve(n, distance, reach, towers) {
  // Your code goes here.
  return 0;
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const n = Number(words[at++]);
const distance = Number(words[at++]);
const reach = Number(words[at++]);
const towers = Array.from({ length: n }, () => Number(words[at++]));
console.log(String(solve(n, distance, reach, towers)));
