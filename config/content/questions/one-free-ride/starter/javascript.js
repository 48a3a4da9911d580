// One Ride Is Free

function solve(n, m, rides) {
  // rides: three numbers a, b, fare for each line
  // Your code goes here.
  return 0;
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const n = Number(words[at++]);
const m = Number(words[at++]);
const rides = Array.from({ length: 3 * m }, () => Number(words[at++]));
console.log(String(solve(n, m, rides)));
