import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp, mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { tmpdir } from "../../src/testing/index.ts";
import { run } from "../support/cluster/command.ts";
import { createScene } from "../support/agents.ts";
import { startCluster } from "../support/cluster/cluster.ts";
import { importImage } from "../support/cluster/images.ts";
import { testEngine, useTestEngine } from "../support/containers.ts";
import { engineCache } from "../support/engine/engine.ts";
import { root } from "../support/fixtures.ts";
import { registrationToken } from "../support/hub-process.ts";
import { outputOf, until } from "../support/jobs.ts";
import { createNamespace, patiently } from "../kubernetes/namespaces.ts";
import { makeRelease } from "./make-release.ts";
import { isRoot, needsRoot } from "../support/users.ts";

// The images of a release, in a real engine. Their bases are made here, since no registry can be reached.

const minutes = 60_000;
const version = "9.9.1";
const kinds = ["signalman", "signalman-small"] as const;
useTestEngine();
let place: Awaited<ReturnType<typeof tmpdir>>;
const at = (...names: string[]) => path.join(place.path, ...names);
const docker = async (...words: string[]) =>
  run(["docker", "--host", (await testEngine()).host, ...words], { timeoutMs: 2 * minutes });

beforeAll(async () => {
  if (!isRoot) return;
  place = await tmpdir();
  await makeBase("base", path.join(engineCache(), "roots", "debian.tar"));
  await makeBase("small-base", await makeSmallRoot());
  await makeRelease({
    checkout: root,
    version,
    outdir: at("release"),
    only: "x64,images",
    env: { SIGNALMAN_BASE_IMAGES: at("base.tar"), SIGNALMAN_SMALL_BASE_IMAGES: at("small-base.tar") },
  });
  for (const kind of kinds)
    await docker("load", "--input", at("release", `${kind}_${version}_amd64.oci.tar`));
}, 10 * minutes);

afterAll(async () => {
  if (!isRoot) return;
  for (const kind of kinds) await docker("image", "rm", "--force", `${kind}:${version}`);
  await docker("image", "rm", "--force", "base:test", "small-base:test");
  await place[Symbol.asyncDispose]();
});

describe.if(isRoot)(`images${needsRoot}`, () => {
  test("are what the reference's stacks expect: user 1000, the program and its command", async () => {
    for (const kind of kinds) {
      const [image] = JSON.parse(await docker("image", "inspect", `${kind}:${version}`)) as [
        { Config: Record<string, unknown>; Architecture: string },
      ];
      expect(image.Architecture).toBe("amd64");
      expect(image.Config).toMatchObject({
        User: "semaphore",
        Cmd: ["/opt/semaphore/agent", "start", "--config-file", "/opt/semaphore/semaphore-agent.yml"],
        Healthcheck: { Test: ["CMD", "/opt/semaphore/agent", "status"] },
      });
      expect(await docker("run", "--rm", `${kind}:${version}`, "signalman", "version")).toBe(`${version}\n`);
    }
    const show = "id; stat -c '%a %U' /opt/semaphore/agent; cat /opt/semaphore/agent | wc -c";
    const shown = await docker("run", "--rm", `signalman:${version}`, "sh", "-c", `${show} 2>&1`);
    expect(shown).toContain("uid=1000(semaphore) gid=1000(semaphore)");
    expect(shown).toContain("711 root");
    // Its user cannot read it.
    expect(shown).toMatch(/^0$/m);
  });

  test(
    "run an agent that is healthy, runs a job, reaps what it leaves as PID 1, and exits when it is stopped",
    async () => {
      await using scene = await createScene();
      const { hub } = scene;
      const name = `signalman-image-${process.pid}`;
      const settings = ["--network=host", "--env", `SEMAPHORE_AGENT_TOKEN=${registrationToken}`];
      await docker(
        "run",
        "--detach",
        "--name",
        name,
        "--health-interval=1s",
        ...settings,
        `signalman:${version}`,
        "signalman",
        "start",
        "--no-https",
        "--endpoint",
        hub.endpoint,
      );
      try {
        await until(
          "the container is healthy",
          async () =>
            (await docker("inspect", "--format={{.State.Health.Status}}", name)).trim() === "healthy",
        );
        const leave = "(sleep 0.2 &); id -un";
        const job = await hub.submit({ commands: [leave] });
        expect((await hub.done(job)).result).toBe("passed");
        expect(outputOf(await hub.log(job), leave)).toBe("semaphore\n");
        await until(
          "no zombie is left",
          async () => !(await docker("top", name, "-eo", "pid,stat,comm")).includes("Z"),
        );
        await docker("stop", name);
        expect((await docker("inspect", "--format={{.State.ExitCode}}", name)).trim()).toBe("0");
      } finally {
        await docker("rm", "--force", name);
      }
    },
    5 * minutes,
  );
});

describe.if(isRoot)(`images in a cluster${needsRoot}`, () => {
  beforeAll(async () => {
    await startCluster();
    for (const kind of kinds) await importImage(at("release", `${kind}_${version}_amd64.oci.tar`));
  }, 10 * minutes);

  test.each(kinds)(
    "the agent of %s registers from a pod with the image's command, and exits when the pod is deleted",
    async (kind) => {
      await using namespace = await createNamespace();
      await using scene = await createScene();
      const { hub } = scene;
      const settings = `endpoint: ${hub.endpoint}\nno-https: true\n`;
      await namespace.apply(
        {
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { name: "agent" },
          data: { "semaphore-agent.yml": settings },
        },
        toPod(kind),
      );
      await patiently("the agent syncs", async () =>
        (await hub.calls()).some(({ endpoint }) => endpoint.startsWith("sync")),
      );
      // It has a shell for jobs in the agent's container.
      if (kind === "signalman") {
        const job = await hub.submit({ commands: ["id -un; pwd"] });
        expect((await hub.done(job)).result).toBe("passed");
        expect(outputOf(await hub.log(job), "id -un; pwd")).toBe("semaphore\n/home/semaphore\n");
      }
      expect(await namespace.kubectl(["exec", "agent", "--", "signalman", "version"])).toBe(`${version}\n`);
      await namespace.kubectl(["delete", "pod", "agent", "--timeout=50s"]);
      expect((await hub.calls()).some(({ endpoint }) => endpoint.startsWith("disconnect"))).toBeTrue();
    },
    5 * minutes,
  );

  /** A pod with the rights of the published ones, on the network of the host, where the hub is. */
  function toPod(kind: (typeof kinds)[number]): object {
    const agent = {
      name: "agent",
      image: `docker.io/library/${kind}:${version}`,
      imagePullPolicy: "Never",
      env: [{ name: "SEMAPHORE_AGENT_TOKEN", value: registrationToken }],
      securityContext: { runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000 },
      volumeMounts: [
        {
          name: "settings",
          mountPath: "/opt/semaphore/semaphore-agent.yml",
          subPath: "semaphore-agent.yml",
        },
      ],
    };
    return {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "agent" },
      spec: {
        hostNetwork: true,
        restartPolicy: "Never",
        containers: [agent],
        volumes: [{ name: "settings", configMap: { name: "agent" } }],
      },
    };
  }
});

/** Imports a file system and saves it as the archive of an image. */
async function makeBase(name: string, tar: string): Promise<void> {
  await docker("import", tar, `${name}:test`);
  await docker("save", "--output", at(`${name}.tar`), `${name}:test`);
}

/** What the program needs: the C library and its loader. */
async function makeSmallRoot(): Promise<string> {
  const files = (await run(["ldd", process.execPath])).matchAll(/(\/\S+\.so[.\d]*)/g);
  const small = at("small");
  for (const [, file] of files) {
    const to = path.join(small, file!);
    await mkdir(path.dirname(to), { recursive: true });
    await cp(file!, to, { dereference: true });
  }
  await mkdir(path.join(small, "tmp"), { recursive: true, mode: 0o1777 });
  await mkdir(path.join(small, "etc"), { recursive: true });
  await writeFile(path.join(small, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  await run(["chmod", "1777", path.join(small, "tmp")]);
  await run(["tar", "-C", small, "-cf", at("small.tar"), ...(await readdir(small))]);
  return at("small.tar");
}
