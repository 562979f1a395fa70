import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { createScene } from "../support/agents.ts";
import { binary, createTester, type Tester } from "../support/fixtures.ts";
import { outputOf, runForEvents } from "../support/jobs.ts";
import { isRoot } from "../support/users.ts";

const secret = `it's "a b/c+d"\\e&f=g`;
const token = `ghp_${"aB3".repeat(12)}`;
const env = { API_TOKEN: secret };
const mask = "[REDACTED]";

/**
 * Runs a command in a job with the secret variable API_TOKEN and the path of the binary in SM, and returns
 * its output.
 */
async function outputOfCommand(command: string, args: readonly string[] = []): Promise<string> {
  await using tester = await createTester();
  const { events } = await runForEvents(tester, { env: { ...env, SM: binary }, commands: [command] }, args);
  return outputOf(events, command);
}

describe("a value in another encoding", () => {
  test("is masked in base64, whatever precedes and follows it", async () => {
    const command =
      'for before in "" x xy; do printf "%s%s tail" "$before" "$API_TOKEN" | base64 -w0; echo; done';
    const lines = (await outputOfCommand(command)).trim().split("\n");
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(/^[A-Za-z0-9]{0,3}\[REDACTED\][A-Za-z0-9=]{7,10}$/);
  });

  test("is masked in a URL and in JSON", async () => {
    const url = [encodeURIComponent(secret), new URLSearchParams([["", secret]]).toString().slice(1)];
    const json = [JSON.stringify(secret), JSON.stringify(secret).replaceAll("/", "\\/")];
    const texts = [...url, ...url.map((text) => text.replace(/%../g, (code) => code.toLowerCase())), ...json];
    await using tester = await createTester();
    await tester.write("texts", `${texts.join("\n")}\n`);
    const { events } = await runForEvents(tester, { env, commands: ["cat texts"] });
    expect(outputOf(events, "cat texts")).toBe(
      `${[mask, mask, mask, mask, `"${mask}"`, `"${mask}"`].join("\n")}\n`,
    );
  });

  test("is masked when it is written in pieces with pauses", async () => {
    const command =
      'text=$(printf %s "$API_TOKEN" | base64 -w0); for ((i = 0; i < ${#text}; i += 5)); do printf %s "${text:i:5}"; sleep 0.05; done; echo';
    expect(await outputOfCommand(command)).toMatch(/^\[REDACTED\][A-Za-z0-9]?=*\n$/);
  });

  test("is masked in a shell's trace", async () => {
    const command = '(set -x; : "$API_TOKEN")';
    expect(await outputOfCommand(command)).toBe(`++ : '${mask}'\n`);
  });
});

describe("a value that a job's programs have changed", () => {
  test("is masked in the shell's quotes, trimmed, and with grep's colours", async () => {
    const commands = [
      'printf "%q\\n" "$API_TOKEN"',
      "echo $WIDE_TOKEN",
      `echo "$API_TOKEN" | grep --color=always 'b/c'`,
    ];
    await using tester = await createTester();
    const variables = { ...env, WIDE_TOKEN: "  wide-secret\t" };
    const { events } = await runForEvents(tester, { env: variables, commands });
    const shown = commands.map((command) => outputOf(events, command));
    const sequence = new RegExp(String.raw`\x1b\[[0-9;]*[mK]`, "g");
    expect(shown.map((text) => text.replace(sequence, ""))).toEqual(Array(3).fill(`${mask}\n`));
    expect(shown[2]).toMatch(sequence);
  });

  test("is masked line by line when it has several lines, and as a key without a variable", async () => {
    const body = Array.from({ length: 3 }, (_, at) =>
      Buffer.from(`line ${at} of the body of a private key, long`).toString("base64").padEnd(64, "A"),
    );
    const key = ["-----BEGIN PRIVATE KEY-----", ...body, "-----END PRIVATE KEY-----"].join("\n");
    const shift = ["sed 's/^/    /'", "nl", "tr '\\n' ' '"];
    const commands = [...shift.map((filter) => `echo "$SIGNING_KEY" | ${filter}`), "sed 's/^/> /' file"];
    await using tester = await createTester();
    await tester.write("file", `${key}\n`);
    const masked = { env: { SIGNING_KEY: key }, commands: commands.slice(0, 3) };
    const { events } = await runForEvents(tester, masked);
    for (const command of masked.commands) {
      expect(outputOf(events, command)).toContain(mask);
      for (const part of body) expect(outputOf(events, command)).not.toContain(part.slice(8, 40));
    }
    const bare = await runForEvents(tester, { commands: commands.slice(3) });
    expect(outputOf(bare.events, commands[3]!)).toBe(`> -----${mask}\n> -----END PRIVATE KEY-----\n`);
  });
});

describe("a token that is not in a variable", () => {
  const command = `a=ghp_; echo "found \${a}${token.slice(4)}."; printf %s $a; sleep 0.1; echo ${token.slice(4)}`;

  test("is masked by its shape", async () => {
    expect(await outputOfCommand(command)).toBe(`found ${mask}.\n${mask}\n`);
  });

  test("is shown when redacted-shapes is off", async () => {
    expect(await outputOfCommand(command, ["--redacted-shapes=false"])).toBe(`found ${token}.\n${token}\n`);
  });
});

describe("a job that adds a value", () => {
  const learn = "value=$(echo run-time | tr a-z A-Z)-VALUE; export value;";

  test("has it masked by a terminal sequence, made by the program or by a shell alone", async () => {
    await using tester = await createTester();
    const byShell = `message=$(printf '{"do":"redact","values":["%s"]}' "$(printf %s "$value" | base64 | tr -d '\\n')" | base64 | tr -d '\\n')`;
    const sequences = [
      `printf %s "$value" | $SM redact --print-sequence`,
      `${byShell}; printf '\\033_signalman;1;%s\\033\\\\' "$message" > /dev/tty`,
    ];
    for (const sequence of sequences) {
      const command = `${learn} echo $value; ${sequence}; echo "now $value"`;
      const { events } = await runForEvents(tester, { env: { SM: binary }, commands: [command] });
      const shown = events.map((event) => ("output" in event ? event.output : "")).join("");
      // What arrives in one piece with the message may be masked already.
      expect(shown).toMatch(/(RUN-TIME-VALUE|\[REDACTED\])\nnow \[REDACTED\]\n/);
    }
  });

  test("has it masked from then on, in every encoding", async () => {
    await using tester = await createTester();
    const command = `${learn} echo $value; printf %s "$value" | $SM redact && echo "$value and $(printf %s "$value" | base64)"`;
    const { events } = await runForEvents(tester, { env: { SM: binary }, commands: [command] }, [
      "--keep",
      "kept",
      "--log-level",
      "trace",
    ]);
    expect(outputOf(events, command)).toBe(`RUN-TIME-VALUE\n${mask} and ${mask}U=\n`);
  });

  test("finds the binary at the end of PATH, unless the login profile provides another one", async () => {
    await using tester = await createTester();
    const profile = "PATH=/usr/bin:/bin\n";
    await tester.write(".bash_profile", profile);
    const command = `${learn} signalman redact --value-env value; echo "$value $PATH"`;
    const { events } = await runForEvents(tester, { commands: [command] });
    expect(outputOf(events, command)).toBe(`${mask} /usr/bin:/bin:${path.dirname(binary)}\n`);
    await tester.write(
      ".bash_profile",
      `${profile}PATH=$PATH:${await tester.write("bin/signalman", "#!/bin/sh\n", 0o755).then(path.dirname)}\n`,
    );
    const after = await runForEvents(tester, { commands: ['echo "$PATH"'] });
    expect(outputOf(after.events, 'echo "$PATH"')).toBe(`/usr/bin:/bin:${tester.home}/bin\n`);
  });

  test("can name variables of its environment or pass one value per line", async () => {
    const command = `${learn} export other=OTHER-$value; $SM redact --value-env value --value-env other; echo "$value $other"; printf 'line-${"A"}\\n\\nline-${"B"}\\n' | $SM redact --lines; printf '%s\\n' line-A line-B`;
    expect(await outputOfCommand(command)).toBe(`${mask} ${mask}\n${mask}\n${mask}\n`);
  });

  test.each([
    ["printf short | $SM redact", 2, "the value is of 5 bytes: what is shorter than 6 is not masked"],
    [
      "head -c 70000 /dev/zero | $SM redact",
      2,
      "the value is of 70000 bytes, and no more than 65536 can be masked",
    ],
    ["cat /dev/zero | $SM redact", 2, "standard input is longer than"],
    ["$SM redact some-value", 2, "a value on the command line can be seen by every user of the host"],
    ["$SM redact --value-env NOBODY", 2, '"--value-env" names "NOBODY", which is not in the environment'],
    [
      "echo anything | env -u SIGNALMAN_JOB_SOCKET -u SIGNALMAN_JOB_ANSWERS $SM redact",
      1,
      "not called by a job",
    ],
    [
      "echo anything | SIGNALMAN_JOB_SOCKET=/nowhere $SM redact",
      1,
      'the job at "/nowhere" cannot be reached',
    ],
  ])("gets an error message for %s", async (command, status, message) => {
    const output = await outputOfCommand(`${command}; echo "status $?"`);
    expect(output).toContain(message);
    expect(output).toEndWith(`\nstatus ${status}\n`);
    expect(output).not.toContain("some-value");
  });

  test("works without a socket, by a terminal sequence whose answer it waits for", async () => {
    const command = `${learn} printf %s "$value" | env -u SIGNALMAN_JOB_SOCKET $SM redact; echo "$? $value"`;
    expect(await outputOfCommand(command)).toBe(`0 ${mask}\n`);
  });

  test("is not affected by a configuration file in its working directory", async () => {
    const command = `${learn} echo 'no: such: yaml' >signalman.config.yaml; $SM redact --value-env value 2>/dev/null; echo "$? $value"`;
    expect(await outputOfCommand(command)).toBe(`0 ${mask}\n`);
  });

  test("has a socket even if TMPDIR has a long path; it is removed with the job", async () => {
    await using tester = await createTester();
    const long = path.dirname(await tester.write(`${"long/".repeat(30)}file`, ""));
    const command = `${learn} $SM redact --value-env value; echo "$? $value $SIGNALMAN_JOB_SOCKET"`;
    const { events } = await runForEvents(tester, { env: { SM: binary }, commands: [command] }, [], {
      env: { TMPDIR: long, XDG_RUNTIME_DIR: tester.temporary },
    });
    const [status, value, socket] = outputOf(events, command).trim().split(" ");
    expect([status, value, path.dirname(socket!)]).toEqual([
      "0",
      mask,
      path.join(tester.temporary, "signalman"),
    ]);
    expect(await Bun.file(socket!).exists()).toBe(false);
  });

  test.if(isRoot)("is the only one that can do so: another user is denied", async () => {
    const command = `chmod 755 .; echo anything | setpriv --reuid=65534 --clear-groups $SM redact; echo "status $?"`;
    expect(await outputOfCommand(command)).toMatch(/cannot be reached: .*(EACCES|denied)[^]*\nstatus 1\n$/i);
  });

  test("can do so under an agent as well, and the value is not in the agent's log", async () => {
    await using scene = await createScene();
    await scene.readyAgent();
    const command = `${learn} $SM redact --value-env value; echo "$? $value"`;
    const id = await scene.hub.submit({
      env_vars: [{ name: "SM", value: btoa(binary) }],
      commands: [command, "setsid sh -c 'sleep 60; :' $value & sleep 0.2"],
    });
    await scene.hub.done(id);
    expect(outputOf(await scene.hub.log(id), command)).toBe(`0 ${mask}\n`);
    const agentLog = await scene.agentLog();
    expect(agentLog).toContain("sleep 60; :");
    expect(agentLog).not.toContain("RUN-TIME-VALUE");
  });
});

describe("the output of an operator's hooks", () => {
  const hook = 'printf %s "x$API_TOKEN" | base64 -w0; echo; echo "$API_TOKEN"\n';

  async function runWithHooks(tester: Tester) {
    const before = await tester.write("before.sh", hook);
    const after = await tester.write("after.sh", hook);
    await tester.write("bin/artifact", '#!/bin/bash\ncp "$3" "$HOME/uploaded"\n', 0o755);
    const flags = [
      "--pre-job-hook-path",
      before,
      "--post-job-hook-path",
      after,
      "--upload-job-logs",
      "always",
    ];
    const variables = {
      ...env,
      SEMAPHORE_ARTIFACT_TOKEN: "artifact-token",
      SEMAPHORE_ORGANIZATION_URL: "https://a.b",
    };
    const job = { env: variables, commands: ["true"] };
    return runForEvents(tester, job, flags, { env: { PATH: `${tester.home}/bin:${process.env.PATH}` } });
  }

  test("is masked in the log and in the uploaded artifact", async () => {
    await using tester = await createTester();
    const { events } = await runWithHooks(tester);
    const uploaded = await readFile(path.join(tester.home, "uploaded"), "utf8");
    for (const text of [events.map((event) => ("output" in event ? event.output : "")).join(""), uploaded]) {
      expect(text.match(/^e\w\[REDACTED\]\S{0,4}\n\[REDACTED\]$/gm)).toHaveLength(2);
      expect(text).not.toContain("a b/c");
    }
  });
});
