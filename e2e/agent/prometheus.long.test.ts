import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { createScene } from "../support/agents.ts";
import { needCommand } from "../support/engine/packages.ts";
import { root } from "../support/fixtures.ts";
import { until } from "../support/jobs.ts";

const grafana = path.join(root, "docs", "grafana");

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: { readonly result: unknown[]; readonly groups: { readonly rules: Rule[] }[] };
}

interface Rule {
  readonly name: string;
  readonly health: string;
}

test("Prometheus scrapes an agent, and answers each query of the dashboard and each rule of the alerts", async () => {
  await needCommand("prometheus", "prometheus");
  await using scene = await createScene();
  const { hub, tester } = scene;
  const agent = await scene.readyAgent(["--health-listen", "127.0.0.1:0"]);
  const [, target] = /health, status and metrics are at http:\/\/(\S+)/.exec(agent.stdout)!;
  const config = await tester.write(
    "prometheus.json",
    JSON.stringify({
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: [path.join(grafana, "alerts.yaml")],
      scrape_configs: [{ job_name: "signalman", static_configs: [{ targets: [target] }] }],
    }),
  );
  const words = `--config.file=${config} --storage.tsdb.path=${tester.home}/tsdb --web.listen-address=127.0.0.1:0`;
  const prometheus = tester.start([], { program: ["sh", "-c", `exec prometheus ${words} 2>&1`] });
  const address = /msg="Listening on" address=(\S+)/;
  await until("Prometheus listens", () => address.test(prometheus.stdout));
  const [, server] = address.exec(prometheus.stdout)!;
  const ask = async (query: string): Promise<Answer> =>
    (await (await fetch(`http://${server}/api/v1/${query}`)).json()) as Answer;
  const query = (expression: string) => ask(`query?query=${encodeURIComponent(expression)}`);

  await hub.done(await hub.submit({ commands: ["echo hello"] }));
  const isScraped = async () =>
    (await query('signalman_jobs_total{result="passed"} == 1')).data.result.length > 0;
  await until("the job is scraped", () => isScraped().catch(() => false));

  const text = await readFile(path.join(grafana, "signalman.json"), "utf8");
  const { panels } = JSON.parse(text) as { panels: { title: string; targets?: { expr: string }[] }[] };
  const findEmpty = async (): Promise<string[]> => {
    const empty: string[] = [];
    for (const { title, targets = [] } of panels) {
      for (const { expr } of targets) {
        const answer = await query(expr.replaceAll("$instance", ".*"));
        expect([title, answer.status, answer.error]).toEqual([title, "success", undefined]);
        if (answer.data.result.length === 0) empty.push(title);
      }
    }
    return empty;
  };
  // Rates need two samples. Nothing is paused, so that this series does not exist.
  const paused = "Which slots are paused, and since when?";
  await until("the panels have data", async () => (await findEmpty()).join() === paused);

  const rules = async () => (await ask("rules")).data.groups.flatMap((group) => group.rules);
  await until("the rules are evaluated", async () =>
    (await rules()).every(({ health }) => health !== "unknown"),
  );
  const found = await rules();
  expect(found.map(({ health }) => health)).toEqual(found.map(() => "ok"));
  expect(found.length).toBeGreaterThan(5);
  prometheus.kill("SIGTERM");
  await prometheus.finished;
});
