import { readFileSync } from "node:fs";

const stdin: Buffer = readFileSync(0);
process.stdout.write(stdin);
process.argv.slice(2).forEach((argument: string): void => console.log(argument));
process.stdout.write(await Promise.resolve(require("fs").readFileSync("data.txt")));
console.error("to stderr");
process.exitCode = 3;
