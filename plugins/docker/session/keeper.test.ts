import { expect, test } from "bun:test";
import { join } from "node:path";
import { tmpdir } from "signalman/testing";
import { privateDirectory } from "../containers/spec.ts";
import { keeperScript, toFormat } from "./keeper-script.ts";

const shells = ["sh", "bash", "dash"].filter((shell) => Bun.which(shell) !== null);

test.each(shells)("in %s, the keeper writes the exact bytes of a file", async (shell) => {
  await using directory = await tmpdir();
  const path = join(directory.path, "file");
  const bytes = Buffer.from(`a b\t"c" 'd' \\n %s \`id\` $HOME -x\n\nünï ☃ #!*?\n${"long ".repeat(500)}`);
  await using keeper = startKeeper(shell);
  expect(await keeper.order(`new ${path}`)).toBe("ok");
  expect(await keeper.order(`add ${path} ${toFormat(bytes.subarray(0, 100))}`)).toBe("ok");
  expect(await keeper.order(`add ${path} ${toFormat(bytes.subarray(100))}`)).toBe("ok");
  expect(Buffer.from(await Bun.file(path).bytes()).equals(bytes)).toBe(true);
  expect(await keeper.order(`new ${directory.path}/no/such/file`)).toBe("no");
  expect(await keeper.order("whatever")).toBe("no");
});

test.each(shells)("in %s, the keeper lists processes with their parents and states", async (shell) => {
  await using keeper = startKeeper(shell);
  const [word, own, ...entries] = (await keeper.order("list")).split(" ");
  expect([word, Number(own)]).toEqual(["ok", keeper.pid]);
  expect(entries).toContainEqual(expect.stringMatching(new RegExp(`^${keeper.pid},[RS],${process.pid}$`)));
});

test.each(shells)(
  "in %s, the keeper ignores orders once a keeper with the next number runs, and exits at the end of its input",
  async (shell) => {
    await using directory = await tmpdir();
    const path = join(directory.path, "file");
    await using early = startKeeper(shell, { number: 1, directory: directory.path });
    expect(await early.order(`new ${path}`)).toBe("ok");
    await using late = startKeeper(shell, { number: 2, directory: directory.path });
    expect(await late.order(`add ${path} new`)).toBe("ok");
    expect(await late.order("list")).toStartWith(`ok ${early.pid},${late.pid} `);
    early.send(`new ${path}`);
    early.send(`add ${path} old`);
    expect(await early.end()).toBe("");
    expect(await Bun.file(path).text()).toBe("new");
  },
);

/** Without its end: outside of a container it would kill everything. */
function startKeeper(shell: string, { number = 1, directory = "/nonexistent" } = {}) {
  const script = keeperScript
    .replaceAll("kill -KILL -1", ":")
    .replaceAll("kill -TERM -1", ":")
    .replaceAll(privateDirectory, directory);
  const child = Bun.spawn([shell, "-c", script, "keeper", `${number}`], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  let said = "";
  const send = (text: string) => {
    void child.stdin.write(`${text}\n`);
    void child.stdin.flush();
  };
  return {
    pid: child.pid,
    send,
    async order(text: string): Promise<string> {
      send(text);
      while (!said.includes("\n")) {
        const { value, done } = await reader.read();
        if (done) throw new Error("the keeper has ended");
        said += decoder.decode(value, { stream: true });
      }
      const at = said.indexOf("\n");
      const line = said.slice(0, at);
      said = said.slice(at + 1);
      return line;
    },
    /** Ends its input. Resolves to the rest of its output. */
    async end(): Promise<string> {
      void child.stdin.end();
      for (let part = await reader.read(); !part.done; part = await reader.read())
        said += decoder.decode(part.value, { stream: true });
      return said;
    },
    async [Symbol.asyncDispose]() {
      void child.stdin.end();
      await child.exited;
    },
  };
}
