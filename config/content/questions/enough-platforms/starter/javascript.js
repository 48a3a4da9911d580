// Enough Platforms for Everyone

function solve(n, stays) {
  // stays: two numbers arrival, departure for each train
  // Your code goes here.
  return 0;
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const n = Number(words[at++]);
const stays = Array.from({ length: 2 * n }, () => Number(words[at++]));
console.log(String(solve(n, stays)));
