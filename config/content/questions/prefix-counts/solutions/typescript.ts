import { readFileSync } from "node:fs";

class TrieNode {
  count = 0;
  readonly children = new Map<string, TrieNode>();
}

const [n, q, ...words] = readFileSync(0, "utf8").trim().split(/\s+/);
const root = new TrieNode();
for (const station of words.slice(0, Number(n))) {
  let node = root;
  for (const letter of station) {
    let child = node.children.get(letter);
    if (child === undefined) {
      child = new TrieNode();
      node.children.set(letter, child);
    }
    child.count++;
    node = child;
  }
}

function answer(beginning: string): number {
  let node: TrieNode | undefined = root;
  for (const letter of beginning) {
    node = node.children.get(letter);
    if (node === undefined) return 0;
  }
  return node.count;
}

console.log(words.slice(Number(n), Number(n) + Number(q)).map(answer).join("\n"));
