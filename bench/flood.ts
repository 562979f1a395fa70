// Measures 100 MB of output through a compiled agent, to a server that only counts and to the hub:
// `npm run build && bun bench/flood.ts [server|hub]`.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { mb, ms, row } from "./figures.ts";
import { startHub } from "./hub.ts";
import { watchMemory } from "./memory.ts";
import { binary, env, home, runParts, startAgent } from "./running-agent.ts";

await runParts({ server: flood, hub });

/** Sends the output to a server that only counts. */
async function flood(): Promise<void> {
  const { path, bytes } = writeFlood();
  await using agent = startAgent();
  const { plane } = agent;
  plane.intervalMs = () => 1000;
  plane.isQuiet = true;
  const peak = watchMemory(agent.pid);
  const assigned = await plane.run("flood", [`cat ${path}`]);
  const { at } = await plane.until(({ endpoint }) => endpoint === "sync/finished-job");
  const { total, each } = peak.stop();
  row(
    "100 MB to a bare server, run-job → finished-job",
    `${(bytes / 1e3 / (at - assigned)).toFixed(0)} MB/s (≥ 20)`,
  );
  row("… received log", `${(plane.logBytes / 1e6).toFixed(1)} MB`);
  row("… maximum PSS of agent and job process", `${mb(total)} (< 130 MB; ${each})`);
  const syncs = plane.calls.filter(
    ({ endpoint, at: when }) => endpoint.startsWith("sync/") && when >= assigned && when <= at,
  );
  const gaps = syncs.slice(1).map(({ at: when }, index) => when - syncs[index]!.at);
  row("… longest gap between syncs (interval 1 s)", ms(Math.max(0, ...gaps)));
}

/** Sends the output to `signalman hub`. */
async function hub(): Promise<void> {
  const { path, bytes } = writeFlood();
  await using server = await startHub();
  const { endpoint } = server;
  await using agent = startAgent({ endpoint });
  const job = join(home, "flood.json");
  writeFileSync(job, JSON.stringify({ commands: [`cat ${path}`] }));
  await Bun.sleep(300);
  const peak = watchMemory(agent.pid);
  const from = performance.now();
  const follow = Bun.spawn([binary, "hub", "submit", job, "--follow", "--hub", endpoint], {
    env,
    stdout: "pipe",
    stderr: "inherit",
  });
  let shown = 0;
  for await (const chunk of follow.stdout) shown += chunk.filter((byte) => byte === 0x23).length;
  const code = await follow.exited;
  const rate = bytes / 1e3 / (performance.now() - from);
  row("100 MB to the hub, submitted → followed to the end", `${rate.toFixed(0)} MB/s (≥ 20)`);
  const isComplete = shown === (bytes / 80) * 79 && code === 0;
  row("… log is complete", isComplete ? "yes" : `NO: ${shown} bytes, exit status ${code}`);
  const { total, each } = peak.stop();
  row("… maximum PSS of agent and job process", `${mb(total)} (< 130 MB; ${each})`);
  const violations = Bun.spawnSync([binary, "hub", "violations", "--hub", endpoint], { env });
  row("… no violations of the protocol", violations.exitCode === 0 ? "yes" : violations.stdout.toString());
}

function writeFlood(): { path: string; bytes: number } {
  const path = join(home, "flood.txt");
  writeFileSync(path, `${"#".repeat(79)}\n`.repeat(1_310_720));
  return { path, bytes: 80 * 1_310_720 };
}
