import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Duplex } from "node:stream";
import type { AgentError } from "signalman";
import { tmpdir } from "signalman/testing";
import type { Engine } from "../engine/engine.ts";
import { type KeeperFault, openKeeper } from "./keeper.ts";

test("a list of 8,000 processes, which is longer than other answers, arrives whole", async () => {
  await using directory = await tmpdir();
  const pids = Array.from({ length: 8000 }, (_, index) => 4_000_000 + index);
  for (const pid of pids) {
    await mkdir(join(directory.path, `${pid}`));
    await Bun.write(join(directory.path, `${pid}`, "stat"), `${pid} (a) b) S 1 1 1 0`);
  }
  const { keeper, faults } = await open((script) => [
    "sh",
    "-c",
    script.replaceAll("/proc/", `${directory.path}/`).replaceAll(/kill -(KILL|TERM) -1/g, ":"),
  ]);
  const { processes } = await keeper.list();
  expect(processes).toHaveLength(pids.length);
  expect(processes[0]).toEqual({ pid: pids[0]!, parent: 1, isZombie: false });
  expect(await keeper.readAccounting()).toBeInstanceOf(Map);
  expect(faults).toEqual([]);
  keeper.close();
}, 60_000);

test("a list of more than 4 MiB, and another answer of more than 64 KiB, are floods", async () => {
  for (const [order, bytes, limit] of [
    ["list", 5 * 1024 * 1024, "4.0 MiB"],
    ["settle", 70 * 1024, "64.0 KiB"],
  ] as const) {
    const { keeper, faults, closed } = await open(() => [
      "sh",
      "-c",
      `read -r order; head -c ${bytes} /dev/zero; read -r order`,
    ]);
    await expect(keeper[order]() as Promise<unknown>).rejects.toThrow(`a line of more than ${limit}`);
    expect(faults.map(([fault]) => fault)).toEqual(["flooding"]);
    expect(keeper.alive).toBe(false);
    await closed;
  }
});

test("a keeper that does not answer in time stays connected, and gets no further order", async () => {
  const script = 'read -r order; read -r more || more=end; echo "$order $more" >&2';
  const { keeper, faults, said } = await open(() => ["sh", "-c", script]);
  await expect(keeper.settle()).rejects.toThrow("no answer within 10 s");
  expect(keeper.alive).toBe(false);
  expect(faults.map(([fault]) => fault)).toEqual(["silent"]);
  await expect(keeper.kill([1])).rejects.toThrow("no answer within 10 s");
  keeper.close();
  expect(await said).toBe("settle end\n");
}, 30_000);

/** A keeper without a container: a command in place of its shell. */
async function open(toCommand: (script: string) => readonly [string, ...string[]]) {
  const faults: [KeeperFault, AgentError][] = [];
  const said = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<void>();
  const exec = async ({ Cmd: [, , script = "", ...rest] }: { Cmd: readonly string[] }) => ({
    async start() {
      const [program, ...words] = toCommand(script);
      const child = spawn(program, [...words, ...rest], { stdio: "pipe" });
      void new Response(child.stderr as never).text().then(said.resolve);
      const stream = Duplex.from({ readable: child.stdout, writable: child.stdin } as never);
      stream.on("close", closed.resolve);
      return stream;
    },
  });
  const engine = {
    call: (_what: string, work: Promise<unknown>) => work,
    docker: {
      modem: {
        demuxStream: (from: Duplex, to: NodeJS.WritableStream) => from.on("data", (bytes) => to.write(bytes)),
      },
    },
  };
  const keeper = await openKeeper(engine as unknown as Engine, { exec } as never, {
    number: 1,
    isHeld: false,
    onFault: (...fault) => void faults.push(fault),
  });
  return { keeper, faults, said: said.promise, closed: closed.promise };
}
