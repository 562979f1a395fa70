import { describe, expect, test } from "bun:test";
import path from "node:path";
import { createCertificate } from "../../plugins/git-mirrors/job/certificate.ts";
import { startHttpOrigin } from "../../plugins/git-mirrors/testing/http-server.ts";
import { addLfsObject, hasLfs, type LfsObjects } from "../../plugins/git-mirrors/testing/lfs-server.ts";
import { createRepository, run as runGit } from "../../plugins/git-mirrors/testing/repository.ts";
import { hasSshServer, startSshServer } from "../../plugins/git-mirrors/testing/ssh-server.ts";
import { tmpdir } from "../../src/testing/index.ts";
import { createScene, inHome, type Scene, waitForFile } from "../support/agents.ts";
import { runsAsJobUser } from "../support/job-user.ts";
import { outline, until } from "../support/jobs.ts";

const on = ["--git-mirrors"];
const login = "ci:pass-2c9e41";

/** The git commands of the toolbox's `checkout` for a branch. With `TOOLBOX_DIR` it is the toolbox itself. */
const toolbox = process.env["TOOLBOX_DIR"] ?? "";
const define =
  toolbox === ""
    ? `checkout() { rm -rf "$SEMAPHORE_GIT_DIR"; git clone --depth 50 -b "$SEMAPHORE_GIT_BRANCH" "$SEMAPHORE_GIT_URL" "$SEMAPHORE_GIT_DIR"; cd "$SEMAPHORE_GIT_DIR"; git reset --hard "$SEMAPHORE_GIT_SHA"; }`
    : `mkdir -p tools; cp ${toolbox}/retry tools; chmod +x tools/retry; export PATH=$PWD/tools:$PATH; source ${toolbox}/libcheckout`;
const kind = toolbox === "" ? "the git commands of the toolbox" : "the toolbox";

interface Options {
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: readonly { readonly path: string; readonly content: string; readonly mode: string }[];
}

async function run(
  scene: Scene,
  commands: readonly string[],
  { env = {}, files = [] }: Options,
): Promise<string> {
  const encoded = files.map(({ content, ...rest }) => ({ ...rest, content: btoa(content) }));
  const id = await scene.hub.submit({ commands: [define, ...commands], env, files: encoded });
  const { result } = await scene.hub.done(id);
  const shown = outline(await scene.hub.log(id)).join("\n");
  expect([result, shown]).toEqual(["passed", shown]);
  return shown;
}

const toVariables = (url: string, sha: string): Record<string, string> => ({
  SEMAPHORE_GIT_URL: url,
  SEMAPHORE_GIT_DIR: "app",
  SEMAPHORE_GIT_BRANCH: "main",
  SEMAPHORE_GIT_SHA: sha,
  SEMAPHORE_GIT_DEPTH: "50",
  SEMAPHORE_GIT_REF_TYPE: "push",
});

const logIn = `git config --global credential.helper '!f() { echo username=ci; echo password=${login.split(":")[1]}; }; f'; git config --global user.email a@b; git config --global user.name a`;
const look =
  "git remote -v; git rev-parse HEAD; git fsck 2>/dev/null && echo sound; env | grep -c GIT_CONFIG; git status";
const push = (name: string): string => `git commit -qm new --allow-empty && git push -q origin HEAD:${name}`;

describe(`${kind} with an agent that keeps mirrors`, () => {
  test.skipIf(!hasLfs)("gets large files of git-lfs from the origin over https", async () => {
    await using tmp = await tmpdir();
    await using scene = await createScene();
    const repository = await createRepository(tmp.path);
    const lfs: LfsObjects = new Map();
    const sha = await repository.commit("main", {
      ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
      "a.bin": addLfsObject(lfs, Buffer.from("a large file\n".repeat(1000))),
    });
    const tls = createCertificate("localhost");
    const authority = await scene.tester.write("ca.pem", tls.cert);
    await using origin = startHttpOrigin({ root: tmp.path, login, lfs, tls });
    const trust = { NODE_EXTRA_CA_CERTS: authority, GIT_SSL_CAINFO: authority };
    await scene.readyAgent(on, { env: trust });
    const env = { ...toVariables(`${origin.url}/app.git`, sha), GIT_SSL_CAINFO: authority };
    const commands = [
      `${logIn}; git lfs install --skip-repo`,
      "checkout",
      "wc -l <a.bin; git status --short",
    ];
    for (const report of [/\[Git mirror\] 0: updated /, /\[Git mirror\] 0: hit: /]) {
      const shown = await run(scene, commands, { env });
      expect(shown).toContain("1000\n");
      expect(shown).toMatch(report);
    }
  });

  test.each(["http", "https"] as const)(
    "clones over %s from the mirror the second time, and pushes",
    async (protocol) => {
      await using tmp = await tmpdir();
      await using scene = await createScene();
      const repository = await createRepository(tmp.path);
      const sha = await repository.commit("main", { "a.txt": "x".repeat(50_000) });
      const tls = createCertificate("localhost");
      const authority = await scene.tester.write("ca.pem", tls.cert);
      await using origin = startHttpOrigin({
        root: tmp.path,
        login,
        ...(protocol === "https" && { tls: { cert: tls.cert, key: tls.key } }),
      });
      const trust = { NODE_EXTRA_CA_CERTS: authority, GIT_SSL_CAINFO: authority };
      await scene.readyAgent(on, { env: trust });
      const url = `${origin.url}/app.git`;
      const env = { ...toVariables(url, sha), GIT_SSL_CAINFO: authority };
      const first = await run(scene, [logIn, "checkout", look, push("one")], { env });
      expect(first).toContain(`origin\t${url} (fetch)\norigin\t${url} (push)\n${sha}\nsound\n0\n`);
      expect(first).toMatch(
        /\[Git mirror\] 0: updated in \d+\.\d s: .* served, .* fetched from the origin\n/,
      );
      const second = await run(scene, [logIn, "checkout", look, push("two")], { env });
      expect(second).toMatch(/\[Git mirror\] 0: hit: .* served, 0 bytes fetched from the origin\n/);
      expect(second).toContain(`${sha}\nsound\n0\n`);
      const heads = runGit(["for-each-ref", "--format=%(refname)"], repository.path);
      expect(heads).toContain("refs/heads/one\nrefs/heads/two\n");
      expect(await scene.agentLog()).not.toContain(login.split(":")[1]!);

      const listed = await scene.tester.run(["mirrors", "list", "--state-dir", scene.stateDirectory]);
      expect(listed.stdout).toContain(url);
      const show = async () => scene.tester.run(["status", "--state-dir", scene.stateDirectory]);
      await until("the status has the hit", async () => /1 mirror, .*, 1 hit\b/.test((await show()).stdout));
      const removed = await scene.tester.run(["mirrors", "remove", url, "--state-dir", scene.stateDirectory]);
      expect(removed.stdout).toBe("removed 1 mirror\n");
    },
  );

  test("clones from a mirror that the operator has filled from a bundle", async () => {
    await using tmp = await tmpdir();
    await using scene = await createScene();
    const repository = await createRepository(tmp.path);
    const sha = await repository.commit("main", { "a.txt": "x".repeat(50_000) });
    repository.git("tag", "-m", "tag", "v1");
    repository.git("push", "-q", "origin", "v1");
    runGit(["bundle", "create", "-q", "../app.bundle", "--all"], repository.path);
    await using origin = startHttpOrigin({ root: tmp.path });
    await scene.readyAgent(on);
    const url = `${origin.url}/app.git`;
    const fill = ["mirrors", "fetch", url, "--from", path.join(tmp.path, "app.bundle")];
    const { stdout, stderr } = await scene.tester.run([...fill, "--state-dir", scene.stateDirectory]);
    expect([stdout, stderr]).toEqual([expect.stringMatching(/^http\S+: \S+ KiB fetched\n$/), ""]);
    const shown = await run(scene, ["checkout", "git --no-pager tag; git fsck 2>/dev/null && echo sound"], {
      env: toVariables(url, sha),
    });
    expect(shown).toContain("v1\nsound\n");
    expect(shown).toMatch(/\[Git mirror\] 0: hit: .* served, 0 bytes fetched from the origin\n/);
  });

  // The ssh of the push at its end refuses a user whom the system does not know.
  test.skipIf(!hasSshServer || runsAsJobUser)(
    "clones over ssh, with the key of the job's request, and pushes",
    async () => {
      await using tmp = await tmpdir();
      await using scene = await createScene();
      const repository = await createRepository(tmp.path);
      const sha = await repository.commit("main", { "a.txt": "x".repeat(50_000) });
      await using ssh = await startSshServer(path.join(tmp.path, "sshd"));
      await scene.readyAgent(on);
      const url = `ssh://${ssh.authority}${repository.path}`;
      // ssh looks for the home of its user in the system's tables, and not in HOME.
      const own = `#!/bin/sh\nexec ${Bun.which("ssh")} -F /dev/null -i "$HOME/.ssh/id_ed25519" -o UserKnownHostsFile="$HOME/.ssh/known_hosts" "$@"\n`;
      const files = [
        { path: ".ssh/id_ed25519", content: ssh.key, mode: "0600" },
        { path: ".ssh/known_hosts", content: ssh.knownHosts, mode: "0600" },
        { path: "bin/ssh", content: own, mode: "0755" },
      ];
      const env = toVariables(url, sha);
      const before =
        "export PATH=$HOME/bin:$PATH; git config --global user.email a@b; git config --global user.name a";
      const first = await run(scene, [before, "checkout", look, push("one")], { env, files });
      expect(first).toContain(`origin\t${url} (push)\n${sha}\nsound\n0\n`);
      expect(first).toMatch(/\[Git mirror\] 0: updated in /);
      const second = await run(scene, [before, "checkout", look, push("two")], { env, files });
      expect(second).toMatch(/\[Git mirror\] 0: hit: .* served, 0 bytes fetched from the origin\n/);
      expect(runGit(["for-each-ref", "--format=%(refname)"], repository.path)).toContain("refs/heads/two\n");
      expect(second + (await scene.agentLog())).not.toContain("PRIVATE KEY");
    },
  );

  test("is not disturbed by an agent that is killed in the middle", async () => {
    await using tmp = await tmpdir();
    await using scene = await createScene();
    const repository = await createRepository(tmp.path);
    const sha = await repository.commit("main", { "a.txt": "x".repeat(50_000) });
    await using origin = startHttpOrigin({ root: tmp.path });
    const agent = await scene.readyAgent(on);
    const url = `${origin.url}/app.git`;
    const wait = "touch here; until [ -e go ]; do sleep 0.05; done";
    const id = await scene.hub.submit({
      commands: [define, `${wait}; checkout`, look],
      env: toVariables(url, sha),
    });
    await waitForFile(inHome(scene, "here"));
    agent.kill("SIGKILL");
    await agent.finished;
    await Bun.write(path.join(scene.tester.home, "go"), "");
    await scene.readyAgent(on);
    expect((await scene.hub.done(id)).result).toBe("passed");
    expect(outline(await scene.hub.log(id)).join("\n")).toContain("[Git mirror] 0: updated in ");
  });
});
