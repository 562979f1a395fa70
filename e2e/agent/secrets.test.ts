import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { createScene, jobProcesses } from "../support/agents.ts";
import { binary } from "../support/fixtures.ts";
import { runsAsJobUser } from "../support/job-user.ts";
import { registrationToken } from "../support/hub-process.ts";
import { outputOf, until } from "../support/jobs.ts";
import { programOf, users } from "../support/users.ts";

/** Lists all files below a directory. */
const filesOf = (directory: string) =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));

const environOf = (pid: number) => readFileSync(`/proc/${pid}/environ`, "latin1");

describe("the registration token", () => {
  test.concurrent.each(["environment", "flag", "file", "config"])(
    "from the %s is in no job, job process, log or file",
    async (place) => {
      await using scene = await createScene();
      const { hub, tester } = scene;
      const file = await tester.write("secret/token", registrationToken, 0o600);
      const config = await tester.write("secret/config.yaml", `token: ${registrationToken}\n`, 0o600);
      const hook = await tester.write(
        "hook.sh",
        "env > hook.env; tr '\\0' '\\n' < /proc/$PPID/environ > hook.ppid\n",
      );
      const args = {
        environment: [],
        flag: ["--token", registrationToken],
        file: ["--token-file", file],
        config: ["--config-file", config],
      }[place]!;
      const env = { SEMAPHORE_AGENT_TOKEN: place === "environment" ? registrationToken : "" };
      const agent = await scene.readyAgent(
        [...args, "--shutdown-hook-path", hook, "--disconnect-after-job"],
        { env },
      );
      const id = await hub.submit({
        commands: [
          "env | sort",
          "tr '\\0' '\\n' < /proc/$$/environ",
          "echo ready; while [ ! -e go ]; do sleep 0.05; done",
        ],
      });
      await hub.shows(id, "ready");
      const [jobProcess] = jobProcesses(id);
      expect(environOf(jobProcess!)).not.toContain(registrationToken);
      expect(readFileSync(`/proc/${jobProcess}/cmdline`, "latin1")).not.toContain(registrationToken);
      await tester.write("go", "");
      const { stdout, stderr } = await agent.finished;
      expect((await hub.job(id)).result).toBe("passed");
      const events = await hub.log(id);
      expect(outputOf(events, "env | sort")).toContain("SEMAPHORE_JOB_ID=");
      expect(JSON.stringify(events)).not.toContain(registrationToken);
      expect(stdout + stderr).not.toContain(registrationToken);
      for (const kept of [...filesOf(scene.stateDirectory), ...filesOf(tester.temporary)]) {
        expect({ kept, isClean: !readFileSync(kept, "latin1").includes(registrationToken) }).toEqual({
          kept,
          isClean: true,
        });
      }
      expect(readFileSync(path.join(tester.home, "hook.env"), "utf8")).not.toContain(registrationToken);
      if (place === "flag") expect(stdout).toContain("the registration token is on the command line");
    },
  );

  test.concurrent("a job of an ordinary user can read the memory of neither the agent nor its job process", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    const program = await programOf(tester, users.at(-1)!.as);
    const agent = await scene.readyAgent([], { program });
    const look = `id -u; for pid in ${agent.pid} $(ps -o ppid= -p $PPID); do for file in environ mem; do head -c 9 /proc/$pid/$file && echo open; done; done`;
    const id = await hub.submit({ commands: [look] });
    expect((await hub.done(id)).result).toBe("failed");
    const output = outputOf(await hub.log(id), look);
    expect(output).not.toStartWith("0\n");
    expect(output).not.toContain("open\n");
    expect(output.match(/Permission denied/g)).toHaveLength(4);
  });

  test.concurrent("the access token and the log token are in no agent log, and in no file after the job", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    await scene.readyAgent([], { env: { SEMAPHORE_AGENT_LOG_LEVEL: "trace" } });
    const id = await hub.submit({ commands: ["echo ready; while [ ! -e go ]; do sleep 0.05; done"] });
    await hub.shows(id, "ready");
    const texts = filesOf(scene.stateDirectory).map((file) => readFileSync(file, "latin1"));
    const request = texts.find((text) => text.includes("/api/v1/logs/"))!;
    const logToken = /eyJ[\w-]+\.[\w-]+\.[\w-]+/.exec(request)![0];
    await scene.tester.write("go", "");
    await hub.done(id);
    const log = await scene.agentLog();
    expect(log).not.toContain(logToken);
    expect(log).not.toMatch(/\b[0-9a-f]{80}\b/);
    for (const text of texts) expect(text).not.toMatch(/\b[0-9a-f]{80}\b/);
    await until("the request is removed", () =>
      filesOf(scene.stateDirectory).every((file) => !readFileSync(file, "latin1").includes(logToken)),
    );
  });

  test.concurrent.each(["the job's process", "the job's process and the agent"])(
    "after kill -9 of %s, no variable of the job is left in a file",
    async (who) => {
      await using scene = await createScene();
      const { hub, tester } = scene;
      const agent = await scene.readyAgent();
      const secret = Buffer.from("s3cret-of-the-job").toString("base64");
      const env_vars = [{ name: "SECRET", value: secret }];
      const id = await hub.submit({ commands: ["echo ready", "sleep 600"], env_vars });
      await hub.shows(id, "ready");
      const left = () => readdirSync(tester.temporary).filter((name) => /^(\.env-|signalman-)/.test(name));
      const before = left();
      if (who.includes("agent")) agent.kill("SIGKILL");
      for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
      if (who.includes("agent")) {
        await agent.finished;
        await scene.readyAgent();
      }
      expect((await hub.done(id)).result).toBe("failed");
      await until("the job's files are removed", () => left().every((name) => /^signalman-\d+$/.test(name)));
      expect(before.filter((name) => name.startsWith(".env-"))).toHaveLength(runsAsJobUser ? 0 : 1);
      expect(before.length).toBeGreaterThan(0);
    },
  );

  test.concurrent("Bun's own variables are not in a job's environment", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    await scene.readyAgent([], { env: { BUN_OPTIONS: "--smol", BUN_CONFIG_PRELOAD: "", MINE: "mine" } });
    const id = await hub.submit({ commands: ["env | sort"] });
    await hub.done(id);
    const output = outputOf(await hub.log(id), "env | sort");
    expect(output).toContain("\nMINE=mine\n");
    expect(output).not.toMatch(/^BUN_/m);
    expect(output).not.toMatch(/^SIGNALMAN_(?!JOB_|CONFIG_(FILE|ENV)=)/m);
  });
});

describe("what other users can see of an agent", () => {
  test.concurrent("the process list shows the path of the program and the word start", async () => {
    await using scene = await createScene();
    const directory = path.join(scene.tester.home, "opt", "semaphore", "agent");
    await scene.tester.exec(["bash", "-c", `mkdir -p ${directory} && ln -s "$0" ${directory}/agent`, binary]);
    const place = ["--endpoint", scene.hub.endpoint, "--no-https"];
    const agent = scene.tester.start(["start", ...place], {
      program: [path.join(directory, "agent")],
      env: { SEMAPHORE_AGENT_TOKEN: registrationToken },
    });
    await agent.shows("registered as");
    const { stdout } = await scene.tester.exec(["ps", "-ww", "-o", "args=", "-p", String(agent.pid)]);
    expect(stdout).toStartWith(`${directory}/agent start `);
  });

  test.concurrent("the state directory is closed to other users", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const agent = scene.agent([], { program: ["bash", "-c", 'umask 0; exec "$0" "$@"', binary] });
    const id = await hub.submit({ commands: ["echo ready; while [ ! -e go ]; do sleep 0.05; done"] });
    await hub.shows(id, "ready");
    expect(statSync(scene.stateDirectory).mode & 0o777).toBe(0o700);
    const entries = readdirSync(scene.stateDirectory, { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      const place = path.join(entry.parentPath, entry.name);
      const isOpen = (statSync(place).mode & 0o077) !== 0;
      expect({ place, isOpen }).toEqual({ place, isOpen: false });
    }
    await scene.tester.write("go", "");
    expect((await hub.done(id)).result).toBe("passed");
    agent.kill("SIGTERM");
    expect((await agent.finished).exitCode).toBe(0);
  });

  test.concurrent("a second agent with the same explicit state directory is rejected with the pid of the first", async () => {
    await using scene = await createScene();
    const first = await scene.readyAgent();
    const { exitCode, stdout, stderr } = await scene.agent().finished;
    expect(exitCode).toBe(1);
    expect(stdout + stderr).toContain(`(pid ${first.pid})`);
    expect(stdout + stderr).toContain(scene.stateDirectory);
    const id = await scene.hub.submit({ commands: ["true"] });
    expect((await scene.hub.done(id)).result).toBe("passed");
  });

  test.concurrent("without explicit state directories two agents share a host, and each resumes its registration", async () => {
    await using scene = await createScene();
    const env = { SEMAPHORE_AGENT_STATE_DIR: "" };
    const agents = [await scene.readyAgent([], { env }), await scene.readyAgent([], { env })];
    await until("both agents are registered", async () => (await scene.hub.agents()).length === 2);
    const names = (await scene.hub.agents()).map(({ name }) => name).toSorted();
    for (const agent of agents) {
      agent.kill("SIGKILL");
      await agent.finished;
    }
    await scene.readyAgent([], { env });
    await scene.readyAgent([], { env });
    expect((await scene.hub.agents()).map(({ name }) => name).toSorted()).toEqual(names);
  });
});
