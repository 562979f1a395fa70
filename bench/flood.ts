// 100 MB of output through an agent, compiled: `bun run build && bun bench/flood.ts [server|hub]`. The partner of the hub is a server that only counts.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findChildren, readMemory } from "./proc.ts";
import { binary, env, home, mb, ms, row, runParts, startAgent } from "./running-agent.ts";

await runParts({ server: flood, hub });

async function flood(): Promise<void> {
  const { path, bytes } = writeFlood();
  await using agent = startAgent();
  const { plane } = agent;
  plane.intervalMs = () => 1000;
  plane.isQuiet = true;
  const peak = watchMemory(agent.pid);
  const given = await plane.run("flood", [`cat ${path}`]);
  const { at } = await plane.until(({ what }) => what === "sync/finished-job");
  const { total, each } = peak.stop();
  row(
    "100 MB to a bare server, run-job → finished-job",
    `${(bytes / 1e3 / (at - given)).toFixed(0)} MB/s (≥ 20)`,
  );
  row("… log bytes on the server", (plane.logBytes / 1e6).toFixed(1));
  row("… PSS of agent and job process at most", `${mb(total)} (< 130 MB; ${each})`);
  const syncs = plane.calls.filter(
    ({ what, at: when }) => what.startsWith("sync/") && when >= given && when <= at,
  );
  const gaps = syncs.slice(1).map(({ at: when }, index) => when - syncs[index]!.at);
  row("… syncs each 1 s, the longest gap", ms(Math.max(0, ...gaps)));
}

/** The same against `signalman hub`. */
async function hub(): Promise<void> {
  const { path, bytes } = writeFlood();
  const server = Bun.spawn(
    [binary, "hub", "--port", "0", "--log-limit", "0", "--sync-interval", "1000", "--token", "bench-token"],
    {
      env,
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  try {
    const reader = server.stdout.getReader();
    let text = "";
    while (!/listening on \S+\n/.test(text)) text += new TextDecoder().decode((await reader.read()).value);
    const endpoint = /listening on (\S+)\n/.exec(text)![1]!;
    await using agent = startAgent(endpoint);
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
    row("100 MB to the hub, submitted → followed to its end", `${rate.toFixed(0)} MB/s (≥ 20)`);
    row("… whole", shown === (bytes / 80) * 79 && code === 0 ? "yes" : `NO: ${shown} of them, exit ${code}`);
    const { total, each } = peak.stop();
    row("… PSS of agent and job process at most", `${mb(total)} (< 130 MB; ${each})`);
    const violations = Bun.spawnSync([binary, "hub", "violations", "--hub", endpoint], { env });
    row(
      "… syncs on time, as the hub sees it",
      violations.exitCode === 0 ? "yes" : violations.stdout.toString(),
    );
  } finally {
    server.kill();
    await server.exited;
  }
}

function writeFlood(): { path: string; bytes: number } {
  const path = join(home, "flood.txt");
  writeFileSync(path, `${"#".repeat(79)}\n`.repeat(1_310_720));
  return { path, bytes: 80 * 1_310_720 };
}

/** The most that an agent and its job process have together. */
function watchMemory(agent: number): { stop(): { total: number; each: string } } {
  let total = 0;
  let each = "";
  let jobs: number[] = [];
  const timer = setInterval(() => {
    if (jobs.length === 0) jobs = findChildren(agent);
    const all = [agent, ...jobs].map((pid) => readMemory(pid).pss);
    const sum = all.reduce((a, b) => a + b, 0);
    if (sum > total) [total, each] = [sum, all.map(mb).join(" + ")];
  }, 50);
  return {
    stop() {
      clearInterval(timer);
      return { total, each };
    },
  };
}
