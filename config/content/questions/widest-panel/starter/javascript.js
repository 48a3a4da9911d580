// The Largest Poster on the Fence

function solve(n, heights) {
  // Your code goes here.
  return 0;
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const n = Number(words[at++]);
const heights = Array.from({ length: n }, () => Number(words[at++]));
console.log(String(solve(n, heights)));
