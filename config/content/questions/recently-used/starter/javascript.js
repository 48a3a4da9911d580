// Lockers for Those Who Come Often

function solve(capacity, n, commands) {
  // Your code goes here.
  return [];
}

const lines = require("node:fs").readFileSync(0, "utf8").split("\n");
const [capacity, n] = lines[0].split(" ").map(Number);
const commands = lines.slice(1, 1 + n);
console.log(solve(capacity, n, commands).join("\n"));
