const limit = Number(require("node:fs").readFileSync(0, "utf8"));
const sieve = new Uint8Array(limit + 1).fill(1, 2);
for (let number = 2; number * number <= limit; number++) {
  if (sieve[number]) for (let multiple = number * number; multiple <= limit; multiple += number) sieve[multiple] = 0;
}
console.log(`${sieve.reduce((sum, prime) => sum + prime, 0)} primes up to ${limit}`);
