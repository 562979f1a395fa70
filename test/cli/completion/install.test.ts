import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { completionScripts, shells } from "../../../src/cli/completion/scripts.ts";
import { openHome } from "../signalman.ts";

const places = {
  bash: ".local/share/bash-completion/completions/signalman",
  zsh: ".local/share/zsh/site-functions/_signalman",
  fish: ".config/fish/completions/signalman.fish",
};

test("the script of each shell is printed, and any other shell is refused", async () => {
  await using home = await openHome();
  for (const shell of shells)
    expect(await home.run("completion", shell)).toEqual({
      code: 0,
      stdout: completionScripts[shell],
      stderr: "",
    });
  const { code, stderr } = await home.run("completion", "tcsh");
  expect({ code, stderr }).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("known: bash, zsh, fish"),
  });
});

test("--install writes the script to the user's directory, says what remains, and changes nothing the next time", async () => {
  await using home = await openHome();
  for (const shell of shells) {
    const path = join(home.path, places[shell]);
    const first = await home.run("completion", shell, "--install");
    expect(first.stdout).toStartWith(`wrote "${path}"\n`);
    expect(await readFile(path, "utf8")).toBe(completionScripts[shell]);
    const next = await home.run("completion", shell, "--install");
    expect(next.stdout).toBe(first.stdout.replace(/^wrote (".*")/, "$1 is up to date"));
    await home.write({ [places[shell]]: `${completionScripts[shell]}# of an older release` });
    expect((await home.run("completion", shell, "--install")).stdout).toStartWith(`replaced "${path}"\n`);
  }
});

test("--install uses the directories of XDG, and keeps another file that is in its place", async () => {
  await using home = await openHome();
  const env = { XDG_CONFIG_HOME: join(home.path, "it's mine"), XDG_DATA_HOME: "relative" };
  const fish = await home.runWith(env, "completion", "fish", "--install");
  expect(fish.stdout).toContain(`"${home.path}/it's mine/fish/completions/signalman.fish"`);
  expect((await home.runWith(env, "completion", "zsh", "--install")).stdout).toContain(
    `${home.path}/.local/share/zsh`,
  );
  await home.write({ [places.bash]: "mine" });
  const { code, stderr } = await home.run("completion", "bash", "--install");
  expect({ code, stderr }).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("was not written by signalman"),
  });
  expect(await readFile(join(home.path, places.bash), "utf8")).toBe("mine");
});
