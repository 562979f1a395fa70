import { expect, test } from "bun:test";
import { join } from "node:path";
import { tmpdir } from "signalman/testing";
import { keeperScript, toFormat } from "./keeper-script.ts";

const shells = ["sh", "bash", "dash"].filter((shell) => Bun.which(shell) !== null);

test.each(shells)(
  "in %s, the keeper writes files as it is told, byte by byte, and starts nothing for it",
  async (shell) => {
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
  },
);

test.each(shells)(
  "in %s, it lists the processes that it sees, with their parents and states",
  async (shell) => {
    await using keeper = startKeeper(shell);
    const [word, own, ...entries] = (await keeper.order("list")).split(" ");
    expect([word, Number(own)]).toEqual(["ok", keeper.pid]);
    expect(entries).toContainEqual(expect.stringMatching(new RegExp(`^${keeper.pid},[RS],${process.pid}$`)));
  },
);

/** Without its end: outside of a container it would kill everything. */
function startKeeper(shell: string) {
  const script = keeperScript.replaceAll("kill -KILL -1", ":").replaceAll("kill -TERM -1", ":");
  const child = Bun.spawn([shell, "-c", script], { stdio: ["pipe", "pipe", "ignore"] });
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  let said = "";
  return {
    pid: child.pid,
    async order(text: string): Promise<string> {
      child.stdin.write(`${text}\n`);
      child.stdin.flush();
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
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await child.exited;
    },
  };
}
