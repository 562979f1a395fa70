import { describe, expect, test } from "bun:test";
import { outside } from "./outside.ts";
import { openHome } from "./signalman.ts";

describe("config", () => {
  test("shows every option with its source, without secrets", async () => {
    await using home = await openHome(outside);
    const env = { SEMAPHORE_AGENT_LOG_LEVEL: "warn" };
    const { code, stdout } = await home.runWith(env, "config", "--log-format", "json");
    expect(code).toBe(0);
    const rows = stdout.split("\n").map((line) => line.split(/ {2,}/));
    expect(rows).toContainEqual(["log-level", "SEMAPHORE_AGENT_LOG_LEVEL", "warn"]);
    expect(rows).toContainEqual(["log-format", "--log-format", "json"]);
    expect(rows).toContainEqual(["outside-password", "signalman.config.yaml:3", "[REDACTED]"]);
    expect(rows).toContainEqual(["outside-loud", "default", "false"]);
  });

  test("--json prints the same as JSON", async () => {
    await using home = await openHome(outside);
    const { stdout } = await home.run("config", "--json");
    expect(stdout).not.toContain("hunter2");
    const { file, options } = JSON.parse(stdout) as { file: string; options: unknown[] };
    expect(file).toEndWith("/signalman.config.yaml");
    expect(options).toContainEqual({
      owner: "outside",
      key: "outside-password",
      secret: true,
      value: "[REDACTED]",
      source: { kind: "file", name: "signalman.config.yaml:3" },
    });
  });

  test.each([
    ["by default", [], ["A_TOKEN=[REDACTED]", "PLAIN=of A=B"]],
    ["with other names", ["--redacted-vars", "PL*"], ["A_TOKEN=hunter2=x", "PLAIN=[REDACTED]"]],
  ])("masks the variables for jobs that a job's log masks, %s", async (_, flags, expected) => {
    await using home = await openHome({
      "signalman.config.yaml": "env-vars: [A_TOKEN=hunter2=x, PLAIN=of A=B]\n",
    });
    const { stdout } = await home.run("config", "--json", ...flags);
    const { options } = JSON.parse(stdout) as { options: { key: string; value: unknown }[] };
    expect(options.find(({ key }) => key === "env-vars")?.value).toEqual(expected);
    expect((await home.run("config", ...flags)).stdout).toContain(` ${JSON.stringify(expected)}`);
  });

  test("check prints ok or all errors", async () => {
    await using home = await openHome({ "signalman.config.yaml": "log-level: info\n" });
    expect(await home.run("config", "check")).toEqual({ code: 0, stdout: "ok\n", stderr: "" });
    await home.write({ "signalman.config.yaml": "log-level: loud\nnaem: x\n" });
    const { code, stdout, stderr } = await home.runWith(
      { SEMAPHORE_AGENT_LOG_DISK_LIMIT: "?" },
      "config",
      "check",
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toStartWith("error: the configuration has 3 faults:\n");
    for (const place of [
      "signalman.config.yaml:1",
      "Unrecognized option 'naem'. Exiting...",
      "SEMAPHORE_AGENT_LOG_DISK_LIMIT",
    ]) {
      expect(stderr).toContain(place);
    }
  });

  test("schema describes all options, independent of the configuration", async () => {
    await using home = await openHome({
      ...outside,
      "signalman.config.yaml": "plugins: { ./outside.ts: {} }\nlog-level: loud\n",
    });
    const { code, stdout, stderr } = await home.run("config", "schema");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const schema = JSON.parse(stdout) as { properties: Record<string, unknown> };
    expect(schema.properties).toHaveProperty(["log-level", "enum"]);
    expect(schema.properties).toHaveProperty(["outside-password", "writeOnly"], true);
    expect(schema.properties).toHaveProperty(["plugins", "properties", "outside", "anyOf"]);
    expect(schema.properties).toHaveProperty("$env");
    expect(schema.properties).not.toHaveProperty("config-file");
  });
});

describe("config check looks at environments that are not selected", () => {
  const plugin = (name: string) => `
    import { definePlugin, v } from "signalman";
    export default definePlugin({
      name: "${name}",
      config: v.strictObject({ help: v.optional(v.number(), 1), token: v.optional(v.pipe(v.string(), v.minLength(9), v.metadata({ secret: true }))) }),
      setup() {},
    });`;
  const check = async (lines: readonly string[], ...args: string[]) => {
    await using home = await openHome({
      "signalman.config.yaml": `${lines.join("\n")}\n`,
      "a.ts": plugin("a"),
      "b.ts": plugin("b"),
      "broken.ts": 'throw new Error("boom");',
    });
    return await home.run("config", "check", ...args);
  };
  const production = ["plugins: { ./a.ts: {} }", "$production:", "  plugins:", "    ./a.ts: { hepl: 1 }"];

  test("and reports each fault with environment, file and line", async () => {
    const { code, stdout, stderr } = await check([
      ...production,
      "  log-levl: debug",
      "  executors: { shell: shel }",
      "$env:",
      "  staging: { plugins: { ./b.ts: { help: much } } }",
    ]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    for (const fault of [
      "environment \"production\": Unrecognized option 'log-levl'. Exiting... (signalman.config.yaml:5)",
      'environment "production": plugins.a.hepl (signalman.config.yaml:4): plugin "a" has no such option',
      'environment "staging": plugins.b.help (signalman.config.yaml:8): expected a number',
    ]) {
      expect(stderr).toContain(fault);
    }
  });

  test("also names of services, and plugins that cannot be loaded", async () => {
    const lines = [
      "$production:",
      "  executors: { shell: shel }",
      "$staging: { plugins: { ./broken.ts: {} } }",
    ];
    const services = await check(lines.slice(0, 2));
    expect(services.code).toBe(2);
    expect(services.stderr).toContain(
      'environment "production": executors.shell: no executor named "shel" (nearest: shell)',
    );
    expect((await check(lines)).stderr).toMatch(/environment "staging": "\.\/broken\.ts" .* failed to load/);
  });

  test("and reports a fault of the whole file once, without secrets", async () => {
    const { stderr } = await check(["log-levl: debug", "$production:", "  log-format: json"]);
    expect(stderr.match(/log-levl/g)).toHaveLength(1);
    expect(stderr).not.toContain("environment");
    const secret = await check([
      "plugins: { ./a.ts: {} }",
      "$production: { plugins: { ./a.ts: { token: hunter2 } } }",
    ]);
    expect(secret.stderr).toContain('environment "production": plugins.a.token');
    expect(secret.stderr).not.toContain("hunter2");
  });

  test("and finds nothing where they are right; other commands read the selected one only", async () => {
    const good = [
      "plugins: { ./a.ts: {} }",
      "$production: { plugins: { ./a.ts: { help: 2 } }, log-format: json }",
    ];
    expect(await check(good)).toEqual({ code: 0, stdout: "ok\n", stderr: "" });
    expect((await check(good, "--config-env", "production")).stdout).toBe("ok\n");
    await using home = await openHome({
      "signalman.config.yaml": `${production.join("\n")}\n`,
      "a.ts": plugin("a"),
    });
    expect((await home.run("config")).code).toBe(0);
  });
});
