import { expect, test } from "bun:test";
import { mayCheckOut } from "./checkout-command.ts";

test.each([
  "checkout",
  "checkout --use-cache",
  "cd ~ && checkout; make",
  "if true; then (checkout); fi",
  "retry -t 3 git clone https://example.com/a.git",
  "git -C app -c core.abbrev=8 fetch --tags",
  "time git pull",
  "echo start\ngit clone a b\necho end",
  "git submodule update --init",
  "x=$(git fetch origin main)",
  "bash -c 'git fetch'",
])("a command checks out: %j", (command) => expect(mayCheckOut(command)).toBe(true));

test.each([
  "git checkout main",
  "git push",
  "echo git-clone",
  "make checkout-all",
  "npm run fetch",
  "./checkout.sh",
  "GIT_SSH_COMMAND='ssh -v' git clone a",
  "git -c core.sshCommand=x clone a",
  "git -c http.proxy=http://proxy:3128 fetch",
])("a command does not, or has its own way: %j", (command) => expect(mayCheckOut(command)).toBe(false));

test("a hostile command is recognised in linear time", () => {
  const startedAt = performance.now();
  mayCheckOut(`git ${"-a=b ".repeat(12_000)}x`);
  mayCheckOut(`git ${"-a b=c ".repeat(9000)}x`);
  mayCheckOut("git ".repeat(16_000));
  mayCheckOut("git -c -c ".repeat(6000));
  mayCheckOut("git checkout ".repeat(5000));
  mayCheckOut(`git${" \t".repeat(30_000)}x`);
  expect(performance.now() - startedAt).toBeLessThan(60_000);
});
