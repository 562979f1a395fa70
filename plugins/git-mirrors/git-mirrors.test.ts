import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { createRepository, run } from "./testing/repository.ts";
import { type HttpOrigin, startHttpOrigin } from "./testing/http-server.ts";
import { createMirrorScene, pathsOf } from "./testing/scene.ts";
import { takeSnapshot } from "./testing/snapshot.ts";

const login = "ci:pass-7f3a";
/** Makes git send the login, as a credential helper of a job does. */
const logIn = (given = login): string => {
  const [user, password] = given.split(":");
  return `git config --global credential.helper '!f() { echo username=${user}; echo password=${password}; }; f'; `;
};

async function createScene(options: { readonly login?: string } = {}) {
  const scene = await createMirrorScene();
  const repository = await createRepository(scene.directory);
  const origin = startHttpOrigin({ root: scene.directory, ...options });
  const url = `${origin.url}/app.git`;
  return {
    ...scene,
    repository,
    origin,
    url,
    async [Symbol.asyncDispose]() {
      await origin[Symbol.asyncDispose]();
      await scene[Symbol.asyncDispose]();
    },
  };
}

/** Answers of the origin with a pack. */
const packsOf = ({ requests }: HttpOrigin): number =>
  requests.filter(({ path, bytes }) => path.endsWith("/git-upload-pack") && bytes > packBytes).length;
const packBytes = 100_000;
const large = {
  "large.bin": Buffer.from(crypto.getRandomValues(new Uint8Array(60_000)))
    .toString("hex")
    .repeat(2),
};

describe("jobs", () => {
  test("clone from the mirror the second time, and push to the origin in the same command", async () => {
    await using scene = await createScene({ login });
    const { origin, url } = scene;
    await scene.repository.commit("main", large);
    const shown: string[] = [];
    for (const name of ["one", "two"]) {
      await using job = await scene.job({ url });
      const clone = `${logIn()}git clone --depth 50 -b main ${url} app && cd app && git push -q origin HEAD:${name}`;
      expect(await job.run(clone)).toMatchObject({ status: 0 });
      shown.push(await job.finish());
    }
    expect(shown[0]).toMatch(/^updated in \d+\.\d s: \S+ KiB served, \S+ KiB fetched from the origin\n$/);
    expect(shown[1]).toMatch(/^hit: \S+ KiB served, 0 bytes fetched from the origin\n$/);
    expect(packsOf(origin)).toBe(1);
    expect(run(["for-each-ref", "--format=%(refname)"], scene.repository.path)).toContain("refs/heads/two");
  });

  test("see the references of the origin, also when the mirror has objects without one", async () => {
    await using scene = await createScene();
    const { repository, url } = scene;
    const gone = await repository.commit("topic", { "topic.txt": "1\n" });
    repository.git("push", "-q", "origin", `${gone}:refs/pull/1/merge`);
    await using first = await scene.job({ url });
    const fetch = `git clone -q ${url} app && git -C app fetch -q origin ${gone} refs/pull/1/merge`;
    expect(await first.run(fetch)).toEqual({ status: 0, output: "" });
    expect(run(["cat-file", "-t", gone], pathsOf(scene, url).repository)).toBe("commit\n");
    repository.git("push", "-q", "origin", ":topic", ":refs/pull/1/merge");
    const command = `git clone -q ${url} app && git ls-remote ${url} && git ls-remote --heads --tags ${url} && git -C app remote show origin`;
    const expected = await (await scene.plain({ url })).run(command);
    expect(expected).toMatchObject({ status: 0, output: expect.not.stringContaining(gone) });
    await using job = await scene.job({ url });
    expect(await job.run(command)).toEqual(expected);
    expect(await job.finish()).toStartWith("hit");
  });

  test("cause one fetch of the pack when fifty clone at the same time", async () => {
    await using scene = await createScene();
    await scene.repository.commit("main", large);
    const clones = Array.from({ length: 50 }, async () => {
      await using job = await scene.job({ url: scene.url });
      return (await job.run(`git clone -q --depth 50 -b main ${scene.url} app`)).status;
    });
    expect(await Promise.all(clones)).toEqual(Array.from({ length: 50 }, () => 0));
    expect(packsOf(scene.origin)).toBe(1);
  });

  test("see what was pushed a moment ago, and only that is fetched", async () => {
    await using scene = await createScene();
    await scene.repository.commit("main", large);
    const clone = `git clone -q -b main ${scene.url} app && git -C app rev-parse HEAD`;
    {
      await using job = await scene.job({ url: scene.url });
      await job.run(clone);
    }
    const sha = await scene.repository.commit("main", { "new.txt": "new\n" });
    await using job = await scene.job({ url: scene.url });
    expect((await job.run(clone)).output).toBe(`${sha}\n`);
    expect(packsOf(scene.origin)).toBe(1);
  });

  test("have no variables of the mirror in other commands", async () => {
    await using scene = await createScene();
    await using job = await scene.job({ url: scene.url });
    await job.run("echo git clone-me; make checkout-all; ./clone");
    expect(job.variables).toEqual({});
    await job.run(`retry git -c a.b=c clone -q ${scene.url} app`);
    expect(Object.keys(job.variables)).toEqual(["GIT_CONFIG_PARAMETERS"]);
  });

  test("clone submodules of other repositories from their origin", async () => {
    await using scene = await createScene();
    await createRepository(scene.directory, "app.git-tools");
    scene.repository.git(
      "-c",
      "protocol.file.allow=always",
      "submodule",
      "add",
      "-q",
      "../app.git-tools",
      "tools",
    );
    await scene.repository.commit("main", { "x.txt": "x" });
    const command = `git clone -q --recurse-submodules ${scene.url} app`;
    await using job = await scene.job({ url: scene.url });
    const plain = await scene.plain({ url: scene.url });
    expect(await job.run(command)).toEqual(await plain.run(command));
    expect(await takeSnapshot(job, "app")).toBe(await takeSnapshot(plain, "app"));
    expect(await takeSnapshot(job, "app/tools")).toContain(`${scene.origin.url}/app.git-tools`);
  });

  test("reach everything else of the repository, such as git-lfs, at the origin, and no other host", async () => {
    await using scene = await createScene();
    scene.origin.fault = (path) => (path.includes("/info/lfs/") ? new Response("large file") : undefined);
    await using job = await scene.job({ url: scene.url });
    const call = `
      # A command that names these variables has its own way.
      name=GIT_CON; name+=FIG_PARAMETERS
      [[ \${!name} =~ http://(job:[0-9a-f]+)@([0-9.]+):([0-9]+) ]]
      for url in http://127.0.0.1:1/x http://localhost/app.git ${scene.url}/info/lfs/x; do
        exec 3<>/dev/tcp/\${BASH_REMATCH[2]}/\${BASH_REMATCH[3]}
        token=$(printf %s "\${BASH_REMATCH[1]}" | base64 -w 0)
        host=\${url#http://}
        printf 'GET %s HTTP/1.1\r\nHost: %s\r\nProxy-Authorization: Basic %s\r\nConnection: close\r\n\r\n' $url \${host%%/*} $token >&3
        head -n 1 <&3 | cut -d ' ' -f 2
      done`;
    const { output } = await job.run(`: git fetch; ${call}`);
    expect(output.split(/\s+/)).toEqual(["403", "403", "200", ""]);
    expect(scene.origin.requests.at(-1)?.path).toBe("/app.git/info/lfs/x");
  });

  test("may kill git in the middle of an answer", async () => {
    await using scene = await createScene();
    await scene.repository.commit("main", large);
    await using job = await scene.job({ url: scene.url });
    const killed = `git clone -q ${scene.url} one & sleep 0.1; kill -9 $!; wait`;
    const closed = `for n in 1 2 3 4 5; do timeout -s KILL 0.$n git clone -q ${scene.url} n$n; done`;
    await job.run(`${killed}; ${closed}`);
    expect((await job.run(`git clone -q ${scene.url} app && git -C app fsck`)).status).toBe(0);
  });

  test("of a repository with 10,000 references have all of them", async () => {
    await using scene = await createScene();
    const head = run(["rev-parse", "main"], scene.repository.path).trim();
    const names = Array.from({ length: 10_000 }, (_, index) => `refs/heads/b/${index}`).toSorted();
    writeFileSync(
      join(scene.repository.path, "packed-refs"),
      names.map((name) => `${head} ${name}\n`).join(""),
    );
    await using job = await scene.job({ url: scene.url });
    const { output } = await job.run(`git clone -q ${scene.url} app; git -C app for-each-ref | wc -l`);
    expect(output.trim()).toBe("10003");
    expect(await job.finish()).toStartWith("updated");
  });
});

describe("the mirror is not used", () => {
  test("by a job whose credentials the origin refuses", async () => {
    await using scene = await createScene({ login });
    {
      await using job = await scene.job({ url: scene.url });
      await job.run(`${logIn()}git clone -q ${scene.url} app`);
    }
    await using job = await scene.job({ url: scene.url });
    const { status, output } = await job.run(`${logIn("ci:wrong")}git clone -q ${scene.url} app`);
    expect([status, output]).toEqual([128, expect.stringContaining("Authentication failed")]);
    expect(await job.finish()).toBe("");
  });

  test("for a repository that a later variable names", async () => {
    await using scene = await createScene();
    await createRepository(scene.directory, "other.git");
    await using job = await scene.job({ url: scene.url });
    expect((await job.run(`git clone -q ${scene.origin.url}/other.git app`)).status).toBe(0);
    expect(existsSync(pathsOf(scene, `${scene.origin.url}/other.git`).directory)).toBe(false);
    expect(await job.finish()).toBe("");
  });

  test.each([
    ["/srv/app.git", "its URL is neither that of an ssh nor of an http server"],
    ["file:///srv/app.git", "file:// is never mirrored"],
    ["ext::sh -c id", "its URL has unusual characters"],
    ["git://127.0.0.1/app.git", "git:// is never mirrored"],
    ["http://a:b@127.0.0.1/app.git", "its URL has a password"],
    ["git@-oProxyCommand=x:app.git", "its URL is neither that of an ssh nor of an http server"],
    ["git@127.0.0.1:app.git", "the job's request has no ssh key (.ssh/id_…)"],
  ])("for %s", async (url, reason) => {
    await using scene = await createMirrorScene();
    await using job = await scene.job({ url });
    await job.run("git clone /nowhere");
    expect(job.variables).toEqual({});
    expect(await job.finish()).toBe(`cloned from the origin: ${reason}\n`);
  });

  test("when the origin speaks only the old protocol", async () => {
    await using scene = await createScene();
    await using job = await scene.job({ url: scene.url });
    expect((await job.run(`git -c protocol.version=0 clone -q ${scene.url} app`)).status).toBe(0);
    expect(await job.finish()).toBe(
      "cloned from the origin: the origin does not speak version 2 of git's protocol\n",
    );
  });

  test("when its directory is another user's or a link", async () => {
    await using scene = await createScene();
    mkdirSync(join(scene.directory, "elsewhere"), { mode: 0o755 });
    symlinkSync(join(scene.directory, "elsewhere"), scene.root);
    await using job = await scene.job({ url: scene.url });
    expect((await job.run(`git clone -q ${scene.url} app`)).status).toBe(0);
    expect(await job.finish()).toStartWith("cloned from the origin: ");
  });

  test("by who does not know the token, or when no command checks out", async () => {
    await using scene = await createScene();
    await using job = await scene.job({ url: scene.url });
    await job.run(`git clone -q ${scene.url} app`);
    const [, token, address] = /http:\/\/job:(\w+)@([\d.:]+)'/.exec(job.variables["GIT_CONFIG_PARAMETERS"]!)!;
    const ask = (given: string) =>
      fetch(`${scene.url}/info/refs`, { proxy: `http://job:${given}@${address}` });
    await expect(ask(token!)).rejects.toThrow();
    const [host, port] = address!.split(":");
    const inside = `exec 3<>/dev/tcp/${host}/${port}; printf 'GET ${scene.url}/info/refs HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' >&3; head -1 <&3`;
    expect((await job.run(`git fetch 2>/dev/null; ${inside}`)).output).toContain("407");
    const socket = connect({ host: host!, port: Number(port) });
    await new Promise((done) => socket.on("error", done).on("close", done));
  });
});
