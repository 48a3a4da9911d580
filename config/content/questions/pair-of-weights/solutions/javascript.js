const [n, target, ...weights] = require("node:fs").readFileSync(0, "utf8").trim().split(/\s+/).map(Number);
const first = new Map();
let answer = "none";
for (let j = 0; j < n; j++) {
  const i = first.get(target - weights[j]);
  if (i !== undefined) {
    answer = `${i} ${j + 1}`;
    break;
  }
  if (!first.has(weights[j])) first.set(weights[j], j + 1);
}
console.log(answer);
