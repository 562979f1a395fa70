import { expect, test } from "bun:test";
import path from "node:path";
import { parse } from "yaml";
import { comparedJobs, toComparable } from "../support/compared-jobs.ts";
import { images } from "../support/cluster/images.ts";
import { createTester, root, type Tester } from "../support/fixtures.ts";
import { type JobFile, outline, runForEvents } from "../support/jobs.ts";
import { createNamespace } from "./namespaces.ts";

/** Blocks that only a job in a pod has (protocol section 5.4). */
const setUp = /^\[(Creating Kubernetes resources for job\.\.\.|Starting shell session\.\.\.)\] 0: /;
const inPod = ["--executor", "kubernetes", "--kubernetes-default-image", images.debian];

test.each(comparedJobs)(
  "%s gives the same events in a shell and in a pod",
  async (_, job) => {
    await using tester = await createTester();
    // As in a pod: bash takes its words for what it refuses from the locale.
    const shell = await runForEvents(tester, { ...job, executor: "shell" }, [], { env: { LANG: "C" } });
    const pod = await runInPod(tester, job);
    expect(pod.exitCode).toBe(shell.exitCode);
    const lines = toComparable(pod.events, tester.home);
    expect(lines.filter((line) => setUp.test(line))).toHaveLength(2);
    const compared = lines.filter((line) => !setUp.test(line)).map(sortExports);
    expect(compared).toEqual(toComparable(shell.events, tester.home));
  },
  120_000,
);

test("the example containers.yaml passes in a pod, with images of the same kind", async () => {
  await using tester = await createTester();
  const example = await Bun.file(path.join(root, "docs/examples/containers.yaml")).text();
  const text = example
    .replace(/image: debian\S*/, `image: ${images.debian}`)
    .replace(/image: busybox\S*/, `image: ${images.busybox}`);
  const { events, exitCode } = await runInPod(tester, parse(text) as JobFile);
  const lines = outline(events);
  expect(lines).toContain('[echo "$GREETING"] 0: Hello from the container\n');
  expect(lines.join("")).toContain("0: Hello from the service\n");
  expect(exitCode).toBe(0);
}, 120_000);

/** Sorts the names of exported variables, which a pod reports in the order of the request. */
function sortExports(line: string): string {
  const [, title, names] = /^(\[Exporting environment variables\] 0: )([^]*)$/.exec(line) ?? [];
  return names === undefined ? line : title + (names.match(/.*\n/g) ?? []).toSorted().join("");
}

/** Runs a job in a pod, and expects that it leaves nothing. */
async function runInPod(tester: Tester, job: JobFile) {
  await using namespace = await createNamespace();
  const outcome = await runForEvents(tester, job, inPod, { env: { ...namespace.env, LANG: "C" } });
  await namespace.emptied();
  return outcome;
}
