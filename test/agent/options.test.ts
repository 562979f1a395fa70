import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { coreConfig, coreOptions } from "../../src/agent/options/index.ts";

const isValid = (options: unknown) => v.safeParse(coreConfig, options).success;

test("every option of the core has the flag of its name", () => {
  const names = Object.keys(coreConfig.entries);
  expect(coreOptions.flags).toEqual(Object.fromEntries(names.map((name) => [name, name])));
  expect(names).toContain("log-level");
});

describe("limits of a job's resources", () => {
  test("are not set by default", () => {
    const config = v.parse(coreConfig, {});
    expect([config["job-memory"], config["job-cpus"], config["job-pids"]]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("are bytes, CPUs with fractions, and a number of processes", () => {
    const config = v.parse(coreConfig, { "job-memory": "512MiB", "job-cpus": 0.5, "job-pids": 1 });
    expect(config).toMatchObject({ "job-memory": 512 * 2 ** 20, "job-cpus": 0.5, "job-pids": 1 });
  });

  test.each([
    { "job-memory": 0 },
    { "job-memory": "much" },
    { "job-cpus": 0 },
    { "job-pids": 0 },
    { "job-pids": 1.5 },
  ])("are refused out of their range: %j", (options) => {
    expect(isValid(options)).toBe(false);
  });
});
