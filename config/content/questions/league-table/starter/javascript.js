// The Depot League

function solve(n, teams) {
  // Your code goes here.
  return [];
}

const lines = require("node:fs").readFileSync(0, "utf8").split("\n");
const [n] = lines[0].split(" ").map(Number);
const teams = lines.slice(1, 1 + n);
console.log(solve(n, teams).join("\n"));
