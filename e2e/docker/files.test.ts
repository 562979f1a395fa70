import { describe, expect, test } from "bun:test";
import { containerJob, createContainerScene, useTestEngine } from "../support/containers.ts";
import { root } from "../support/fixtures.ts";
import { images } from "../support/engine/images.ts";
import { outputOf } from "../support/jobs.ts";

useTestEngine();

describe("what a job in containers is given", () => {
  test("is read by no other user of the container, and is not kept", async () => {
    await using scene = await createContainerScene();
    const attack = [
      "setpriv --reuid=65534 --regid=65534 --clear-groups sh -c 'cat /.signalman/*; ls /.signalman' 2>/dev/null",
      // Of root, who may list the directory.
      "grep -rl hus[h] /.signalman",
      'echo "tried; has $HUSH, ${#LONG}; $(cat given)"',
    ].join("\n");
    const values = { HUSH: "hush-1", LONG: `hush-${"x".repeat(100_000)}` };
    const job = containerJob([attack], [{}], {
      env: values,
      files: [
        { path: "given", text: "hush-2", mode: "0600" },
        { path: "long", text: `hush-${"x".repeat(100_000)}`, mode: "0600" },
      ],
    });
    const { events } = await scene.run(job);
    expect(outputOf(events, attack)).toBe(`tried; has hush-1, ${values.LONG.length}; hush-2\n`);
  });

  test.each([
    [1234, images.debian],
    [0, images.small],
  ])("reaches user %d, in %s", async (uid, image) => {
    await using scene = await createContainerScene();
    const script = "id -u; echo $VALUE; cat /tmp/given; stat -c '%u %a' /tmp/given";
    const job = containerJob([script], [{ image, user: String(uid) }], {
      env: { VALUE: "value" },
      files: [{ path: "/tmp/given", text: "text\n", mode: "0640" }],
    });
    const { outline, exitCode } = await scene.run(job);
    expect(outline[5]).toEndWith(` 0: ${uid}\nvalue\ntext\n${uid} 640\n`);
    expect(exitCode).toBe(0);
  });

  test.each(["9z", "", "rw-r--r--", "123456"])(
    "a file whose mode is no mode fails with the string of the protocol: %p",
    async (mode) => {
      await using scene = await createContainerScene();
      const job = containerJob(["true"], [{}], { files: [{ path: "/tmp/f", content: "", mode }] });
      const { outline, exitCode, stderr } = await scene.run(job);
      expect(stderr).toBe("");
      expect(outline[4]).toBe(
        `[Injecting Files] 1: Injecting /tmp/f with file mode ${mode}\nFailed to set file mode to ${mode}\n`,
      );
      expect(exitCode).toBe(1);
    },
  );

  test.each([
    [{ mode: "9z" }, "Failed to set file mode to 9z"],
    [{ mode: "" }, "Failed to set file mode to "],
    [{ content: "%%%" }, "Failed to decode the content of the file."],
  ])("a container's own file fails with the string of the protocol: %j", async (fault, string) => {
    await using scene = await createContainerScene();
    const file = { path: "/f", content: "", mode: "0644", ...fault };
    const job = containerJob(["true"], [{}, { name: "db", command: "sleep 1000", files: [file] }]);
    const { outline, exitCode } = await scene.run(job);
    expect(outline.join("\n")).toContain(`file "/f" of container "db": ${string}`);
    expect(exitCode).toBe(1);
    expect(await scene.left()).toEqual([]);
  });

  test("leaves as many files behind, all empty, for many injected files as for one", async () => {
    await using scene = await createContainerScene();
    const count = "find /.signalman -type f | wc -l";
    const run = async (files: number) => {
      const names = Array.from({ length: files }, (_, index) => `file-${index}`);
      const given = names.map((path) => ({ path, text: `text of ${path}`, mode: "0600" }));
      const job = containerJob([`${count}; cat ${names.at(-1)}`], [{}], { files: given });
      return (await scene.run(job)).outline[5]!.split(" 0: ").at(-1)!;
    };
    const [one, many] = [await run(1), await run(12)];
    expect(many.replace("file-11", "file-0")).toBe(one);
    expect(one).toEndWith("text of file-0");
  });
});

describe("a command of the job", () => {
  test.each([
    [1234, images.debian],
    [0, images.small],
  ])("is called and answered without a socket, by user %d in %s", async (uid, image) => {
    await using scene = await createContainerScene();
    const page = await Bun.file(`${root}/docs/job-commands.md`).text();
    const [, example = ""] = /^```bash\n([^]*?)^ask_job '/m.exec(page) ?? [];
    const script = [
      example,
      "value=$(printf 'run-%s' time-value)",
      `ask_job '"do":"redact","values":["'"$(printf %s "$value" | base64)"'"]'`,
      `ask_job '"do":"redact","values":7'`,
      'echo "$value ${SIGNALMAN_JOB_SOCKET-none}"',
    ].join("\n");
    const job = containerJob([script, "echo on"], [{ image, user: String(uid) }]);
    const { events } = await scene.run(job);
    expect(outputOf(events, script)).toBe(
      [
        '{"is":"done","version":1,"answer":{}}',
        '{"is":"refused","version":1,"code":"refused","why":"\\"values\\" is no list"}',
        "[REDACTED] none",
        "",
      ].join("\n"),
    );
    expect(outputOf(events, "echo on")).toBe("on\n");
  });
});
