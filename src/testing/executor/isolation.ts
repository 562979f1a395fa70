import { describe, expect, test } from "bun:test";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { ExecutorContext } from "../../core/contracts/executor.ts";
import { jobSocketVariable } from "../../job/commands/messages.ts";
import { environmentVariable, tmpdir } from "../fixtures.ts";
import { createStartedBench, type ExecutorSubject } from "./subject.ts";

/** Tests of what reaches a session that does not see all of the agent's host, such as one in a sandbox. */
export function testIsolation({ create, timeoutMs = 20_000 }: ExecutorSubject): void {
  const fact = (sentence: string, check: () => Promise<void>) => test(sentence, check, timeoutMs);

  describe("the session", () => {
    fact("reaches the job's socket if it knows the path", async () => {
      await using place = await tmpdir();
      const path = join(place.path, "job.sock");
      using _server = Bun.listen({
        unix: path,
        socket: { data: (socket) => void socket.end("answered\n") },
      });
      // The session may be another user's.
      await chmod(place.path, 0o711);
      await chmod(path, 0o666);
      await using bench = await createStartedBench((context) => create(withSocket(context, path)));
      const known = `[ -n "\${${jobSocketVariable}-}" ]`;
      const { text } = await bench.run(`! ${known} || BUN_BE_BUN=1 '${process.execPath}' -e '${client}'`);
      const isKnown = (await bench.run(known)).code === 0;
      expect(text).toBe(isKnown ? "answered\n" : "");
    });

    fact("owns the files of the request and can change them", async () => {
      await using bench = await createStartedBench(create);
      const name = `.signalman-suite-${crypto.randomUUID()}`;
      const file = { path: `~/${name}`, content: btoa("content"), mode: "0600" };
      expect((await bench.begin((it, output) => it.injectFiles([file], output)).done).code).toBe(0);
      const look = `[ -O ~/${name} ] && echo more >> ~/${name} && cat ~/${name}; rm -f ~/${name}`;
      expect((await bench.run(look)).text).toBe("contentmore\n");
    });

    fact("receives variables when it has a TMPDIR of its own", async () => {
      await using place = await tmpdir();
      const TMPDIR = join(place.path, "own");
      await mkdir(TMPDIR, { mode: 0o700 });
      await using bench = await createStartedBench((context) =>
        create({ ...context, environment: { ...context.environment, TMPDIR } }),
      );
      const env = [environmentVariable("SUITE_PRIVATE", "arrived")];
      expect((await bench.begin((it, output) => it.exportEnvironment(env, output)).done).code).toBe(0);
      expect(await bench.run('echo "$SUITE_PRIVATE"')).toEqual({ code: 0, text: "arrived\n" });
    });
  });
}

function withSocket(context: ExecutorContext, path: string): ExecutorContext {
  return {
    ...context,
    environment: { ...context.environment, [jobSocketVariable]: path },
    hostPaths: [...context.hostPaths, { path, isWritten: false }],
  };
}

const client = `
  await new Promise((resolve) => Bun.connect({
    unix: process.env.${jobSocketVariable},
    socket: {
      open: (socket) => socket.write("question"),
      data: (_, bytes) => process.stdout.write(String(bytes)),
      close: resolve,
      error: resolve,
      connectError: (_, error) => { console.log(error.message); resolve(); },
    },
  }).catch(() => {}));
`;
