// A process that writes an agent's log: log-writer.ts <path> <word> <lines> <max bytes> <count>. Begins when
// it reads a byte.
import { openLogFile } from "../../../src/os/log-file/log-file.ts";

const [path = "", word = "", lines, maxBytes, count] = process.argv.slice(2);
using file = openLogFile(path, { maxBytes: Number(maxBytes), count: Number(count) });
process.stdout.write(".");
await Bun.stdin.stream().getReader().read();
for (let index = 0; index < Number(lines); index += 1)
  file.write(`${word} ${index} ${"x".repeat(index % 90)}\n`);
