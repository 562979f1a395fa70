import { describe, expect, test } from "bun:test";
import {
  credentials,
  openS3Double,
  type S3Double,
} from "../../docs/examples/plugins/s3-log-sink/testing/s3-double.ts";
import type { Scene } from "../support/agents.ts";
import { createExampleScene, createExampleTester, exampleFlags } from "./example-plugins.ts";
import { outputOf, runJob, until } from "../support/jobs.ts";

describe("s3-log-sink", () => {
  const env = {
    SEMAPHORE_AGENT_S3_LOGS_ACCESS_KEY_ID: credentials.accessKeyId,
    SEMAPHORE_AGENT_S3_LOGS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };
  const config = ({ endpoint }: S3Double) => ({
    bucket: "logs",
    prefix: "ci",
    endpoint,
    region: credentials.region,
    "retry-delay": 0.05,
  });
  const keptText = async ({ tester, stateDirectory }: Scene, id: string) =>
    (await tester.run(["logs", id, "--json", "--state-dir", stateDirectory])).stdout;

  test.concurrent("stores the log that is kept, in gatedCommands, over an agent that is killed", async () => {
    await using s3 = openS3Double();
    await using scene = await createExampleScene("s3-log-sink", config(s3));
    const { hub, tester } = scene;
    const first = await scene.startAgent({ env });
    const noise = "seq 900000; echo started; while [ ! -e go ]; do sleep 0.05; done; echo over";
    const id = await hub.submit({ commands: [noise, "env | grep -c S3_LOGS"] });
    await until("a part is stored", () => s3.calls.includes("PUT part"));
    first.kill("SIGKILL");
    await first.finished;
    await scene.startAgent({ env });
    await tester.write("go", "");
    await hub.done(id);
    const stored = () => s3.objects.get(`ci/${id}.ndjson`)?.bytes.toString();
    await until("the kept log is stored", async () => stored() === (await keptText(scene, id)));
    expect(stored()).toContain("over\\n");
    expect(outputOf(await hub.log(id), "env | grep -c S3_LOGS")).toBe("0\n");
    expect(await scene.agentLog()).not.toContain(credentials.secretAccessKey);
  });

  test.concurrent("does not affect the job when the key is wrong; the error names the command that shows the log", async () => {
    await using s3 = openS3Double();
    await using tester = await createExampleTester("s3-log-sink", config(s3));
    const wrong = { ...env, SEMAPHORE_AGENT_S3_LOGS_SECRET_ACCESS_KEY: "wr0ng-s3cr3t" };
    const { exitCode, stderr } = await runJob(tester, { id: "j-1", commands: ["true"] }, exampleFlags, {
      env: wrong,
    });
    expect(exitCode).toBe(0);
    expect(stderr).toContain("(SignatureDoesNotMatch) (`signalman logs j-1` shows it)");
    expect(stderr).not.toContain("wr0ng-s3cr3t");
  });
});
