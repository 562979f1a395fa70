import type { Redactor } from "../plugins/redact/redactor.ts";
import { createJobSequences } from "../src/job/commands/job-sequences.ts";
import { createFilterChain } from "../src/job/log/filter-chain.ts";
import { createJobLog, type WritableJobLog } from "../src/job/log/job-log.ts";
import type { Spool } from "../src/job/log/spool.ts";
import { silentLogger } from "../src/testing/index.ts";

/** A job's log as a job's process opens it, with one filter. */
export function openJobLog(spool: Spool, redactor: Redactor): WritableJobLog {
  const filter = {
    push: redactor.push,
    flush: redactor.flush,
    text: redactor.redactText,
    counts: () => ({ maskedBytes: redactor.redactedBytes, masks: redactor.count }),
  };
  return createJobLog({
    spool,
    filters: createFilterChain([{ name: "redact", filter }], silentLogger),
    createSequences: () =>
      createJobSequences({
        calls: { call: () => undefined },
        write() {},
        answer: () => undefined,
      }),
  });
}
