// A process that writes a spool: spool-writer.ts <path> <events>. A dot on its output for each few events.
import { createSpool } from "../../../src/job/log/spool.ts";

const [path = "", count = "0"] = process.argv.slice(2);
using spool = createSpool(path, { diskLimitBytes: 2 ** 30 });
process.stdout.write(".");
for (let index = 0; index < Number(count); index += 1) {
  spool.append({ event: "cmd_output", timestamp: index, output: `${"x".repeat(index)}\n` });
  if (index % 50 === 0) {
    process.stdout.write(".");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
