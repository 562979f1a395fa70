import { afterAll, beforeAll, expect, test } from "bun:test";
import path from "node:path";
import { createRepository } from "../../plugins/git-mirrors/testing/repository.ts";
import { hasSshServer, startSshServer } from "../../plugins/git-mirrors/testing/ssh-server.ts";
import { tmpdir } from "../../src/testing/index.ts";
import { createScene } from "../support/agents.ts";
import { containerJob, useTestEngine } from "../support/containers.ts";
import { engineCache } from "../support/engine/engine.ts";
import { images, importImage } from "../support/engine/images.ts";
import { openOwnEngine, type OwnEngine } from "../support/engine/own-engine.ts";
import { outline } from "../support/jobs.ts";

useTestEngine();

const bridge = "signalman-git";
const gateway = "10.203.18.1";

function ip(words: string): void {
  const { exitCode, stderr } = Bun.spawnSync(["ip", ...words.split(" ")]);
  if (exitCode !== 0) throw new Error(`ip ${words}: ${stderr.toString()}`);
}

let engine: OwnEngine | undefined;
beforeAll(async () => {
  // Of a run that was killed.
  Bun.spawnSync(["ip", "link", "delete", bridge]);
  ip(`link add ${bridge} type bridge`);
  ip(`addr add ${gateway}/24 dev ${bridge}`);
  ip(`link set ${bridge} up`);
  engine = await openOwnEngine({ arguments: [`--bridge=${bridge}`] });
  await importImage(engine.api, images.debian, path.join(engineCache(), "roots", "debian.tar"));
}, 600_000);
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  ip(`link delete ${bridge}`);
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
