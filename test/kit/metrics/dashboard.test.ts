import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import path from "node:path";
import { createAgentMetrics } from "../../../src/kit/metrics/agent-metrics.ts";

const docs = path.join(import.meta.dir, "../../../docs");
const page = readFileSync(path.join(docs, "metrics.md"), "utf8");
const alerts = readFileSync(path.join(docs, "grafana/alerts.yaml"), "utf8");
const dashboard = JSON.parse(readFileSync(path.join(docs, "grafana/signalman.json"), "utf8")) as {
  panels: { title: string; targets?: { expr: string }[]; id: number }[];
};
const panels = dashboard.panels.filter(({ targets }) => targets !== undefined);

function findMetrics(query: string): string[] {
  return [...query.matchAll(/\b(?:signalman|process)_\w+/g)].map(([name]) => name.replace(/_bucket$/, ""));
}

test("the dashboard and the alerts ask for metrics that exist", () => {
  const known = new Set(createAgentMetrics().flatMap(({ prometheus }) => prometheus?.name ?? []));
  known.add("process_resident_memory_bytes");
  const queries = [
    ...panels.flatMap(({ targets }) => targets!.map(({ expr }) => expr)),
    ...(alerts.match(/expr: .*/g) ?? []),
  ];
  expect(queries.length).toBeGreaterThan(15);
  const names = queries.flatMap(findMetrics);
  expect(names.length).toBeGreaterThanOrEqual(queries.length);
  expect(names.filter((name) => !known.has(name))).toEqual([]);
});

test("panels have different ids and titles that are questions", () => {
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  expect(panels.filter(({ title }) => !title.endsWith("?")).map(({ title }) => title)).toEqual([]);
});

test("the page names each panel and alert", () => {
  const names = [
    ...panels.map(({ title }) => title),
    ...[...alerts.matchAll(/alert: (\w+)/g)].map(([, name]) => name!),
  ];
  expect(names.filter((name) => !page.includes(name))).toEqual([]);
});
