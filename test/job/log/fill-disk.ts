// Writes a spool at <path> beyond the capacity of the disk, then prints a summary.
import { toMessage } from "../../../src/core/errors.ts";
import { createSpool } from "../../../src/job/log/spool.ts";
import { finished, output, started } from "./fixtures.ts";

const warnings: string[] = [];
const spool = createSpool(process.argv[2]!, {
  diskLimitBytes: 2 ** 30,
  onWarning: (message) => warnings.push(message),
});
spool.append(started("flood"));
for (let index = 0; index < 200; index += 1) spool.append(output("x".repeat(1000)));
spool.append(finished("f".repeat(2000)));
let closing = "closed";
try {
  spool.close();
} catch (error) {
  closing = toMessage(error);
}
console.log(JSON.stringify({ stats: spool.stats, warnings, closing }));
