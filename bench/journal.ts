// Measures what a job's journal costs: `npm run build && bun bench/journal.ts`. The same job runs in pods of the
// project's cluster, alternately with its journal and without. Needs root: it starts the cluster.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startCluster } from "../e2e/support/cluster/cluster.ts";
import { images } from "../e2e/support/cluster/images.ts";
import { files } from "../e2e/support/cluster/layout.ts";
import { openJournal, readJournal } from "../src/job/journal/journal-file.ts";
import { median, ms, row } from "./figures.ts";
import { home, type RunningAgent, runParts, startAgent } from "./running-agent.ts";

const rounds = 7;
const commands = 300;
const args = ["--kubernetes-executor", `--kubernetes-default-image=${images.debian}`];
const variables = { KUBECONFIG: files.kubeconfig, KUBERNETES_NAMESPACE: "default" };
/** A job whose executor has a wrapper keeps no journal. This wrapper does nothing else. */
const wrapper = `import { definePlugin, executorWrapper } from "signalman";
export default definePlugin({
  name: "plain-wrapper",
  description: "wraps executors and changes nothing",
  runsIn: ["job"],
  setup: (ctx) => ctx.provide(executorWrapper, "plain-wrapper", { executors: ["kubernetes"], wrap: () => ({}) }),
});
`;

await startCluster();
await runParts({ pods: comparePods });

async function comparePods(): Promise<void> {
  writeFileSync(join(home, "plain-wrapper.ts"), wrapper);
  const config = join(home, "signalman.config.json");
  writeFileSync(config, JSON.stringify({ plugins: { "./plain-wrapper.ts": {} } }));
  await using kept = startAgent({ args, variables });
  await using plain = startAgent({ args: [...args, "--config-file", config], variables });
  const pairs: (readonly [number, number])[] = [];
  let journal = "";
  // The first round warms up.
  for (let round = 0; round <= rounds; round += 1) {
    const [first, second] = [await runJob(kept), await runJob(plain)];
    if (first.journal === undefined || second.journal !== undefined)
      throw new Error("expected a journal of the first agent's job, and none of the second's");
    journal = first.journal;
    if (round > 0) pairs.push([first.commandMs, second.commandMs]);
  }
  const [own, other] = [0, 1].map((side) => ms(median(pairs.map((pair) => pair[side]!))));
  const ratios = pairs.map(([a, b]) => a / b).toSorted((a, b) => a - b);
  const range = `${ratios[0]!.toFixed(2)}–${ratios.at(-1)!.toFixed(2)}`;
  row("a command in a pod", `${own}, without a journal ${other}: ${median(ratios).toFixed(2)} (${range})`);
  measureWrites(journal);
}

/** Runs a job of many commands; returns the time of one, and the journal's text. */
async function runJob({ plane }: RunningAgent): Promise<{ commandMs: number; journal: string | undefined }> {
  const id = crypto.randomUUID();
  plane.clear();
  const begin = "echo begin $(date +%s%N)";
  const wait = "echo end $(date +%s%N); sleep 1";
  await plane.run(id, [begin, ...Array<string>(commands).fill("true"), wait]);
  const timeOf = async (word: string): Promise<number> => {
    const output = new RegExp(`"output":"${word} (\\d{19})`);
    const { text } = await plane.until(({ jobId, text }) => jobId === id && output.test(text));
    return Number(output.exec(text)![1]) / 1e6;
  };
  const begun = await timeOf("begin");
  const ended = await timeOf("end");
  const journal = readJournalOf(id);
  await plane.until(({ endpoint, jobId }) => endpoint === "sync/finished-job" && jobId === id);
  return { commandMs: (ended - begun) / (commands + 1), journal };
}

function readJournalOf(id: string): string | undefined {
  const [path] = new Bun.Glob(`state-*/**/${id}/journal.ndjson`).scanSync({ cwd: home, absolute: true });
  return path === undefined ? undefined : readFileSync(path, "utf8");
}

/** Writes the records of a job again, to another journal. */
function measureWrites(text: string): void {
  const source = join(home, "source.ndjson");
  writeFileSync(source, text, { mode: 0o600 });
  const records = readJournal(source);
  const times = Array.from({ length: 21 }, (_, at) => {
    using journal = openJournal(join(home, `journal-${at}.ndjson`));
    const from = performance.now();
    for (const record of records) journal.append(record);
    return performance.now() - from;
  });
  const each = (value: number): string => (value / commands).toFixed(1);
  const micros = each(1000 * median(times));
  row("its journal", `${each(records.length)} records, ${each(text.length)} bytes, ${micros} µs`);
}
