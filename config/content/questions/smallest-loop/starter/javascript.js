// The Shortest Printing Roller

function solve(text) {
  // Your code goes here.
  return 0;
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const text = words[at++];
console.log(String(solve(text)));
