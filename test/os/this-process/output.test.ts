import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const module = JSON.stringify(join(import.meta.dir, "../../../src/os/this-process/output.ts"));

/** Runs a script whose stdout is a pipe into `reader`; `say` writes a line of facts to stderr. */
async function run(script: string, reader = "cat") {
  const program = `import * as output from ${module}; import { writeSync } from "node:fs";
const say = (fact) => writeSync(2, fact + "\\n");
const write = (text) => new Promise((done) => output.stdout().write(text, (error) => done(error?.code ?? "written")));
${script}
await output.endOutputs(); say("ended");`;
  const child = Bun.spawn(["sh", "-c", `"$0" -e "$1" | { ${reader}; }`, process.execPath, program], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { stdout, facts: stderr.split("\n").filter((line) => line !== "") };
}

describe("output to a pipe", () => {
  test("is whole, also for a reader that is slower than the program", async () => {
    const { stdout, facts } = await run(
      `for (let i = 0; i < 20; i++) output.stdout().write("x".repeat(99_999) + "\\n");`,
      "sleep 0.2; wc -c",
    );
    expect(stdout.trim()).toBe("2000000");
    expect(facts).toEqual(["ended"]);
  });

  test("waits for its reader", async () => {
    const directory = mkdtempSync(join(tmpdir(), "output-"));
    const go = join(directory, "go");
    const { facts } = await run(
      `const big = write("x".repeat(1e6)).then(() => say("written"));
say(await Promise.race([big, Bun.sleep(100).then(() => "waiting")]));
await Bun.write(${JSON.stringify(go)}, "");
await big;`,
      `until [ -e ${go} ]; do sleep 0.01; done; cat >/dev/null`,
    );
    rmSync(directory, { recursive: true });
    expect(facts).toEqual(["waiting", "written", "ended"]);
  });

  test("fails without an uncaught error when its reader has exited", async () => {
    const { facts } = await run(
      `output.stdout().once("error", (error) => say("event " + error.code));
while ((await write("line\\n")) === "written") await Bun.sleep(1);
say(await write("after"));`,
      "head -n 1 >/dev/null",
    );
    expect(facts).toEqual(["event EPIPE", "EPIPE", "ended"]);
  });

  test("is apart from what else the process prints, when stdout is reserved", async () => {
    const { stdout, facts } = await run(
      `output.reserveStdout(); output.openRuntimeStreams();
output.stdout().write("own\\n"); console.log("console"); process.stdout.write("stream\\n");
Bun.spawnSync(["echo", "child"], { stdio: ["ignore", "inherit", "inherit"] });
await write("own, too\\n");`,
    );
    expect(stdout).toBe("own\nown, too\n");
    expect(facts.toSorted()).toEqual(["child", "console", "ended", "stream"]);
  });
});
