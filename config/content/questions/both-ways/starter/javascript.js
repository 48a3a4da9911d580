// Signs Read From Both Ends

function solve(n, signs) {
  // Your code goes here.
  return [];
}

const lines = require("node:fs").readFileSync(0, "utf8").split("\n");
const [n] = lines[0].split(" ").map(Number);
const signs = lines.slice(1, 1 + n);
console.log(solve(n, signs).join("\n"));
