import { describe, expect, test } from "bun:test";
import { images } from "../support/cluster/images.ts";
import { createTester } from "../support/fixtures.ts";
import { type JobFile, outline, outputOf, runForEvents } from "../support/jobs.ts";
import { createNamespace, podSpec } from "./namespaces.ts";

const inPod = ["--executor", "kubernetes", "--kubernetes-default-image", images.debian];
const base64 = (text: string | Uint8Array) => Buffer.from(text).toString("base64");

/** Runs a job in a pod, and expects that it leaves nothing. */
async function runInPod(job: JobFile, args: readonly string[] = []) {
  await using namespace = await createNamespace();
  await using tester = await createTester();
  const outcome = await runForEvents(tester, job, [...inPod, ...args], { env: namespace.env });
  await namespace.emptied();
  return outcome;
}

/** A job of a container of this image. */
const inImage = (image: string, ...commands: readonly string[]): JobFile => ({
  commands,
  executor: "dockercompose",
  compose: { containers: [{ name: "main", image }] },
});

test("the status line has what the pod waits for", async () => {
  await using namespace = await createNamespace();
  await using tester = await createTester();
  await namespace.apply(podSpec("nowhere", { pod: "nodeSelector: { disk: none }" }));
  const file = await tester.write("job.json", JSON.stringify({ commands: ["true"] }));
  const running = tester.start(["run", file, ...inPod, "--kubernetes-pod-spec", "nowhere"], {
    env: namespace.env,
    isTerminal: true,
    columns: 120,
  });
  await running.shows("…: Pending: Unschedulable, 0/1 nodes are available");
  running.type("\x03");
  expect((await running.finished).exitCode).toBe(130);
  await namespace.emptied();
});

describe("a job in a pod", () => {
  test("has the events of a job in the shell executor, after those about its pod and with variables as requested", async () => {
    const job: JobFile = {
      env_vars: [
        { name: "PLAIN", value: base64("value") },
        { name: "DOLLAR", value: base64("$(PLAIN) ${PLAIN} $PLAIN") },
      ],
      files: [{ path: "/tmp/signalman-events", content: base64("content\n"), mode: "0640" }],
      commands: [
        'echo "$DOLLAR"; cat /tmp/signalman-events; stat -c %a /tmp/signalman-events; rm /tmp/signalman-events',
        "cd /; x=1",
        "pwd; echo $x; stty size; echo $TERM | wc -l",
        { alias: "Fails", directive: "printf 'no line end'; (exit 7)" },
        "echo never",
      ],
      epilogue_always_commands: ["echo $SEMAPHORE_JOB_RESULT"],
      epilogue_on_fail_commands: ["echo failed"],
    };
    await using tester = await createTester();
    const inShell = await runForEvents(tester, job);
    const { events, exitCode } = await runInPod(job);
    expect(exitCode).toBe(inShell.exitCode);
    const [start, resources, session, ...rest] = outline(events);
    const [sorted, asRequested] = [
      "Exporting DOLLAR\nExporting PLAIN\n",
      "Exporting PLAIN\nExporting DOLLAR\n",
    ];
    expect([start, ...rest]).toEqual(
      outline(inShell.events).map((block) => block.replace(sorted, asRequested)),
    );
    expect(resources).toBe("[Creating Kubernetes resources for job...] 0: ");
    expect(session).toMatch(/^\[Starting shell session\.\.\.\] 0: /);
    expect(session).toContain(
      "Pod is ready.\nStarting a new bash session in the pod...\nShell session is ready.\n",
    );
    expect(session).toContain("User: root\nUser identity: uid=0(root)");
    expect(session).toContain("Working directory: /root\n");
  }, 120_000);

  test("gets twenty megabytes of files, byte for byte", async () => {
    const content = new Uint8Array(20_000_000).map((_, at) => (at * 31) % 251);
    const digest = new Bun.CryptoHasher("sha256").update(content).digest("hex");
    const files = [{ path: "~/a dir/it's large", content: base64(content), mode: "0400" }];
    const command = `sha256sum <~/"a dir/it's large"`;
    const { events } = await runInPod({ files, commands: [command] });
    expect(outputOf(events, command)).toContain(digest);
    expect(outline(events).at(-1)).toBe("end passed");
  }, 180_000);

  test.each([
    ["busybox with bash", images.busyboxBash],
    ["Debian without script", images.noScript],
  ])(
    "runs in %s",
    async (_, image) => {
      const { events } = await runInPod(
        inImage(image, "x=1; seq 1 3", "echo $x; tty >/dev/null && echo terminal"),
      );
      expect(outline(events).slice(-4, -2)).toEqual([
        expect.stringMatching(/ 0: 1\n2\n3\n$/),
        expect.stringMatching(/ 0: 1\nterminal\n$/),
      ]);
    },
    120_000,
  );

  test("reaches a sidecar that runs its own command", async () => {
    const containers = [
      { name: "main", image: images.debian },
      {
        name: "db",
        image: images.debian,
        command: "bash -c 'echo $GREETING; exec sleep 1000'",
        env_vars: [{ name: "GREETING", value: base64("hi") }],
        user: "1000",
      },
    ];
    const { events } = await runInPod({
      executor: "dockercompose",
      compose: { containers },
      commands: ["grep -w db /etc/hosts"],
    });
    expect(outputOf(events, "grep -w db /etc/hosts")).toBe("127.0.0.1\tdb\n");
  }, 120_000);
});

describe("a job that cannot run in a pod fails at once with the reason", () => {
  test.each([
    ["an image that is no name", inImage("No Image", "true"), "InvalidImageName"],
    [
      "an image that cannot be pulled",
      inImage("registry.invalid/none:1", "true"),
      "failed to pull image for 'main'",
    ],
    ["an image without bash", inImage(images.busybox, "true"), "has no bash"],
    [
      "a container whose name is too long",
      {
        ...inImage(images.debian, "true"),
        compose: {
          containers: [
            { name: "main", image: images.debian },
            { name: "x".repeat(64), image: images.debian },
          ],
        },
      },
      "must be no more than 63",
    ],
    [
      "a user that is no number",
      {
        ...inImage(images.debian, "true"),
        compose: { containers: [{ name: "main", image: images.debian, user: "www-data" }] },
      },
      "user 'www-data' is not a number",
    ],
  ])(
    "%s",
    async (_, job, reason) => {
      const { events } = await runInPod(job);
      const text = ["Creating Kubernetes resources for job...", "Starting shell session..."]
        .map((title) => outputOf(events, title))
        .join("");
      expect(text).toContain(reason);
      expect(outline(events).at(-1)).toBe("end failed");
    },
    120_000,
  );

  test("a pod spec that is not there, or has faults", async () => {
    await using namespace = await createNamespace();
    await using tester = await createTester();
    const attempt = async (args: readonly string[]) => {
      const { events } = await runForEvents(tester, { commands: ["true"] }, [...inPod, ...args], {
        env: namespace.env,
      });
      await namespace.emptied();
      return outputOf(events, "Creating Kubernetes resources for job...");
    };
    expect(await attempt(["--kubernetes-pod-spec", "missing"])).toMatch(
      /^Failed to load pod spec: ConfigMap "missing": .*not found; create it/,
    );
    await namespace.apply(podSpec("bad", { pod: "nodeSelektor: {}\nhostNetwork: maybe" }));
    expect(await attempt(["--kubernetes-pod-spec", "bad"])).toMatch(
      /^Failed to create pod: .*(nodeSelektor|hostNetwork)/,
    );
    await namespace.apply(
      podSpec("no-pod", { pod: "volumes: { cache: {} }", mainContainer: "env: { A: 1 }" }),
    );
    expect(await attempt(["--kubernetes-pod-spec", "no-pod"])).toBe(
      'Failed to load pod spec: ConfigMap "no-pod": key "pod": field "volumes": expected a list of mappings; ' +
        'key "mainContainer": field "env": expected a list of mappings\n',
    );
  }, 120_000);

  test("a quota that is used up, and a namespace that is not there", async () => {
    await using namespace = await createNamespace();
    await using tester = await createTester();
    await namespace.apply({
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: { name: "none" },
      spec: { hard: { pods: "0" } },
    });
    const run = async (env: Record<string, string>) =>
      outputOf(
        (await runForEvents(tester, { commands: ["true"] }, inPod, { env: { ...namespace.env, ...env } }))
          .events,
        "Creating Kubernetes resources for job...",
      );
    expect(await run({})).toMatch(/^Failed to create pod: .*exceeded quota/);
    expect(await run({ KUBERNETES_NAMESPACE: "nowhere" })).toMatch(
      /^Failed to create environment secret: .*"nowhere" not found; create this namespace/,
    );
    await namespace.emptied();
  }, 120_000);
});
