import { beforeAll, expect, test } from "bun:test";
import path from "node:path";
import { createCertificate } from "../../plugins/git-mirrors/job/certificate.ts";
import { startHttpOrigin } from "../../plugins/git-mirrors/testing/http-server.ts";
import { createRepository, run as runGit } from "../../plugins/git-mirrors/testing/repository.ts";
import { tmpdir } from "../../src/testing/index.ts";
import { startCluster } from "../support/cluster/cluster.ts";
import { buildDebianGit, images } from "../support/cluster/images.ts";
import { podGateway } from "../support/cluster/layout.ts";
import { engineCache } from "../support/engine/engine.ts";
import { debianGitRoot } from "../support/engine/images.ts";
import { outline } from "../support/jobs.ts";
import { createPodScene } from "./agents.ts";

beforeAll(async () => {
  await startCluster();
  await buildDebianGit(await debianGitRoot(path.join(engineCache(), "roots")));
}, 600_000);

const login = "ci:pass-0e94c1";

test("git in a pod clones over https from the mirror of the agent's pod, and pushes; over http it does not", async () => {
  await using tmp = await tmpdir();
  await using at = await createPodScene();
  const { scene, result } = at;
  const repository = await createRepository(tmp.path);
  const sha = await repository.commit("main", { "a.txt": "x".repeat(50_000), "dir/b.txt": "b" });
  const tls = createCertificate(podGateway);
  const authority = await scene.tester.write("ca.pem", tls.cert);
  const options = { root: tmp.path, login, host: "0.0.0.0" };
  await using origin = startHttpOrigin({ ...options, tls: { cert: tls.cert, key: tls.key } });
  await using plain = startHttpOrigin(options);
  await at.start(["--git-mirrors", `--kubernetes-default-image=${images.debianGit}`], {
    KUBERNETES_POD_IP: podGateway,
    NODE_EXTRA_CA_CERTS: authority,
    GIT_SSL_CAINFO: authority,
  });
  const [user, password] = login.split(":");
  const logIn = `git config --global credential.helper '!f() { echo username=${user}; echo password=${password}; }; f'; git config --global user.email a@b; git config --global user.name a`;
  const run = async (url: string, name: string): Promise<string> => {
    const id = await scene.hub.submit({
      commands: [
        logIn,
        `git clone -q --depth 50 -b main ${url} app && cd app && git commit -qm new --allow-empty && git push -q origin HEAD:${name}`,
        "git remote -v; git fsck 2>/dev/null && echo sound; git ls-files -s; git status --porcelain",
      ],
      env: { SEMAPHORE_GIT_URL: url },
    });
    const found = await result(id);
    const log = outline(await scene.hub.log(id)).join("\n");
    expect([found, log]).toEqual(["passed", log]);
    return log;
  };
  const toUrl = ({ url }: { readonly url: string }): string =>
    `${url.replace("0.0.0.0", podGateway)}/app.git`;
  const url = toUrl(origin);
  await run(url, "one");
  const second = await run(url, "two");
  const entries = runGit(
    ["ls-tree", "-r", "--format=%(objectmode) %(objectname) 0\t%(path)", sha],
    repository.path,
  );
  expect(second).toContain(`origin\t${url} (fetch)\norigin\t${url} (push)\nsound\n${entries}`);
  expect(second).toMatch(/\[Git mirror\] 0: hit: .* served, 0 bytes fetched from the origin/);
  expect(await run(toUrl(plain), "three")).toContain(
    '[Git mirror] 0: cloned from the origin: jobs of the executor "kubernetes" are served repositories over https only',
  );
  expect(runGit(["for-each-ref", "--format=%(refname)"], repository.path)).toContain(
    "refs/heads/one\nrefs/heads/three\nrefs/heads/two\n",
  );
  expect(await scene.agentLog()).not.toContain(password!);
}, 600_000);
