import { readFileSync } from "node:fs";

interface Sieve {
  readonly limit: number;
  readonly marks: Uint8Array;
}

function sieve(limit: number): Sieve {
  const marks = new Uint8Array(limit + 1).fill(1, 2);
  for (let number = 2; number * number <= limit; number++) {
    if (marks[number]) for (let multiple = number * number; multiple <= limit; multiple += number) marks[multiple] = 0;
  }
  return { limit, marks };
}

const { limit, marks }: Sieve = sieve(Number(readFileSync(0, "utf8")));
console.log(`${marks.reduce((sum: number, prime: number) => sum + prime, 0)} primes up to ${limit}`);
