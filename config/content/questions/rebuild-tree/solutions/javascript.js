const [n, ...numbers] = require("node:fs").readFileSync(0, "utf8").trim().split(/\s+/).map(Number);
const first = numbers.slice(0, n);
const places = new Map(numbers.slice(n).map((department, place) => [department, place]));
const third = [];

function name(begin, left, size) {
  if (size === 0) return;
  const root = first[begin];
  const onLeft = places.get(root) - left;
  name(begin + 1, left, onLeft);
  name(begin + 1 + onLeft, left + onLeft + 1, size - 1 - onLeft);
  third.push(root);
}

name(0, 0, n);
console.log(third.join(" "));
