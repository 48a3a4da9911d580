// Turning the Train in Groups

function solve(n, k, head, behind) {
  // Your code goes here.
  return [];
}

const words = require("node:fs").readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
let at = 0;
const n = Number(words[at++]);
const k = Number(words[at++]);
const head = Number(words[at++]);
const behind = Array.from({ length: n }, () => Number(words[at++]));
console.log(solve(n, k, head, behind).join(" "));
