// Who Departs First?

function solve(n, m, rules) {
  // rules: two numbers a, b for each rule, a departs before b
  // Your code goes here.
  return [];
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const n = Number(words[at++]);
const m = Number(words[at++]);
const rules = Array.from({ length: 2 * m }, () => Number(words[at++]));
console.log(solve(n, m, rules).join("\n"));
