import { expect } from "bun:test";
import type { Executor } from "signalman";
import { environmentVariable, executorContext, jobRequest, tmpdir } from "signalman/testing";
import { createClient } from "../../plugins/kubernetes/client/client.ts";
import { loadConnection } from "../../plugins/kubernetes/client/connection.ts";
import { images } from "../support/cluster/images.ts";
import { ports } from "../support/cluster/layout.ts";
import { createRandom, startCuttingProxy } from "./cutting-proxy.ts";
import { create, settings } from "./subjects.ts";

/** Commands whose output tells whether something was lost, doubled, or run twice. */
const commands: readonly { readonly directive: string; readonly code: number; readonly output: string }[] = [
  { directive: "n=0; echo begun >>/tmp/count; cat /tmp/count", code: 0, output: "begun\n" },
  {
    directive: "echo $VALUE; cat /tmp/small; wc -c </tmp/large",
    code: 0,
    output: "a $(value)\nsmall\n300000\n",
  },
  {
    directive: "seq 1 20000",
    code: 0,
    output: Array.from({ length: 20_000 }, (_, at) => `${at + 1}\n`).join(""),
  },
  ...Array.from({ length: 8 }, (_, at) => ({
    directive: `n=$((n + 1)); echo $n; echo $n >>/tmp/count; sleep 0.05; (exit ${at})`,
    code: at,
    output: `${at + 1}\n`,
  })),
  { directive: `: '${"x".repeat(60_000)}'; echo long`, code: 0, output: "long\n" },
  { directive: "tail -n 8 /tmp/count | tr '\\n' ' '", code: 0, output: "1 2 3 4 5 6 7 8 " },
];

const randomLength = (random: () => number) => Math.floor(3000 * 60 ** random());

/** Jobs at once. */
const lanes = 4;

/** Connections that are cut in a round at least, on average. With fewer the rounds would prove nothing. */
export const minimalCuts = 4;

/** One job for each seed. Resolves to the number of connections that were cut. */
export async function runBrokenRounds({ from, to }: { from: number; to: number }): Promise<number> {
  let next = from;
  let cuts = 0;
  const runLane = async () => {
    for (let seed = next++; seed <= to; seed = next++) cuts += await runBrokenRound(seed);
  };
  await Promise.all(Array.from({ length: lanes }, runLane));
  return cuts;
}

/**
 * One job, from its first call to the last, over connections that are all cut at random. Resolves to the
 * number of cuts.
 */
async function runBrokenRound(seed: number): Promise<number> {
  const random = createRandom(seed);
  await using proxy = await startCuttingProxy(ports.apiServer, () => ({
    bytes: random() < 0.1 ? 0 : randomLength(random),
    delayMs: random() < 0.2 ? Math.floor(random() * 20) : 0,
  }));
  await using directory = await tmpdir();
  const connection = { ...(await loadConnection(process.env)), server: `https://127.0.0.1:${proxy.port}` };
  const env = [environmentVariable("VALUE", "a $(value)")];
  const files = [
    { path: "/tmp/small", content: Buffer.from("small\n").toString("base64"), mode: "0644" },
    { path: "/tmp/large", content: Buffer.alloc(300_000, 7).toString("base64"), mode: "0600" },
  ];
  const context = executorContext(directory.path, { job: jobRequest({ env, files: files.slice(0, 1) }) });
  await using executor = create(context, {
    client: createClient(connection),
    settings: { ...settings, defaultImage: images.debian },
  });
  expect(await executor.start(new AbortController().signal), `start, seed ${seed}`).toBe(0);
  expect(await executor.exportEnvironment(env, () => {})).toBe(0);
  expect(await executor.injectFiles(files, () => {})).toBe(0);
  for (const { directive, code, output } of commands)
    expect([seed, directive.slice(0, 80), await outcome(executor, directive)]).toEqual([
      seed,
      directive.slice(0, 80),
      { code, output },
    ]);
  return proxy.cuts;
}

async function outcome(executor: Executor, directive: string): Promise<{ code: number; output: string }> {
  const chunks: Buffer[] = [];
  const code = await executor.run(directive, (chunk) => void chunks.push(Buffer.from(chunk)));
  return { code, output: Buffer.concat(chunks).toString().replaceAll("\r\n", "\n") };
}
