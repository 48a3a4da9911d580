// Stations That Begin Like This

function solve(n, q, stations, beginnings) {
  // Your code goes here.
  return [];
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const n = Number(words[at++]);
const q = Number(words[at++]);
const stations = Array.from({ length: n }, () => words[at++]);
const beginnings = Array.from({ length: q }, () => words[at++]);
console.log(solve(n, q, stations, beginnings).join(" "));
