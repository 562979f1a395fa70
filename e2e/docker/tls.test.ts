import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import path from "node:path";
import { tmpdir } from "../../src/testing/index.ts";
import { createScene, jobProcesses } from "../support/agents.ts";
import { containerJob, useTestEngine } from "../support/containers.ts";
import { createCertificates } from "../support/engine/certificates.ts";
import { images } from "../support/engine/images.ts";
import { openOwnEngine } from "../support/engine/own-engine.ts";
import { freePort } from "../support/engine/registry.ts";
import { outline, outputOf, toEvents, until } from "../support/jobs.ts";

useTestEngine();

/** An engine that wants certificates of its clients, and a job for it. */
async function openTlsEngine() {
  const directory = await tmpdir();
  const certificates = await createCertificates(directory.path, "IP:127.0.0.1");
  const address = `tcp://127.0.0.1:${freePort()}`;
  const files = ["ca", "cert", "key"].map(
    (name) => `--tls${name === "ca" ? "cacert" : name}=${certificates.server}/${name}.pem`,
  );
  const engine = await openOwnEngine({ arguments: [`--host=${address}`, "--tlsverify", ...files] });
  const { tester } = engine;
  // The socket of an engine on another host is not on this one, and here neither.
  const words = ["--json", "--docker-mount-socket=false", "--docker-engine-timeout=10"];
  return {
    certificates,
    address,
    api: engine.api,
    async run(env: Readonly<Record<string, string>>) {
      const job = containerJob(
        ["echo it runs; head -c 300000 /dev/zero | tr '\\0' x | wc -c"],
        [{ image: images.small }],
      );
      const file = await tester.write("job.json", JSON.stringify(job));
      const finished = await tester.run(["run", file, ...words], { env });
      return { ...finished, events: toEvents(finished.stdout) };
    },
    writeConfiguration: (file: string, text: string) => tester.write(path.join("docker-config", file), text),
    configuration: path.join(tester.home, "docker-config"),
    doctor: (env: Readonly<Record<string, string>>) => tester.run(["doctor"], { env }),
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

describe("an engine that wants TLS and a client's certificate", () => {
  test("runs a job for DOCKER_HOST with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, and doctor reaches it", async () => {
    await using engine = await openTlsEngine();
    const env = {
      DOCKER_HOST: engine.address,
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: engine.certificates.client,
    };
    const { events, exitCode } = await engine.run(env);
    expect(outputOf(events, "echo it runs; head -c 300000 /dev/zero | tr '\\0' x | wc -c")).toBe(
      "it runs\n300000\n",
    );
    expect(exitCode).toBe(0);
    expect((await engine.doctor(env)).stdout).toMatch(/Docker engine \d+\.\d+\S* at "tcp:\/\/127\.0\.0\.1:/);
  });

  test("runs a job for a context of the docker configuration", async () => {
    await using engine = await openTlsEngine();
    const id = createHash("sha256").update("elsewhere").digest("hex");
    const meta = {
      Name: "elsewhere",
      Metadata: {},
      Endpoints: { docker: { Host: engine.address, SkipTLSVerify: false } },
    };
    await engine.writeConfiguration(`contexts/meta/${id}/meta.json`, JSON.stringify(meta));
    for (const name of ["ca.pem", "cert.pem", "key.pem"])
      await engine.writeConfiguration(
        `contexts/tls/${id}/docker/${name}`,
        await Bun.file(path.join(engine.certificates.client, name)).text(),
      );
    const named = await engine.run({ DOCKER_CONFIG: engine.configuration, DOCKER_CONTEXT: "elsewhere" });
    expect(named.exitCode).toBe(0);
    await engine.writeConfiguration("config.json", JSON.stringify({ currentContext: "elsewhere" }));
    const current = await engine.run({ DOCKER_CONFIG: engine.configuration });
    expect(current.exitCode).toBe(0);
  });

  test("has a job continued whose process is killed", async () => {
    await using engine = await openTlsEngine();
    await using scene = await createScene();
    const env = {
      DOCKER_HOST: engine.address,
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: engine.certificates.client,
    };
    await scene.readyAgent(["--docker-mount-socket=false"], { env });
    const wait = "n=1; echo begun; until [ -e /tmp/go ]; do sleep 0.1; done; echo n is $n";
    const id = await scene.hub.submit(containerJob([wait, "echo behind"], [{ image: images.small }]));
    await scene.hub.shows(id, "begun");
    const killed = jobProcesses(id);
    for (const pid of killed) process.kill(pid, "SIGKILL");
    await until("another process continues", () => jobProcesses(id).some((pid) => !killed.includes(pid)));
    const [container] = await engine.api.get<{ Id: string }[]>("/containers/json");
    const started = await engine.api.call("POST", `/containers/${container!.Id}/exec`, {
      json: { Cmd: ["touch", "/tmp/go"] },
    });
    const { Id: exec } = (await started.json()) as { Id: string };
    await engine.api.call("POST", `/exec/${exec}/start`, { json: { Detach: true } });
    expect((await scene.hub.done(id)).result).toBe("passed");
    const log = await scene.hub.log(id);
    expect(outputOf(log, wait)).toBe("begun\nn is 1\n");
    expect(outputOf(log, "echo behind")).toBe("behind\n");
  }, 120_000);

  test("refuses a certificate of another authority, and the job's log gives the reason", async () => {
    await using engine = await openTlsEngine();
    const { events, exitCode } = await engine.run({
      DOCKER_HOST: engine.address,
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: engine.certificates.stranger,
    });
    expect(exitCode).toBe(1);
    expect(outline(events).join("\n")).toMatch(
      /cannot connect to the Docker engine: the Docker engine at "tcp:\/\/127\.0\.0\.1:\d+" rejects the client certificate: /,
    );
  });

  test("is not spoken to when its certificate is signed by an unknown authority", async () => {
    await using engine = await openTlsEngine();
    await using other = await tmpdir();
    const { client } = await createCertificates(other.path, "IP:127.0.0.1");
    const { events, exitCode } = await engine.run({
      DOCKER_HOST: engine.address,
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: client,
    });
    expect(exitCode).toBe(1);
    expect(outline(events).join("\n")).toMatch(
      /cannot connect to the Docker engine: .*certificate.*tcp:\/\/127\.0\.0\.1:/,
    );
  });
});
