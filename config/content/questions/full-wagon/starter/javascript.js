// Loading the Last Wagon

function solve(n, capacity, crates) {
  // crates: two numbers weight, fee for each crate
  // Your code goes here.
  return 0;
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const n = Number(words[at++]);
const capacity = Number(words[at++]);
const crates = Array.from({ length: 2 * n }, () => Number(words[at++]));
console.log(String(solve(n, capacity, crates)));
