import { describe, expect, test } from "bun:test";
import { executor, type JobContainer } from "signalman";
import { testPlugin } from "signalman/testing";
import * as v from "valibot";
import { config } from "./config.ts";
import { parseAccounting } from "./containers/accounting.ts";
import { createJobNames, labels } from "./containers/job-names.ts";
import { toWords } from "./containers/shell-words.ts";
import { toServiceSpec, toSessionSpec } from "./containers/spec.ts";
import docker from "./index.ts";

const container: JobContainer = {
  name: "main",
  image: "debian",
  command: "",
  entrypoint: "",
  user: "",
  env: [],
  files: [],
};

function settings(options: Readonly<Record<string, unknown>> = {}, environment = {}) {
  return {
    names: createJobNames({ agentId: "agent", jobId: "job" }),
    options: v.parse(config, options),
    limits: {},
    environment,
    variables: {},
  };
}

test("the plugin provides the executor under the protocol's name dockercompose", async () => {
  await using t = await testPlugin(docker);
  expect(t.services).toContainEqual({ service: "executor", name: "dockercompose" });
  expect(t.use(executor, "dockercompose").cleanUp).toBeFunction();
});

test("an invalid value of --files is refused with the protocol's message", async () => {
  await expect(testPlugin(docker, { flags: { files: "a" } })).rejects.toThrow(
    "Error parsing --files: a is not",
  );
  await using t = await testPlugin(docker, { flags: { files: "a:b,c:d", "fail-on-missing-files": "true" } });
  expect(t.services).not.toEqual([]);
});

describe("a container's name", () => {
  test("differs between two executors of one job, and has only characters that engines accept", () => {
    const create = () => createJobNames({ agentId: "a", jobId: "job/1 ☃" });
    const names = [create(), create()].map((each) => each.containerName("data base"));
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name).toMatch(/^signalman-job_1__-[0-9a-f]{8}-data_base$/);
  });
});

describe("the command of a container", () => {
  test.each([
    ["", []],
    ["  ", []],
    ["redis-server --port 1", ["redis-server", "--port", "1"]],
    [`sh -c 'echo "a  b"; exit'`, ["sh", "-c", 'echo "a  b"; exit']],
    [String.raw`a\ b "c\"d" "e\f" 'g\'`, ["a b", 'c"d', String.raw`e\f`, "g\\"]],
    [`"" ''`, ["", ""]],
    ["$HOME `id`", ["$HOME", "`id`"]],
  ])("%p is split into %p", (text, words) => {
    expect(toWords(text)).toEqual(words);
  });

  test("is refused when a quote is not closed", () => {
    expect(() => toWords("sh -c 'echo")).toThrow("quote ' is not closed");
  });
});

describe("the specification of containers", () => {
  test("contains /dev/kvm, limits and the parent cgroup when they are configured", () => {
    const requested = {
      ...settings({ "expose-kvm": true }),
      limits: { memoryBytes: 1e9, cpus: 1.5, pids: 9 },
    };
    const { HostConfig } = toServiceSpec(container, { ...requested, cgroupParent: "/signalman/x" });
    expect(HostConfig).toMatchObject({
      Devices: [{ PathOnHost: "/dev/kvm", PathInContainer: "/dev/kvm", CgroupPermissions: "rwm" }],
      CgroupParent: "/signalman/x",
      Memory: 1e9,
      MemorySwap: 1e9,
      NanoCpus: 1.5e9,
      PidsLimit: 9,
    });
    const bare = toServiceSpec(container, settings()).HostConfig;
    for (const name of ["Devices", "CgroupParent", "Memory", "NanoCpus", "PidsLimit"])
      expect(bare).not.toHaveProperty(name);
  });

  test("keeps the image's entrypoint of the first container, with the session as its command", () => {
    const requested = settings();
    const spec = toSessionSpec({ ...container, command: "ignored" }, requested, {
      command: ["sh"],
      mounts: [],
      isKept: false,
    });
    expect(spec).toMatchObject({ Cmd: ["sh"], Tty: true, Image: "debian" });
    expect(spec).not.toHaveProperty("Entrypoint");
    expect(spec).not.toHaveProperty("User");
    expect(spec.Labels).toMatchObject({
      [labels.agent]: "agent",
      [labels.job]: "job",
      [labels.purpose]: "session",
    });
  });

  test("contains a service's command, entrypoint and user, and its name as an alias", () => {
    const requested = settings();
    const service = { ...container, name: "db", command: "run -x", entrypoint: "/init now", user: "1:2" };
    expect(toServiceSpec(service, requested)).toMatchObject({
      Cmd: ["run", "-x"],
      Entrypoint: ["/init", "now"],
      User: "1:2",
      NetworkingConfig: { EndpointsConfig: { [requested.names.networkName]: { Aliases: ["db"] } } },
    });
  });

  test("contains the agent's proxy variables only with the option, and the job's own override them", () => {
    const environment = { http_proxy: "http://a", NO_PROXY: "b", PATH: "/bin" };
    expect(toServiceSpec(container, settings({}, environment)).Env).toEqual([]);
    const own = { ...container, env: [{ name: "http_proxy", value: "eA==" }] };
    const spec = toServiceSpec(own, settings({ "proxy-variables": true }, environment));
    expect(spec.Env).toEqual(["http_proxy=http://a", "NO_PROXY=b", "http_proxy=x"]);
  });

  test("is refused for a value that is not UTF-8, without showing the value", () => {
    const bytes = { ...container, env: [{ name: "KEY", value: "//79" }] };
    expect(() => toServiceSpec(bytes, settings())).toThrow(
      'variable "KEY" of container "main" is not UTF-8 text',
    );
  });

  test("applies the job's limits to each container", () => {
    const limits = { memoryBytes: 1000, cpus: 1.5, pids: 10 };
    expect(toServiceSpec(container, { ...settings(), limits }).HostConfig).toMatchObject({
      Memory: 1000,
      MemorySwap: 1000,
      NanoCpus: 1.5e9,
      PidsLimit: 10,
    });
  });
});

describe("the accounting of a container is read", () => {
  test("from cgroups of version 1", () => {
    const files = new Map([
      ["cpuacct.stat", "user 150\nsystem 20\n"],
      ["memory.max_usage_in_bytes", "4096\n"],
      ["memory.usage_in_bytes", "3000\n"],
      ["memory.stat", "cache 1500\ninactive_file 1000\n"],
      ["memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"],
      ["blkio.throttle.io_service_bytes", "8:0 Read 10\n8:0 Write 20\n8:16 Read 1\nTotal 31\n"],
    ]);
    expect(parseAccounting(files)).toEqual({
      cpuUserMs: 1500,
      cpuSystemMs: 200,
      peakMemoryBytes: 4096,
      memoryBytes: 2000,
      readBytes: 11,
      writtenBytes: 20,
      oomKills: 2,
    });
  });

  test("from cgroups of version 2", () => {
    const files = new Map([
      ["cpu.stat", "usage_usec 1700\nuser_usec 1500\nsystem_usec 200\n"],
      ["memory.peak", "4096\n"],
      ["memory.current", "3000\n"],
      ["memory.stat", "file 1500\ninactive_file 1000\n"],
      ["memory.events", "low 0\noom 1\noom_kill 2\n"],
      ["io.stat", "8:0 rbytes=10 wbytes=20 rios=1\n8:16 rbytes=1 wbytes=0\n"],
    ]);
    expect(parseAccounting(files)).toEqual({
      cpuUserMs: 1.5,
      cpuSystemMs: 0.2,
      peakMemoryBytes: 4096,
      memoryBytes: 2000,
      readBytes: 11,
      writtenBytes: 20,
      oomKills: 2,
    });
  });
});
