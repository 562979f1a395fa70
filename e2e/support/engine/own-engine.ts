import path from "node:path";
import { tmpdir } from "../../../src/testing/index.ts";
import { containerJob } from "../containers.ts";
import { createTester, type Running, type Tester } from "../fixtures.ts";
import { createEngineApi, type EngineApi } from "./api.ts";
import { type Daemon, type DaemonOptions, startDaemon } from "./daemon.ts";
import { engineCache } from "./engine.ts";
import { images, importImage } from "./images.ts";

/** An engine of one test, which the test may break. It has only the small image. */
export interface OwnEngine extends AsyncDisposable {
  readonly api: EngineApi;
  readonly tester: Tester;
  /** The daemon that runs now. */
  readonly daemon: Daemon;
  /** `unix://…` */
  readonly host: string;
  restart(): Promise<void>;
  /** Starts a job that prints "begun" and does not end by itself. */
  startJob(args?: readonly string[]): Promise<Running>;
}

/** Starts an engine. The images of the shared engine must have been made. */
export async function openOwnEngine(options: Omit<DaemonOptions, "directory"> = {}): Promise<OwnEngine> {
  const directory = await tmpdir();
  const start = () =>
    startDaemon({
      ...options,
      directory: directory.path,
      arguments: ["--iptables=false", "--ip6tables=false", ...(options.arguments ?? [])],
    });
  let daemon = await start();
  const tester = await createTester();
  const api = createEngineApi(daemon.socket);
  await importImage(api, images.small, path.join(engineCache(), "roots", "small.tar"));
  const host = `unix://${daemon.socket}`;
  return {
    api,
    tester,
    host,
    get daemon() {
      return daemon;
    },
    async restart() {
      daemon = await start();
    },
    async startJob(args = []) {
      const commands = ["echo begun; sleep 1000; echo never", "echo never"];
      const job = containerJob(commands, [{ image: images.small }]);
      const file = await tester.write("job.json", JSON.stringify(job));
      const env = { DOCKER_HOST: host };
      return tester.start(["run", file, "--json", "--stop-grace-period=1", ...args], { env });
    },
    async [Symbol.asyncDispose]() {
      await tester[Symbol.asyncDispose]();
      for (const { Id } of await api.get<{ Id: string }[]>("/containers/json?all=1").catch(() => []))
        await api.call("DELETE", `/containers/${Id}?force=1&v=1`).catch(() => {});
      await daemon[Symbol.asyncDispose]();
      await daemon.unmount();
      await directory[Symbol.asyncDispose]();
    },
  };
}
