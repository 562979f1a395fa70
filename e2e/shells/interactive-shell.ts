import { readFile } from "node:fs/promises";
import path from "node:path";
import { binary, type Tester } from "../support/fixtures.ts";

/** A shell, and how it finds the completion. `bash-completion`: bash with the package of that name. */
export type ShellKind = "bash" | "bash-completion" | "zsh" | "fish";

/** A shell in a terminal, in which `signalman` notes its arguments and does nothing else. */
export interface InteractiveShell extends Disposable {
  /** Types a line, the Tab key and Enter. Returns the arguments with which `signalman` was called then. */
  complete(line: string): Promise<readonly string[]>;
  /** Types a line and the Tab key twice, waits for a text, and discards the line. Returns the screen. */
  list(line: string, text: string): Promise<string>;
  /** Runs a line, which prints the text. */
  run(line: string, text: string): Promise<void>;
}

export const packageScript = "/usr/share/bash-completion/bash_completion";

const prompt = "ready>";

const commands: Readonly<Record<ShellKind, readonly string[]>> = {
  bash: ["bash", "--noprofile", "--rcfile", ".bashrc-alone", "-i"],
  "bash-completion": ["bash", "--noprofile", "--rcfile", ".bashrc-package", "-i"],
  zsh: ["zsh", "-i"],
  fish: ["fish", "-i"],
};

/** Installs the completion of a user and the start-up files of each shell. */
export async function prepareShells(tester: Tester): Promise<void> {
  for (const shell of ["bash", "zsh", "fish"]) await tester.run(["completion", shell, "--install"]);
  const settings = `PS1='${prompt} '\nbind 'set bell-style none' 'set enable-bracketed-paste off'\n`;
  await tester.write(
    ".bashrc-alone",
    `${settings}source ~/.local/share/bash-completion/completions/signalman\n`,
  );
  await tester.write(".bashrc-package", `${settings}source ${packageScript}\n`);
  await tester.write(
    ".zshrc",
    [
      `PS1='${prompt} '`,
      "unsetopt beep zle_bracketed_paste prompt_sp",
      // Otherwise a Tab that is typed fast is inserted.
      "zstyle ':completion:*' insert-tab false",
      "fpath=(~/.local/share/zsh/site-functions $fpath)",
      "autoload -U compinit && compinit -u",
      // The default of Tab, expand-or-complete, executes the $(…) before the cursor without asking any completion.
      "bindkey '^I' complete-word",
    ].join("\n"),
  );
  await tester.write(
    ".config/fish/config.fish",
    `set -g fish_greeting\nfunction fish_prompt; echo '${prompt} '; end\n`,
  );
  await tester.write(
    "bin/signalman",
    [
      "#!/bin/sh",
      `if [ "$1" = __complete ]; then exec '${binary}' "$@"; fi`,
      `printf '%s\\0' "$@" > ~/call.new`,
      "mv ~/call.new ~/call",
      "echo called-$(( $(cat ~/count 2> /dev/null || echo 0) + 1 )) | tee ~/last",
      "sed s/called-// ~/last > ~/count",
    ].join("\n"),
    0o755,
  );
}

export async function openShell(kind: ShellKind, tester: Tester): Promise<InteractiveShell> {
  let screen = "";
  const listeners = new Set<() => void>();
  const decoder = new TextDecoder();
  const child = Bun.spawn([...commands[kind]], {
    cwd: tester.home,
    env: {
      HOME: tester.home,
      PATH: `${path.join(tester.home, "bin")}:${process.env.PATH}`,
      TMPDIR: tester.temporary,
      LANG: "C.UTF-8",
      TERM: "xterm",
    },
    terminal: {
      cols: 150,
      rows: 50,
      data(_, bytes) {
        screen += decoder.decode(bytes, { stream: true });
        for (const listener of listeners) listener();
      },
    },
  });
  const type = (keys: string) => void child.terminal!.write(keys);
  const waitFor = async (text: string | RegExp, from: number): Promise<number> => {
    const found = Promise.withResolvers<number>();
    const check = () => {
      const part = screen.slice(from);
      const at = typeof text === "string" ? part.indexOf(text) : part.search(text);
      if (at !== -1) found.resolve(from + at + 1);
    };
    const late = setTimeout(
      () =>
        found.reject(
          new Error(`${kind} did not show ${text} within a minute: ${JSON.stringify(screen.slice(from))}`),
        ),
      60_000,
    );
    listeners.add(check);
    check();
    return found.promise.finally(() => {
      clearTimeout(late);
      listeners.delete(check);
    });
  };
  await waitFor(prompt, 0);
  return {
    async complete(line) {
      const from = screen.length;
      type(`${line}\t\r`);
      const at = await waitFor(/called-\d+/, from);
      await waitFor(prompt, at);
      const words = (await readFile(path.join(tester.home, "call"), "utf8")).split("\0");
      return words.slice(0, -1);
    },
    async list(line, text) {
      const from = screen.length;
      type(`${line}\t\t`);
      await waitFor(text, from);
      // Ctrl-U discards the line; Ctrl-C could interrupt the completion itself.
      type("\x15printf %s-end 42\r");
      await waitFor(prompt, await waitFor("42-end", from));
      return screen.slice(from);
    },
    async run(line, text) {
      const from = screen.length;
      type(`${line}\r`);
      await waitFor(prompt, await waitFor(text, from));
    },
    [Symbol.dispose]() {
      child.kill("SIGKILL");
      child.terminal?.close();
    },
  };
}
