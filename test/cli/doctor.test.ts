import { describe, expect, test } from "bun:test";
import { chmod, copyFile, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Diagnosis } from "../../plugins/doctor/run-checks.ts";
import { withoutAddons } from "../../scripts/build/addons.ts";
import { type Home, openHome } from "./signalman.ts";

const program = `"${process.execPath}" "${join(import.meta.dir, "..", "..", "src", "main.ts")}"`;
/** Disables the shell plugin's checks, which are slow and not tested here. */
const named = ["--config-file", "signalman.config.yaml"];
const quiet = "plugins: { shell: false, semaphore: false";

describe("signalman doctor", () => {
  test("accepts a usable machine, exits with status 0, and leaves no files behind", async () => {
    await using home = await openHome({ "signalman.config.yaml": `${quiet} }\n` });
    const { code, stdout, stderr } = await home.run("doctor", ...named);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toStartWith("core\n  ok       configuration: ");
    expect(stdout).toEndWith(" ok\n");
    expect(stdout).not.toContain("\u001b");
    expect(await readdir(home.path)).toEqual(["signalman.config.yaml"]);
  });

  test("reports a remedy for each problem", async () => {
    await using home = await openHome({ "signalman.config.yaml": "log-level: loud\n" });
    const { code, findings } = await diagnose(home, ["--state-dir", "/dev/null/x"]);
    expect(code).toBe(1);
    const wrong = findings.filter(({ level }) => level !== "ok");
    expect(wrong.length).toBeGreaterThan(2);
    expect(wrong.filter(({ remedy }) => !remedy)).toEqual([]);
  });

  test("reports an unreadable configuration file and continues", async () => {
    await using home = await openHome({ "signalman.config.yaml": "a: [\n" });
    const { code, findings } = await diagnose(home, []);
    expect(code).toBe(1);
    expect(findings[0]).toMatchObject({
      level: "error",
      owner: "core",
      check: "configuration",
      title: expect.stringContaining("Error reading config file signalman.config.yaml"),
    });
  });

  test("reports all invalid options and checks the others", async () => {
    await using home = await openHome({
      "signalman.config.yaml": `log-level: loud\nstate-dir: own-state\nendpiont: x\n${quiet} }\n`,
    });
    const { findings } = await diagnose(home, []);
    const faults = findings.filter(({ check }) => check === "configuration");
    expect(titles(faults)).toEqual([
      expect.stringContaining("Unrecognized option 'endpiont'"),
      expect.stringContaining('received "loud"'),
    ]);
    expect(titles(findings)).toContain(`state directory "${home.path}/own-state" will be created`);
  });

  test("uses the configuration file when an outside plugin cannot be loaded", async () => {
    await using home = await openHome({
      "signalman.config.yaml": `state-dir: own-state\n${quiet}, ./gone.ts: {} }\n`,
    });
    const { code, findings } = await diagnose(home, []);
    expect(code).toBe(1);
    expect(findings[0]).toMatchObject({ level: "error", title: expect.stringContaining("./gone.ts") });
    expect(titles(findings)).toContain(`state directory "${home.path}/own-state" will be created`);
  });

  test("reports invalid flags as a usage error", async () => {
    await using home = await openHome();
    expect((await home.run("doctor", "--timeout", "soon")).code).toBe(2);
    expect((await home.run("doctor", "--jsno")).code).toBe(2);
  });
});

describe("the checks of a plugin", () => {
  test("are reported under its name, also when they fail, without secrets of its options", async () => {
    await using home = await openHome({
      "signalman.config.yaml": `${quiet}, ./doc.ts: { password: hunter2-and-more } }\n`,
      "doc.ts": doctored,
    });
    const { code, findings } = await diagnose(home, ["--timeout", "0.2"]);
    expect(code).toBe(1);
    const theirs = findings.filter(({ owner }) => owner === "doc");
    expect(theirs).toMatchObject([
      { check: "fine", level: "ok", title: "all is well with [REDACTED]" },
      { check: "throws", level: "error", detail: expect.stringContaining("boom") },
      { check: "hangs", level: "error", title: expect.stringContaining('check "hangs" of plugin "doc"') },
      { check: "patient", level: "warning", title: "gave up by itself" },
      { check: "nonsense", level: "error", detail: expect.stringContaining("expected a list") },
      { check: "remediless", level: "error", detail: expect.stringContaining("remedy") },
    ]);
  });

  test("run for other plugins when one plugin cannot be set up", async () => {
    await using home = await openHome({
      "signalman.config.yaml": `${quiet}, ./bad.ts: {}, ./doc.ts: {} }\n`,
      "bad.ts": `export default { name: "bad", setup() { throw new Error("no way"); } };`,
      "doc.ts": doctored,
    });
    const { findings } = await diagnose(home, ["--timeout", "0.2"]);
    expect(findings.find(({ owner }) => owner === "bad")).toMatchObject({
      level: "error",
      detail: expect.stringContaining("no way"),
    });
    expect(titles(findings)).toContain("all is well with nobody");
  });
});

// Without root, the tests above cover this.
if (process.getuid?.() === 0) {
  describe("a broken machine", () => {
    test("is reported: a state directory that the user may not write to", closedState);
    test("is reported: a temporary directory on a full file system", fullDisk);
  });
}

async function closedState(): Promise<void> {
  await using home = await openHome({ "signalman.config.yaml": `${quiet} }\n` });
  await mkdir(join(home.path, "state"), { mode: 0o755 });
  await chmod(home.path, 0o755);
  const copy = await copyProgram(join(home.path, "program"));
  const { code, stdout } = await home.bash(
    `setpriv --reuid 65534 --regid 65534 --clear-groups ${copy} doctor ${named.join(" ")} --state-dir "$PWD/state"`,
  );
  expect(code).toBe(1);
  expect(stdout).toContain("cannot be used");
  expect(stdout).toContain("user 65534 may not write to");
}

async function fullDisk(): Promise<void> {
  await using home = await openHome({ "signalman.config.yaml": `${quiet} }\n` });
  const full = join(home.path, "full");
  await mkdir(full);
  const { stdout, code } = await home.bash(
    `unshare --mount bash -c 'mount -t tmpfs -o size=64k none ${full} && dd if=/dev/zero of=${full}/x status=none; ` +
      `TMPDIR=${full} ${program} doctor ${named.join(" ")} --state-dir ${full}/state' 2>/dev/null`,
  );
  expect(code).toBe(1);
  expect(stdout).toContain(`the disk of the temporary directory "${full}" is full`);
  expect(stdout).toContain("the state directory is on tmpfs");
}

async function diagnose(
  home: Home,
  args: readonly string[],
): Promise<{ code: number; findings: readonly Diagnosis[] }> {
  const { code, stdout } = await home.run("doctor", "--json", ...named, ...args);
  return { code, findings: (JSON.parse(stdout) as { findings: Diagnosis[] }).findings };
}

function titles(findings: readonly Diagnosis[]): string[] {
  return findings.map(({ title }) => title);
}

const doctored = `
import { check, definePlugin, v } from "signalman";
export default definePlugin({
  name: "doc",
  config: v.strictObject({
    password: v.optional(v.pipe(v.string(), v.metadata({ secret: true })), "nobody"),
  }),
  setup(ctx, { password }) {
    const checks = {
      fine: () => [{ level: "ok", title: "all is well with " + password }],
      throws: () => { throw new Error("boom"); },
      hangs: () => new Promise(() => {}),
      patient: ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () =>
        resolve([{ level: "warning", title: "gave up by itself", remedy: "wait" }]))),
      nonsense: () => "fine, thanks",
      remediless: () => [{ level: "error", title: "alas" }],
    };
    for (const [name, run] of Object.entries(checks)) ctx.provide(check, name, { run });
  },
});
`;

/** Copies the program and its runtime: another user may not be able to enter the checkout. Returns the command. */
async function copyProgram(directory: string): Promise<string> {
  const entry = join(import.meta.dir, "../../src/main.ts");
  const plugins = [withoutAddons];
  await Bun.build({ entrypoints: [entry], outdir: directory, plugins, target: "bun", splitting: true });
  await copyFile(process.execPath, join(directory, "bun"));
  return `${directory}/bun ${directory}/main.js`;
}
