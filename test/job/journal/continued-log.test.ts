import { expect, test } from "bun:test";
import { join } from "node:path";
import * as fc from "fast-check";
import { openRedaction } from "../../../plugins/redact/redaction.ts";
import { createJobSequences } from "../../../src/job/commands/job-sequences.ts";
import type { AsideRecord } from "../../../src/job/journal/journal-records.ts";
import { createFilterChain } from "../../../src/job/log/filter-chain.ts";
import { createJobLog } from "../../../src/job/log/job-log.ts";
import { readLeftBlocks } from "../../../src/job/log/left-blocks.ts";
import { createSpool } from "../../../src/job/log/spool.ts";
import { recoverSpool } from "../../../src/job/log/spool-recovery.ts";
import { createRecordingLogger, jobRequest } from "../../../src/testing/index.ts";
import { tmpdir } from "../../../src/testing/fixtures.ts";
import { eventsIn, outputIn } from "../log/fixtures.ts";

const secret = "hunter2-secret";
const later = "later-secret-value";

/** What happens in a command: output, a line of the agent, or a value that is masked from then on. */
type Action =
  | { output: Uint8Array }
  | { note: string }
  | { secrets: readonly string[] }
  | { checkpoint: true };

const text = fc
  .array(
    fc.constantFrom(
      "a",
      "é",
      "\r\n",
      "\r",
      "\n",
      "\xff",
      secret,
      secret.slice(0, 6),
      later,
      later.slice(0, 9),
    ),
  )
  .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part, part === "\xff" ? "latin1" : "utf8"))));
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ output: text }) },
  { weight: 1, arbitrary: fc.record({ note: fc.constantFrom("[signalman: a note]\n", "x\n") }) },
  { weight: 1, arbitrary: fc.record({ secrets: fc.constant([later]) }) },
  { weight: 3, arbitrary: fc.record({ checkpoint: fc.constant(true as const) }) },
);

interface Kept {
  readonly asides: AsideRecord[];
  readonly secrets: string[];
  from: number;
  /** Index of the first output that is read again. */
  at: number;
}

function openLog(
  path: string,
  kept: Kept,
  left?: Pick<Kept, "from"> & { readonly asides: readonly AsideRecord[] },
) {
  const filter = openRedaction(
    { job: jobRequest(), secrets: [secret], addSecrets: () => {} },
    { vars: [], shapes: false },
  );
  const filters = createFilterChain([{ name: "redact", filter }], createRecordingLogger());
  const addSecrets = (values: readonly string[]) => filter.add(values.map((value) => Buffer.from(value)));
  addSecrets(kept.secrets);
  const blocks = left && readLeftBlocks(path);
  const spool = createSpool(path, {
    diskLimitBytes: 1e9,
    fsyncIntervalMs: 0,
    left: left && { ...recoverSpool(path), atLineStart: blocks?.open?.atLineStart ?? true },
  });
  const log = createJobLog({
    spool,
    filters,
    createSequences: () =>
      createJobSequences({ calls: { call: () => undefined }, write() {}, answer: () => undefined }),
    chunks: { maxBytes: 8 },
    keeping: { write: (aside) => void kept.asides.push(aside), addSecrets },
    left: left && blocks && { isStarted: true, blocks, continued: left },
  });
  return { log, spool, addSecrets };
}

/** Runs a command up to the end of its actions, or to the death of the process: then it never ends. */
async function play(
  { log, addSecrets }: ReturnType<typeof openLog>,
  actions: readonly Action[],
  kept: Kept,
  { isContinued, dies }: { readonly isContinued: boolean; readonly dies: boolean },
): Promise<void> {
  const ended = log[isContinued ? "continued" : "command"]("make", (output) => {
    for (const [at, each] of actions.entries()) {
      if ("output" in each) output(each.output);
      else if (isContinued) continue;
      else if ("note" in each) log.note(each.note, "note");
      else if ("secrets" in each) {
        addSecrets(each.secrets);
        log.addSecrets(each.secrets);
      } else {
        const textBytes = log.checkpoint();
        if (textBytes === undefined) continue;
        kept.secrets.push(...kept.asides.splice(0).flatMap(({ secrets = [] }) => secrets));
        Object.assign(kept, { from: textBytes, at: at + 1 });
      }
    }
    return dies ? new Promise<number>(() => {}) : 0;
  });
  if (!dies) await ended;
}

test("a log that another process continues has the same text as one without a death", async () => {
  await using directory = await tmpdir();
  let number = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 30 }), fc.nat(30), async (actions, cut) => {
      const [whole, broken] = ["whole", "broken"].map((name) =>
        join(directory.path, `${name}-${(number += 1)}`),
      );
      const none = (): Kept => ({ asides: [], secrets: [], from: 0, at: 0 });
      const seen = actions.slice(0, cut);
      const rest = actions.slice(cut).filter((each) => "output" in each);
      const first = openLog(whole!, none());
      await play(first, [...seen, ...rest], none(), { isContinued: false, dies: false });
      first.spool.close();

      const kept = none();
      const dying = openLog(broken!, kept);
      await play(dying, seen, kept, { isContinued: false, dies: true });
      const asides = [...kept.asides];
      const heir = openLog(broken!, { ...kept, asides: [] }, { from: kept.from, asides });
      const again = [...seen.slice(kept.at), ...rest];
      await play(heir, again, none(), { isContinued: true, dies: false });
      heir.spool.close();
      expect(outputIn(broken!)).toBe(outputIn(whole!));
      expect(eventsIn(broken!).filter(({ event }) => event !== "cmd_output")).toHaveLength(2);
    }),
    { numRuns: 300 },
  );
});
