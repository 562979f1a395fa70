import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import path from "node:path";
import { createCertificate } from "../../plugins/git-mirrors/job/certificate.ts";
import { startHttpOrigin } from "../../plugins/git-mirrors/testing/http-server.ts";
import { createRepository, run as runGit } from "../../plugins/git-mirrors/testing/repository.ts";
import { hasSshServer, startSshServer } from "../../plugins/git-mirrors/testing/ssh-server.ts";
import { tmpdir } from "../../src/testing/index.ts";
import { createScene, type Scene } from "../support/agents.ts";
import { containerJob, useTestEngine } from "../support/containers.ts";
import { engineCache } from "../support/engine/engine.ts";
import { debianGitRoot, images, importImage } from "../support/engine/images.ts";
import { openOwnEngine, type OwnEngine } from "../support/engine/own-engine.ts";
import { outline, until } from "../support/jobs.ts";

useTestEngine();

const bridge = "signalman-git";
const gateway = "10.203.18.1";

function call(program: string, words: string): void {
  const { exitCode, stderr } = Bun.spawnSync([program, ...words.split(" ")]);
  if (exitCode !== 0) throw new Error(`${program} ${words}: ${stderr.toString()}`);
}
const ip = (words: string): void => call("ip", words);

let engine: OwnEngine | undefined;
beforeAll(async () => {
  // Of a run that was killed.
  Bun.spawnSync(["ip", "link", "delete", bridge]);
  ip(`link add ${bridge} type bridge`);
  ip(`addr add ${gateway}/24 dev ${bridge}`);
  ip(`link set ${bridge} up`);
  engine = await openOwnEngine({ arguments: [`--bridge=${bridge}`] });
  const roots = path.join(engineCache(), "roots");
  await importImage(engine.api, images.debian, path.join(roots, "debian.tar"));
  await importImage(engine.api, images.debianGit, await debianGitRoot(roots));
}, 600_000);
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  ip(`link delete ${bridge}`);
});

/** Runs a script in a container that is none of a job, and resolves to its output. */
async function runContainer(script: string): Promise<string> {
  const { api } = engine!;
  const created = await api.call("POST", "/containers/create", {
    json: { Image: images.debianGit, Cmd: ["bash", "-c", `${script}\necho over`], Tty: true },
  });
  const { Id: id } = (await created.json()) as { Id: string };
  try {
    await api.call("POST", `/containers/${id}/start`);
    let output = "";
    await until("the container has ended", async () => {
      output = await (await api.call("GET", `/containers/${id}/logs?stdout=1`)).text();
      return output.endsWith("over\r\n");
    });
    return output;
  } finally {
    await api.call("DELETE", `/containers/${id}?force=1&v=1`);
  }
}

const login = "ci:pass-5b7d20";

interface Origin extends AsyncDisposable {
  readonly scene: Scene;
  readonly directory: string;
  readonly repository: Awaited<ReturnType<typeof createRepository>>;
  readonly url: string;
  readonly sha: string;
  /** The origin's certificate, which the agent trusts. */
  readonly authority: string;
}

/** An agent with mirrors, and an origin at the gateway, which asks for the login. */
async function openOrigin(protocol: "http" | "https"): Promise<Origin> {
  await using opened = new AsyncDisposableStack();
  const tmp = opened.use(await tmpdir());
  const scene = opened.use(await createScene());
  const repository = await createRepository(tmp.path);
  const sha = await repository.commit("main", { "a.txt": "x".repeat(50_000), "dir/b.txt": "b" });
  const tls = createCertificate(gateway);
  const authority = await scene.tester.write("ca.pem", tls.cert);
  const origin = opened.use(
    startHttpOrigin({
      root: tmp.path,
      login,
      host: gateway,
      ...(protocol === "https" && { tls: { cert: tls.cert, key: tls.key } }),
    }),
  );
  await scene.readyAgent(["--git-mirrors", "--docker-mount-socket=false"], {
    env: { DOCKER_HOST: engine!.host, NODE_EXTRA_CA_CERTS: authority, GIT_SSL_CAINFO: authority },
  });
  const kept = opened.move();
  return {
    scene,
    directory: tmp.path,
    repository,
    url: `${origin.url}/app.git`,
    sha,
    authority: tls.cert,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

const [user, password] = login.split(":");
const logIn = `git config --global credential.helper '!f() { echo username=${user}; echo password=${password}; }; f'; git config --global user.email a@b; git config --global user.name a`;

async function runJob(
  { scene, url }: Origin,
  commands: readonly string[],
  { env = {}, files = [] }: { env?: Record<string, string>; files?: readonly object[] } = {},
): Promise<string> {
  const job = containerJob([logIn, ...commands], [{ image: images.debianGit }], {
    env: { SEMAPHORE_GIT_URL: url, ...env },
    files,
  });
  const id = await scene.hub.submit(job);
  const { result } = await scene.hub.done(id);
  const log = outline(await scene.hub.log(id)).join("\n");
  expect([result, log]).toEqual(["passed", log]);
  return log;
}

describe("git in a container", () => {
  test.each(["http", "https"] as const)("clones over %s from the mirror, and pushes", async (protocol) => {
    await using origin = await openOrigin(protocol);
    const { url, sha, repository, scene } = origin;
    const checkout = `rm -rf app; git clone -q --depth 50 -b main ${url} app && cd app && git reset -q --hard ${sha}`;
    const look = "git remote -v; git fsck 2>/dev/null && echo sound; git ls-files -s; git status --porcelain";
    const push = (name: string) => `git commit -qm new --allow-empty && git push -q origin HEAD:${name}`;
    const entries = runGit(
      ["ls-tree", "-r", "--format=%(objectmode) %(objectname) 0\t%(path)", sha],
      repository.path,
    );
    // The container does not know the origin's authority: with https the push passes through the agent as well.
    await runJob(origin, [`${checkout} && ${push("one")}`]);
    const second = await runJob(origin, [checkout, look, `cd && ${checkout} && ${push("two")}`]);
    expect(second).toContain(`origin\t${url} (fetch)\norigin\t${url} (push)\nsound\n${entries}`);
    expect(second).toMatch(/\[Git mirror\] 0: hit: .* served, 0 bytes fetched from the origin/);
    expect(runGit(["for-each-ref", "--format=%(refname)"], repository.path)).toContain(
      "refs/heads/one\nrefs/heads/two\n",
    );
    expect(await scene.agentLog()).not.toContain(password!);
  });

  test("has the authorities of the job's own GIT_SSL_CAINFO as well", async () => {
    await using origin = await openOrigin("https");
    await createRepository(origin.directory, "other.git");
    const other = origin.url.replace("app.git", "other.git");
    const clone = `git clone -q ${origin.url} app && git clone -q ${other} other && echo cloned`;
    const log = await runJob(origin, [clone], {
      env: { GIT_SSL_CAINFO: "/tmp/own.pem" },
      files: [{ path: "/tmp/own.pem", text: origin.authority, mode: "0600" }],
    });
    expect(log).toContain("cloned\n");
    expect(log).toContain("[Git mirror] 0: updated in");
  });

  test("clones from the origin when a firewall keeps it from this host, or NO_PROXY has the origin", async () => {
    await using origin = await openOrigin("http");
    const { port } = new URL(origin.url);
    const clone = `git clone -q ${origin.url} app && git -C app rev-parse HEAD`;
    const excluded = await runJob(origin, [`export NO_PROXY=${gateway}`, clone]);
    expect(excluded).toContain(`${origin.sha}\n`);
    expect(excluded).toContain(
      `[Git mirror] 0: cloned from the origin: NO_PROXY has the origin's host "${gateway}"`,
    );
    const rule = `INPUT -d ${gateway} ! -i lo -p tcp ! --dport ${port} -j DROP`;
    call("iptables", `-w -I ${rule}`);
    try {
      const log = await runJob(origin, [clone]);
      expect(log).toContain(`${origin.sha}\n`);
      expect(log).toMatch(
        /\[Git mirror\] 0: cloned from the origin: the job does not reach this agent at [\d.:]+\n/,
      );
    } finally {
      call("iptables", `-w -D ${rule}`);
    }
  });

  test("does not let other containers in", async () => {
    await using origin = await openOrigin("http");
    const { scene, url, sha } = origin;
    const name = "name=GIT_CON; name+=FIG_PARAMETERS";
    const tell = `: git fetch; ${name}; [[ \${!name} =~ @([0-9.]+):([0-9]+) ]]; echo "door \${BASH_REMATCH[2]}."`;
    const id = await scene.hub.submit(
      containerJob([`${tell}; until [ -e /tmp/go ]; do sleep 0.1; done`], [{ image: images.debianGit }], {
        env: { SEMAPHORE_GIT_URL: url },
      }),
    );
    let port: string | undefined;
    await until("the job tells its door", async () => {
      port = /door (\d+)\./.exec(JSON.stringify(await scene.hub.log(id)))?.[1];
      return port !== undefined;
    });
    const ask = (header: string) =>
      `exec 3<>/dev/tcp/${gateway}/${port}; printf 'GET ${url}/info/refs?service=git-upload-pack HTTP/1.1\\r\\nHost: ${new URL(url).host}\\r\\n${header}\\r\\n' >&3; head -n 1 <&3`;
    const guess = `Proxy-Authorization: Basic ${btoa(`job:${"0".repeat(48)}`)}\\r\\n`;
    const direct = `GIT_TERMINAL_PROMPT=0 git -c http.proxy=http://${gateway}:${port} ls-remote ${url} 2>&1`;
    const answers = await runContainer([ask(""), ask(guess), direct].join("; "));
    expect(answers.match(/407/g)).toHaveLength(3);
    expect(answers).not.toContain(sha);
    await scene.hub.stopJob(id);
    await scene.hub.done(id);
  });
});

// The image has no git: the program that git would call speaks for it.
test.skipIf(!hasSshServer)(
  "a container reaches the mirror at the gateway of the engine's bridge",
  async () => {
    await using tmp = await tmpdir();
    await using scene = await createScene();
    const repository = await createRepository(tmp.path);
    const sha = await repository.commit("main", { "a.txt": "text" });
    await using ssh = await startSshServer(path.join(tmp.path, "sshd"));
    const agent = ["--git-mirrors", "--docker-mount-socket=false"];
    await scene.readyAgent(agent, { env: { DOCKER_HOST: engine!.host } });
    const [host, port] = ssh.authority.split(":");
    const words = `-o SendEnv=GIT_PROTOCOL -p ${port} ${host} "git-upload-pack '${repository.path}'"`;
    const line = (text: string): string => `${(text.length + 4).toString(16).padStart(4, "0")}${text}`;
    const fetch = `${line("command=fetch")}${line("object-format=sha1")}0001${line(`want ${sha}`)}${line("no-progress")}${line("done")}0000`;
    const speak = `printf '${line("command=ls-refs")}00010000${fetch}' | GIT_PROTOCOL=version=2 bash -c "$GIT_MIRROR_SSH" x ${words} | tr -cd '[:print:]\\n'`;
    const files = [
      { path: ".ssh/id_ed25519", text: ssh.key, mode: "0600" },
      { path: ".ssh/known_hosts", text: ssh.knownHosts, mode: "0600" },
    ];
    const env = { SEMAPHORE_GIT_URL: `ssh://${ssh.authority}${repository.path}` };
    for (const report of ["updated in ", "hit: "]) {
      const id = await scene.hub.submit(
        containerJob([`: git fetch; echo $GIT_MIRROR_ADDRESS; ${speak}`], [{}], { files, env }),
      );
      expect((await scene.hub.done(id)).result).toBe("passed");
      const log = outline(await scene.hub.log(id)).join("\n");
      expect(log).toContain(`${gateway}:`);
      expect(log).toContain(`${sha} refs/heads/main`);
      expect(log).toContain("packfile");
      expect(log).toContain(`[Git mirror] 0: ${report}`);
    }
  },
);
