import { readFileSync } from "node:fs";

const PAIRS: Record<string, string> = { ")": "(", "]": "[", "}": "{" };

function check(text: string): string {
  const opened: number[] = [];
  for (let position = 0; position < text.length; position++) {
    const wanted = PAIRS[text[position]];
    if (wanted === undefined) {
      opened.push(position);
      continue;
    }
    const last = opened.pop();
    if (last === undefined || text[last] !== wanted) return String(position + 1);
  }
  return opened.length > 0 ? String(opened[opened.length - 1] + 1) : "ok";
}

console.log(check(readFileSync(0, "utf8").trim()));
