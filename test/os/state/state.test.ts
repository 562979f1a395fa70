import { describe, expect, test } from "bun:test";
import { renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAgentError } from "../../../src/core/errors.ts";
import { openStateDirectory, defaultStateDirectory } from "../../../src/os/state/directory.ts";
import { readDocument, writeDocument, createSlotState } from "../../../src/os/state/document.ts";
import { takeLock } from "../../../src/os/state/lock.ts";
import { seal, unseal } from "../../../src/kit/seal.ts";
import { tmpdir } from "../../../src/testing/index.ts";

describe("a document", () => {
  test("is read as it was written, and readable by its owner only", async () => {
    await using place = await tmpdir();
    const path = join(place.path, "x.json");
    expect(readDocument(path)).toBeUndefined();
    writeDocument(path, { a: [1, "zwei"] });
    writeDocument(path, { a: [2] });
    expect(readDocument<unknown>(path)).toEqual({ a: [2] });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("of a newer program is rejected, as is a damaged one; neither is changed", async () => {
    await using place = await tmpdir();
    for (const [text, code] of [
      ['{"version":2,"document":{}}', "STATE_NEWER"],
      ['{"version":1,"docum', "STATE_INVALID"],
      ['{"document":{}}', "STATE_INVALID"],
      ["null", "STATE_INVALID"],
      ["", "STATE_INVALID"],
    ] as const) {
      const path = join(place.path, "x.json");
      writeFileSync(path, text);
      const error = catchError(() => readDocument(path));
      expect(isAgentError(error, code)).toBe(true);
      expect(await Bun.file(path).text()).toBe(text);
    }
  });
});

describe("a lock", () => {
  test("has one holder, and is released when its holder dies", async () => {
    await using place = await tmpdir();
    const path = join(place.path, "lock");
    const module = join(import.meta.dir, "../../../src/os/state/lock.ts");
    const holder = Bun.spawn(
      [
        process.execPath,
        "-e",
        `const { takeLock } = await import(${JSON.stringify(module)}); globalThis.held = takeLock(${JSON.stringify(path)}); console.log(held ? "held" : "refused"); setInterval(() => {}, 1000);`,
      ],
      { stdout: "pipe" },
    );
    const { value } = await holder.stdout.getReader().read();
    expect(Buffer.from(value!).toString()).toBe("held\n");
    expect(takeLock(path)).toBeUndefined();
    holder.kill("SIGKILL");
    await holder.exited;
    using mine = takeLock(path);
    expect(mine).toBeDefined();
    expect(takeLock(path)).toBeUndefined();
  });
});

describe("a state directory", () => {
  test("by default is the first free one; an explicit one that is locked is reported with its holder", async () => {
    await using place = await tmpdir();
    const env = { XDG_STATE_HOME: place.path };
    using first = openStateDirectory({ directory: undefined, env, agent: "org.example.com_me" });
    using second = openStateDirectory({ directory: undefined, env, agent: "org.example.com_me" });
    expect(first.path).toBe(join(place.path, "signalman/agents/org.example.com_me"));
    expect(second.path).toBe(`${first.path}-2`);
    expect(statSync(first.path).mode & 0o777).toBe(0o700);
    const error = catchError(() =>
      openStateDirectory({ directory: join(place.path, "signalman"), env, agent: "org.example.com_me" }),
    );
    expect(isAgentError(error, "STATE_LOCKED")).toBe(true);
    expect((error as Error).message).toContain(`pid ${process.pid}`);
  });

  test("that was removed is created and locked again, unless another agent did so first", async () => {
    await using place = await tmpdir();
    const options = { directory: place.path, env: {}, agent: "org.example.com" };
    using state = openStateDirectory(options);
    expect(state.hold()).toBeUndefined();
    rmSync(state.path, { recursive: true });
    expect(state.hold()).toBe("recreated");
    expect(state.hold()).toBeUndefined();
    expect(
      isAgentError(
        catchError(() => openStateDirectory(options)),
        "STATE_LOCKED",
      ),
    ).toBe(true);

    renameSync(state.path, `${state.path}-aside`);
    using _other = openStateDirectory(options);
    const slot = createSlotState(state.slot(0), state.hold);
    for (const change of [state.hold, () => slot.put("assignment", {}), () => slot.remove("assignment")])
      expect(isAgentError(catchError(change), "STATE_LOCKED")).toBe(true);
  });

  test("has the default path of the system", () => {
    expect(defaultStateDirectory({ STATE_DIRECTORY: "/var/lib/a:/var/lib/b", HOME: "/h" })).toBe(
      "/var/lib/a",
    );
    expect(defaultStateDirectory({ XDG_STATE_HOME: "/x", HOME: "/h" })).toBe("/x/signalman");
    expect(defaultStateDirectory({ HOME: "/h" })).toBe("/h/.local/state/signalman");
  });

  test("stores the documents of a job source", async () => {
    await using place = await tmpdir();
    createSlotState(place.path).put("registration", { name: "x" });
    const state = createSlotState(place.path);
    expect(state.get<unknown>("registration")).toEqual({ name: "x" });
    state.remove("registration");
    expect(state.get("registration")).toBeUndefined();
  });
});

test("a sealed text can be read only with its key", () => {
  const sealed = seal("access token", "registration token");
  expect(unseal(sealed, "registration token")).toBe("access token");
  expect(unseal(sealed, "another token")).toBeUndefined();
  expect(unseal(`${sealed.slice(0, -4)}AAAA`, "registration token")).toBeUndefined();
  expect(sealed).not.toContain(Buffer.from("access token").toString("base64"));
});

function catchError(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("it did not throw");
}
