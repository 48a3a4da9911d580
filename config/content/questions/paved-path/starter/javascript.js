// A Very Long Path of Slabs

function solve(n, k, lengths) {
  // Your code goes here.
  return 0;
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const n = BigInt(words[at++]);
const k = Number(words[at++]);
const lengths = Array.from({ length: k }, () => Number(words[at++]));
console.log(String(solve(n, k, lengths)));
