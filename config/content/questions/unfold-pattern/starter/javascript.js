// Unfolding a Whistle Pattern

function solve(pattern) {
  // Your code goes here.
  return "";
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const pattern = words[at++];
console.log(solve(pattern));
