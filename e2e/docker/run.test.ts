import { describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { containerJob, createContainerScene, useTestEngine } from "../support/containers.ts";
import { images } from "../support/engine/images.ts";
import { root } from "../support/fixtures.ts";
import { outline, outputOf, toEvents } from "../support/jobs.ts";

useTestEngine();

const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("a job in containers", () => {
  test("has the events of the protocol in their order, and leaves nothing", async () => {
    await using scene = await createContainerScene();
    const job = containerJob(
      ["cd dir; echo $ALPHA", "dirs; cat file.txt; stat -c %a file.txt", "(exit 7)"],
      [{}],
      {
        env: { ALPHA: "a b" },
        files: [{ path: "dir/file.txt", text: "text\n", mode: "0640" }],
        epilogue_always_commands: ["echo always $SEMAPHORE_JOB_RESULT"],
      },
    );
    const { exitCode, outline } = await scene.run(job);
    expect(outline).toEqual([
      "start",
      `[Pulling docker images...] 0: Image ${images.debian} is present\n`,
      "[Starting the docker image...] 0: Starting a new bash session.\n",
      "[Exporting environment variables] 0: Exporting ALPHA\n",
      "[Injecting Files] 0: Injecting dir/file.txt with file mode 0640\n",
      "[cd dir; echo $ALPHA] 0: a b\n",
      "[dirs; cat file.txt; stat -c %a file.txt] 0: ~/dir\ntext\n640\n",
      "[(exit 7)] 7: ",
      "[Exporting environment variables] 0: Exporting SEMAPHORE_JOB_RESULT\n",
      "[echo always $SEMAPHORE_JOB_RESULT] 0: always failed\n",
      "end failed",
    ]);
    expect(exitCode).toBe(1);
    expect(await scene.left()).toEqual([]);
    expect((await readdir(scene.tester.temporary)).filter((name) => name.startsWith(".env"))).toEqual([]);
  });

  test("has an interactive bash that is no login shell, with the PATH of the image", async () => {
    await using scene = await createContainerScene();
    const script = "shopt -q login_shell || echo no login; echo $-; echo $PATH; tty -s && stty size";
    const { outline } = await scene.run(containerJob([script], [{ env: { PATH: "/bin:/usr/bin:/mine" } }]));
    expect(outline[5]).toMatch(/0: no login\n\w*i\w*\n\/bin:\/usr\/bin:\/mine\n0 0\n$/);
  });

  test("reaches its other containers by name, which run the command that they are given", async () => {
    await using scene = await createContainerScene();
    const script =
      "exec 3<>/dev/tcp/web.internal/80; printf 'GET /page HTTP/1.0\\r\\n\\r\\n' >&3; tail -n 1 <&3";
    const web = {
      name: "web.internal",
      command: `sh -c 'mkdir /www; echo "it is served" > /www/page; exec httpd -f -p 80 -h /www'`,
    };
    const retry = `until (: </dev/tcp/web.internal/80) 2>/dev/null; do sleep 0.1; done`;
    const { exitCode, events } = await scene.run(containerJob([retry, script], [{}, web]));
    expect(outputOf(events, script)).toBe("it is served\n");
    expect(exitCode).toBe(0);
    expect(await scene.left()).toEqual([]);
  });

  test("gets a container's variables byte for byte, and interpolates nothing", async () => {
    await using scene = await createContainerScene();
    const value = `a: b # c\n"quoted" 'single' $HOME \${HOME} $$ \`id\` \\ ünï ☃ = x=y  `;
    const job = containerJob(
      ['printf %s "$VALUE" | base64 -w 0; echo; printf %s "$EMPTY" | wc -c'],
      [
        {
          env_vars: [
            { name: "VALUE", value: base64(value) },
            { name: "EMPTY", value: "" },
          ],
        },
      ],
    );
    const { outline } = await scene.run(job);
    expect(outline[5]).toEndWith(`0: ${base64(value)}\n0\n`);
  });

  test("may name user and entrypoint; its files belong to that user", async () => {
    await using scene = await createContainerScene();
    const job = containerJob(
      ["id -u; echo $BEFORE; stat -c '%u %a' /tmp/own; cat /tmp/own"],
      [{ user: "12345:12345", entrypoint: `sh -c 'export BEFORE="set by it"; exec "$@"' sh` }],
      { files: [{ path: "/tmp/own", text: "mine\n", mode: "0600" }] },
    );
    const { outline, exitCode } = await scene.run(job);
    expect(outline[5]).toEndWith("0: 12345\nset by it\n12345 600\nmine\n");
    expect(exitCode).toBe(0);
  });

  test.each([[], ["--docker-read-only"]])(
    "has the files of its containers in place before they start: %p",
    async (...args) => {
      await using scene = await createContainerScene();
      const text = "for the service\n";
      const deep = `/etc/app/${"deep/".repeat(25)}file`;
      const files = [deep, "/etc/app/secret"].map((name) => ({
        path: name,
        content: base64(text),
        mode: "0640",
      }));
      const service = {
        name: "web",
        user: "1234:5678",
        files,
        command: `sh -c 'while :; do { stat -c "%u %g %a" ${deep} /etc/app/secret; cat ${deep}; } | nc -l -p 8080; done'`,
      };
      const own = [{ path: "~/own", content: base64("own\n"), mode: "0600" }];
      const isOwn = args.length === 0 ? own : [];
      const { outline } = await scene.run(
        containerJob(
          ["cat ~/own; true", "until cat </dev/tcp/web/8080; do sleep 0.1; done 2>/dev/null"],
          [{ files: isOwn }, service],
        ),
        args,
      );
      expect(outline[6]).toEndWith("0: 1234 5678 640\n1234 5678 640\nfor the service\n");
      if (args.length === 0) expect(outline[5]).toEndWith("0: own\n");
      expect(await scene.left()).toEqual([]);
    },
  );

  test("mounts the engine's socket into its first container, unless it is told not to", async () => {
    await using scene = await createContainerScene();
    const job = containerJob(["[ -S /var/run/docker.sock ] && echo there || echo none"]);
    expect((await scene.run(job)).outline[5]).toEndWith("0: there\n");
    expect((await scene.run(job, ["--docker-mount-socket=false"])).outline[5]).toEndWith("0: none\n");
  });

  test("gets files of the host, and fails or does without those that are missing", async () => {
    await using scene = await createContainerScene();
    const there = await scene.tester.write("there", "from the host\n");
    const missing = path.join(scene.tester.home, "missing");
    const job = containerJob(["cat /in/there; ls /in"]);
    const files = ["--files", `${there}:/in/there,${missing}:/in/missing`];
    const without = await scene.run(job, files);
    expect(without.outline[5]).toEndWith("0: from the host\nthere\n");
    const failed = await scene.run(job, [...files, "--fail-on-missing-files"]);
    expect(failed.outline.join("\n")).toContain(`not found on this host: "${missing}"`);
    expect(failed.exitCode).toBe(1);
    expect(await scene.left()).toEqual([]);
  });

  test("runs the host's set-up commands first, and fails when one of them does", async () => {
    await using scene = await createContainerScene();
    const set = path.join(scene.tester.home, "set-up");
    const job = (commands: readonly string[]) =>
      containerJob(["echo hi"], [{}], {
        compose: { host_setup_commands: commands.map((directive) => ({ directive })) },
      });
    expect((await scene.run(job([`echo secret; touch ${set}`]))).exitCode).toBe(0);
    expect(await Bun.file(set).exists()).toBe(true);
    const failed = await scene.run(job(["true", "exit 9"]));
    expect(failed.outline[1]).toContain("host set-up command 2 of the job ended with exit code 9");
    expect(failed.exitCode).toBe(1);
  });
});

test("the example containers.yaml passes, with images of the same kind", async () => {
  await using scene = await createContainerScene();
  const example = await Bun.file(path.join(root, "docs/examples/containers.yaml")).text();
  const text = example
    .replace(/image: debian\S*/, `image: ${images.debian}`)
    .replace(/image: busybox\S*/, `image: ${images.busybox}`);
  const file = await scene.tester.write("containers.yaml", text);
  const { exitCode, stdout } = await scene.tester.run(["run", file, "--json"], { env: scene.env });
  const lines = outline(toEvents(stdout));
  expect(lines).toContain('[echo "$GREETING"] 0: Hello from the container\n');
  expect(lines.join("")).toContain("0: Hello from the service\n");
  expect(exitCode).toBe(0);
  expect(await scene.left()).toEqual([]);
});

describe("containers keep to the agent's options", () => {
  test("read-only root, shared memory, limits of processes, capabilities", async () => {
    await using scene = await createContainerScene();
    const script = [
      "touch /here 2>/dev/null || echo read-only",
      "touch /tmp/here && echo tmp",
      "df -B1 --output=size /dev/shm | tail -n 1",
      "ulimit -n",
      "grep CapEff /proc/self/status",
    ].join("; ");
    const { outline } = await scene.run(containerJob([script]), [
      "--docker-read-only",
      "--docker-shm-size=3MiB",
      "--docker-ulimits=nofile=333:444",
      "--docker-cap-drop=ALL",
    ]);
    const lines = outline[5]!
      .split("0: ")[1]!
      .split("\n")
      .map((line) => line.trim());
    expect(lines.slice(0, 4)).toEqual(["read-only", "tmp", "3145728", "333"]);
    expect(lines[4]).toMatch(/0{16}$/);
  });
});

test("a fork bomb within a limit of processes leaves a session that can be ended", async () => {
  await using scene = await createContainerScene();
  const running = await scene.start(
    containerJob(["echo begun; bomb() { bomb | bomb & }; bomb; sleep 1000"], [{ user: "23456" }]),
    ["--docker-ulimits=nproc=200", "--stop-grace-period=1"],
  );
  await running.shows("begun\\n");
  running.kill("SIGINT");
  expect((await running.finished).exitCode).toBe(130);
  expect(await scene.left()).toEqual([]);
});
