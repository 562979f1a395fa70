import { join } from "node:path";
import { expect, test } from "bun:test";
import { jobCommand, logFilter } from "signalman";
import { jobCommandContext, jobRequest, testPlugin, tmpdir } from "signalman/testing";
import plugin from "./index.ts";
import { createMask } from "./mask.ts";

const text = (...parts: readonly Uint8Array[]) => Buffer.concat(parts).toString();

test("a value is masked wherever the output is cut", () => {
  const output = "user:correct-horse, twice: correct-horsecorrect-horse.";
  for (let cut = 0; cut <= output.length; cut += 1) {
    const mask = createMask(["correct-horse", "horse"]);
    const pieces = [output.slice(0, cut), output.slice(cut)].map((piece) =>
      Buffer.from(mask.push(Buffer.from(piece))),
    );
    expect(text(...pieces, mask.flush())).toBe("user:***, twice: ******.");
    expect(mask.counts()).toEqual({ maskedBytes: 39, masks: 3 });
  }
});

test("the file is read for each job, and its values reach the agent's log", async () => {
  await using directory = await tmpdir();
  const file = join(directory.path, "values");
  await Bun.write(file, "hunter22\n\nswordfish\n");
  await using t = await testPlugin(plugin, { config: { file } });
  const secrets: string[] = [];
  const filter = t.use(logFilter, "mask-file").open({
    job: jobRequest(),
    secrets: [],
    addSecrets: (values) => void secrets.push(...values),
  });
  expect(filter.text("login with swordfish")).toBe("login with ***");
  const context = jobCommandContext();
  expect(t.use(jobCommand, "mask-count").run({ do: "mask-count" }, context)).toEqual({ values: 2 });
  expect(secrets).toEqual(["hunter22", "swordfish"]);
});

test("a file that cannot be read fails the job before it runs, and names the plugin", async () => {
  await using t = await testPlugin(plugin, { config: { file: "/no/such/file" } });
  const context = { job: jobRequest(), secrets: [], addSecrets: () => {} };
  expect(() => t.use(logFilter, "mask-file").open(context)).toThrow('plugin "mask-file" failed in');
});
