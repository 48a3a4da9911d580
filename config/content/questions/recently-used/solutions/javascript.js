const lines = require("node:fs").readFileSync(0, "utf8").split("\n");
const [capacity, n] = lines[0].split(" ").map(Number);
// A Map remembers the order in which its keys were set: the first one waits the longest.
const values = new Map();
const out = [];
for (const line of lines.slice(1, 1 + n)) {
  const [command, person, value] = line.trim().split(" ");
  const kept = values.get(person);
  if (command === "get") {
    out.push(kept ?? "-");
    if (kept === undefined) continue;
  }
  values.delete(person);
  if (values.size === capacity) values.delete(values.keys().next().value);
  values.set(person, value ?? kept);
}
console.log(out.join("\n"));
