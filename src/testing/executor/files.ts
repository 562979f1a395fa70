import { describe, expect, test } from "bun:test";
import type { JobFile } from "../../core/contracts/job-request.ts";
import { type Bench, createStartedBench, type ExecutorSubject, type Outcome } from "./subject.ts";

/** Tests of `injectFiles`, for any executor. */
export function testFiles({ create, shell = true, timeoutMs = 20_000 }: ExecutorSubject): void {
  const fact = (sentence: string, check: () => Promise<void>) => test(sentence, check, timeoutMs);

  describe("injectFiles", () => {
    fact("reports each file and its mode", async () => {
      await using bench = await createStartedBench(create);
      const folder = uniqueFolder();
      const files = ["a", "b c"].map((name) => file(`/tmp/${folder}/${name}`, "x", "0640"));
      const { code, text } = await inject(bench, files);
      expect(code).toBe(0);
      expect(text).toBe(files.map(({ path }) => `Injecting ${path} with file mode 0640\n`).join(""));
      if (shell) await bench.run(`rm -rf "/tmp/${folder}"`);
    });

    fact("returns 1 with the reason for an invalid mode and for invalid base64", async () => {
      await using bench = await createStartedBench(create);
      const path = `/tmp/${uniqueFolder()}`;
      const badMode = await inject(bench, [file(path, "x", "9z")]);
      expect(badMode.code).toBe(1);
      // Each executor has its words: `bad file permission '9z'`, `Failed to set file mode to 9z`.
      expect(badMode.text).toMatch(/\n.*(permission|mode).*9z/);
      const emptyMode = await inject(bench, [file(path, "x", "")]);
      expect(emptyMode.code).toBe(1);
      expect(emptyMode.text).toMatch(/\n.*(permission|mode)/);
      const badContent = await inject(bench, [{ path, content: "%%%", mode: "0600" }]);
      expect(badContent.code).toBe(1);
      expect(badContent.text).toContain("Failed to decode the content of the file.");
      if (shell) await bench.run(`rm -f ${path}`);
    });
  });
}

/** Tests of the injected files themselves, which the commands of a shell examine. */
export function testFileContents({ create, timeoutMs = 20_000 }: ExecutorSubject): void {
  const fact = (sentence: string, check: () => Promise<void>) => test(sentence, check, timeoutMs);

  describe("injected files", () => {
    fact(
      "are at absolute paths, below ~ and relative to the home directory, with folders and modes",
      async () => {
        await using bench = await createStartedBench(create);
        for (const [prefix, place] of places) {
          const folder = uniqueFolder();
          const path = `${folder}/deep er/file`;
          const { code, text } = await inject(bench, [file(`${prefix}${path}`, "content", "0640")]);
          expect(code).toBe(0);
          expect(text).toEndWith(`${path} with file mode 0640\n`);
          const found = await bench.run(`cat "${place}${path}"; ls -l "${place}${path}" | cut -c1-10`);
          expect([prefix, found.text]).toEqual([prefix, "content-rw-r-----\n"]);
          await bench.run(`rm -rf "${place}${folder}"`);
        }
      },
    );

    fact("have the exact content: text, nothing, all bytes, 200 KB", async () => {
      await using bench = await createStartedBench(create);
      for (const [what, content] of Object.entries(contents)) {
        const path = `/tmp/${uniqueFolder()}`;
        expect((await inject(bench, [file(path, content, "0600")])).code).toBe(0);
        const { text } = await bench.run(`od -An -v -tx1 ${path} | tr -d ' \\n'; rm ${path}`);
        expect([what, text]).toEqual([what, Buffer.from(content).toString("hex")]);
      }
    });

    fact("replace an existing file and its mode", async () => {
      await using bench = await createStartedBench(create);
      const path = `/tmp/${uniqueFolder()}`;
      await inject(bench, [file(path, "a long first content", "0600")]);
      await inject(bench, [file(path, "second", "0755")]);
      const { text } = await bench.run(`cat ${path}; ls -l ${path} | cut -c1-10; rm ${path}`);
      expect(text).toBe("second-rwxr-xr-x\n");
    });
  });
}

/** Prefix of a path in the request, and the same directory for the shell. */
const places = [
  ["/tmp/", "/tmp/"],
  ["~/", "$HOME/"],
  ["", "$HOME/"],
] as const;

const contents = {
  text: new TextEncoder().encode("two\nlines\n"),
  nothing: new Uint8Array(),
  "every byte": Uint8Array.from({ length: 256 }, (_, byte) => byte),
  "200 KB": new Uint8Array(200_000).fill(0x78),
};

function inject(bench: Bench, files: readonly JobFile[]): Promise<Outcome> {
  return bench.begin((executor, output) => executor.injectFiles(files, output)).done;
}

function file(path: string, content: string | Uint8Array, mode: string): JobFile {
  return { path, content: Buffer.from(content).toString("base64"), mode };
}

function uniqueFolder(): string {
  return `.signalman-suite-${crypto.randomUUID()}`;
}
