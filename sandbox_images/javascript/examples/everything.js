const fs = require("fs");

process.stdout.write(fs.readFileSync(0));
for (const argument of process.argv.slice(2)) {
  console.log(argument);
}
process.stdout.write(fs.readFileSync("data.txt"));
console.error("to stderr");
process.exitCode = 3;
