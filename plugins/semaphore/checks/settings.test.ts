import { describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { check, type Finding, type v } from "signalman";
import { testPlugin, tmpdir } from "signalman/testing";
import semaphore from "../index.ts";
import { titles, toContext, token } from "../testing/check-context.ts";

describe("the settings", () => {
  test("that start rejects are errors with the same text, each with a remedy", async () => {
    const findings = await findSettings({ "disconnect-after-idle-timeout": -1 });
    expect(titles(findings, "error")).toEqual([
      "Semaphore endpoint was not specified.",
      "Agent registration token was not specified.",
      "Idle timeout can't be negative.",
    ]);
    expect(findings.map(({ remedy }) => remedy)).toEqual([
      expect.stringContaining("--endpoint"),
      expect.stringContaining("--token-file"),
      expect.any(String),
    ]);
  });

  test.each([
    ["host.acme.example", {}, 'contains "."'],
    ["short", {}, "should have between 8 and 80 characters"],
    ["a".repeat(78), { slots: 10 }, "has 81"],
    ["https://sts.eu-west-1.amazonaws.com/?Action=x", {}, "https://sts.amazonaws.com"],
  ])("with the name %s, which the control plane rejects, are errors", async (name, others, fault) => {
    const findings = await findSettings({ endpoint: "a.test", token, name }, others);
    expect(titles(findings, "error")).toEqual([expect.stringContaining(fault)]);
  });

  test.each(["build-host-1", "https://sts.amazonaws.com/?Action=GetCallerIdentity&X-Amz-Signature=5ecret"])(
    "with the name %s are valid, and a signed name is never shown",
    async (name) => {
      const findings = await findSettings({ endpoint: "a.test", token, name });
      expect(titles(findings, "error")).toEqual([]);
      expect(JSON.stringify(findings)).not.toContain("5ecret");
    },
  );

  test("with a token file that every user can read are a warning", async () => {
    await using directory = await tmpdir();
    const file = join(directory.path, "token");
    await writeFile(file, token, { mode: 0o644 });
    const findings = await findSettings({ endpoint: "a.test", "token-file": file });
    expect(titles(findings, "warning")).toEqual([
      expect.stringContaining("every user of this host can read"),
    ]);
    expect(JSON.stringify(findings)).not.toContain(token);
  });

  test("are not checked with another control plane", async () => {
    expect(await findSettings({}, { "control-plane": "other" })).toEqual([]);
  });
});

async function findSettings(
  config: v.InferInput<NonNullable<typeof semaphore.config>>,
  others: Readonly<Record<string, unknown>> = {},
): Promise<readonly Finding[]> {
  await using plugin = await testPlugin(semaphore, { config });
  return plugin.use(check, "semaphore-settings").run(toContext(others));
}
