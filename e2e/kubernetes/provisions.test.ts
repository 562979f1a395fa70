import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { directories } from "../support/cluster/layout.ts";
import { images } from "../support/cluster/images.ts";
import { createTester, type Tester } from "../support/fixtures.ts";
import { type JobFile, outline, outputOf, runForEvents } from "../support/jobs.ts";
import { createNamespace, podSpec } from "./namespaces.ts";

const inPod = ["--executor", "kubernetes", "--kubernetes-default-image", images.debian];

const toolbox = `
initContainers:
  - name: toolbox
    image: ${images.debian}
    command: ["sh", "-c", "echo 'checkout() { echo checked out by $(readlink ~/.toolbox); }' >/toolbox/toolbox"]
    volumeMounts: [{ name: toolbox, mountPath: /toolbox }]
volumes: [{ name: toolbox, emptyDir: {} }]
`;

async function run(tester: Tester, job: JobFile, args: readonly string[]) {
  await using namespace = await createNamespace();
  const mainContainer = "volumeMounts: [{ name: toolbox, mountPath: /opt/toolbox, readOnly: true }]";
  await namespace.apply(podSpec("spec", { pod: toolbox, mainContainer }));
  const { events } = await runForEvents(tester, job, [...inPod, ...args], { env: namespace.env });
  await namespace.emptied();
  return events;
}

test("a pod's containers have the operator's authorities and proxy, and its shell the toolbox", async () => {
  await using tester = await createTester();
  const ca = (await readFile(path.join(directories.certificates, "ca.crt"))).toString();
  const file = await tester.write("ca.pem", ca);
  const command = "cat $SSL_CERT_FILE; echo $GIT_SSL_CAINFO $HTTPS_PROXY $https_proxy $NO_PROXY; checkout";
  const containers = [
    { name: "main", image: images.debian },
    // Its end would fail the job.
    {
      name: "db",
      image: images.debian,
      command: "bash -c 'grep -q BEGIN $SSL_CERT_FILE && [ $http_proxy ] && exec sleep 1000'",
    },
  ];
  const events = await run(
    tester,
    { executor: "dockercompose", compose: { containers }, commands: [command] },
    [
      "--job-ca-file",
      file,
      "--job-proxy",
      "http://u:$(HOME)$$x@proxy:3128",
      "--job-no-proxy",
      ".a,.b",
      "--toolbox-path",
      "/opt/toolbox",
      "--kubernetes-pod-spec",
      "spec",
    ],
  );
  const proxy = "http://u:$(HOME)$$x@proxy:3128";
  expect(outputOf(events, command)).toBe(
    `${ca}/etc/signalman/ca.pem ${proxy} ${proxy} .a,.b\nchecked out by /opt/toolbox\n`,
  );
}, 180_000);

test("a toolbox that is not mounted, and a file without certificates, fail the job with the reason", async () => {
  await using tester = await createTester();
  const commands = ["echo never"];
  const missing = await run(tester, { commands }, ["--toolbox-path", "/opt/none"]);
  expect(outputOf(missing, "Starting shell session...")).toContain(
    'toolbox "/opt/none/toolbox" could not be sourced in the job\'s container (exit code 1): ',
  );
  const file = await tester.write("ca.pem", "none");
  const wrong = await run(tester, { commands }, ["--job-ca-file", file]);
  expect(outputOf(wrong, "Creating Kubernetes resources for job...")).toContain(
    `job-ca-file "${file}" contains no certificate (expected PEM)`,
  );
  for (const events of [missing, wrong]) expect(outline(events).at(-1)).toBe("end failed");
}, 180_000);
