import { describe, expect, test } from "bun:test";
import { createReadStream } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeArchive } from "../../scripts/release/archive.ts";
import { targets } from "../../scripts/release/targets.ts";
import { openRelease, type SignedRelease, compareVersions } from "../../src/cli/upgrade/release.ts";
import { assertSigned, namespace } from "../../src/cli/upgrade/signature.ts";
import { toArchiveName, unpackProgram } from "../../src/cli/upgrade/unpack.ts";
import { tmpdir } from "../../src/testing/index.ts";

function run(command: readonly string[]): void {
  const { success, stderr } = Bun.spawnSync([...command], { stdin: "ignore" });
  if (!success) throw new Error(stderr.toString());
}

/** A directory with a key, and a function that signs with it as `ssh-keygen` does. */
async function createSigner(type = "ed25519") {
  const place = await tmpdir();
  const key = join(place.path, "key");
  run(["ssh-keygen", "-q", "-t", type, "-N", "", "-C", "", "-f", key]);
  return {
    path: place.path,
    publicKey: (await readFile(`${key}.pub`, "utf8")).trim(),
    async sign(text: string, { purpose = namespace, hash = "sha512" } = {}) {
      const file = join(place.path, `file-${crypto.randomUUID()}`);
      await writeFile(file, text);
      run(["ssh-keygen", "-Y", "sign", "-q", "-f", key, "-n", purpose, "-O", `hashalg=${hash}`, file]);
      return readFile(`${file}.sig`, "utf8");
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}

describe("a signature of OpenSSH", () => {
  test.each(["sha256", "sha512"])("with %s is accepted when it is by one of the keys", async (hash) => {
    await using signer = await createSigner();
    await using other = await createSigner();
    const signature = await signer.sign("text", { hash });
    assertSigned(Buffer.from("text"), signature, [other.publicKey, signer.publicKey]);
  });

  test("is refused for another text, by another key, for another purpose, of another type, and when it is damaged", async () => {
    await using signer = await createSigner();
    await using other = await createSigner();
    await using ecdsa = await createSigner("ecdsa");
    const check = (signature: string, text = "text", keys = [signer.publicKey]) => {
      expect(() => assertSigned(Buffer.from(text), signature, keys)).toThrow(
        "the signature of SHA256SUMS is refused: ",
      );
      try {
        assertSigned(Buffer.from(text), signature, keys);
      } catch (error) {
        return (error as Error).message.replace(/^.*refused: /, "");
      }
    };
    const good = await signer.sign("text");
    expect(check(good, "changed")).toBe("the file was changed after it was signed");
    expect(check(good, "text", [other.publicKey])).toBe("it is not by a key of Signalman");
    expect(check(good, "text", [])).toBe("it is not by a key of Signalman");
    expect(check(await signer.sign("text", { purpose: "file" }))).toBe(
      'it was made for "file", not for "signalman-release"',
    );
    expect(check(await ecdsa.sign("text"), "text", [ecdsa.publicKey])).toBe(
      "it is damaged, or not by an Ed25519 key",
    );
    for (const damaged of ["", "no signature", good.slice(0, 200), good.replace("U1NI", "U1NJ")])
      expect(check(damaged)).toBe("it is damaged, or not by an Ed25519 key");
    // Every changed character of the content is noticed.
    const lines = good.split("\n");
    for (let at = 0; at < lines[3]!.length; at += 7) {
      const changed = lines[3]!.slice(0, at) + (lines[3]![at] === "A" ? "B" : "A") + lines[3]!.slice(at + 1);
      check(lines.with(3, changed).join("\n"));
    }
  });
});

describe("a release", () => {
  async function createRelease(sums: string) {
    const signer = await createSigner();
    await writeFile(join(signer.path, "SHA256SUMS"), sums);
    await writeFile(join(signer.path, "SHA256SUMS.sig"), await signer.sign(sums));
    return signer;
  }
  const sums = `# signalman 1.2.3\n${"0".repeat(64)}  a.tar.gz\n`;

  test("in a directory or at a URL on loopback is opened when its signature is right", async () => {
    await using place = await createRelease(sums);
    expect((await openRelease(place.path, [place.publicKey])).version).toBe("1.2.3");
    using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      async fetch(request) {
        const file = Bun.file(join(place.path, new URL(request.url).pathname));
        return (await file.exists()) ? new Response(file) : new Response("", { status: 404 });
      },
    });
    const release = await openRelease(`http://127.0.0.1:${server.port}`, [place.publicKey]);
    expect(release.version).toBe("1.2.3");
    await expect(release.open("b.tar.gz")).rejects.toThrow('release 1.2.3 has no file "b.tar.gz"');
    await expect(release.open("a.tar.gz")).rejects.toThrow(/^cannot download .*\/a\.tar\.gz: status 404$/);
  });

  test("is refused without a key, without a version, over http from elsewhere, and where there is none", async () => {
    await using place = await createRelease(sums);
    await expect(openRelease(place.path, [])).rejects.toThrow("knows no key");
    await expect(openRelease("http://example.com/x", [place.publicKey])).rejects.toThrow("loopback only");
    await expect(openRelease(join(place.path, "no"), [place.publicKey])).rejects.toThrow("cannot read");
    await using unnamed = await createRelease(sums.split("\n").slice(1).join("\n"));
    await expect(openRelease(unnamed.path, [unnamed.publicKey])).rejects.toThrow("names no version");
  });
});

test.each([
  ["1.2.3", "1.2.3", 0],
  ["1.2.3", "1.2.4", -1],
  ["1.10.0", "1.9.9", 1],
  ["2.0.0-rc.1", "2.0.0", -1],
  ["1.2.3-4-gabc1234", "1.2.3", 1],
  ["1.2.3-4-gabc1234", "1.2.4", -1],
])("version %s compared with %s is %i", (a, b, order) => {
  expect(Math.sign(compareVersions(a, b))).toBe(order);
});

test.each(targets.filter(({ program }) => program === "agent"))(
  "the archive for $bun is the one that a release has for it",
  ({ bun, archive }) => expect(toArchiveName(bun)).toBe(`${archive}.tar.gz`),
);

test.each([
  ["bun-linux-x64", "agent_Linux_x86_64.tar.gz"],
  ["bun-linux-arm64", "agent_Linux_arm64.tar.gz"],
  ["bun-linux-x64-musl", "agent_Linux_x86_64_musl.tar.gz"],
  ["bun-darwin-arm64", "agent_Darwin_arm64.tar.gz"],
])("the archive for %s is %s", (target, name) => expect(toArchiveName(target)).toBe(name));

describe("the program of a release", () => {
  const program = Buffer.from("#!/bin/sh\necho 1.2.3\n");

  /** A release whose archive has these entries, and the checksum that it names if it is not the archive's. */
  async function createArchive(entries: Readonly<Record<string, Buffer>>, named?: string) {
    const place = await tmpdir();
    const file = join(place.path, "archive");
    const list = Object.entries(entries).map(([name, content]) => ({ name, content }));
    await writeArchive(file, list, 0);
    const sha256 = named ?? new Bun.CryptoHasher("sha256").update(await readFile(file)).digest("hex");
    const release: SignedRelease = {
      version: "1.2.3",
      open: async () => ({ content: createReadStream(file), sha256 }),
    };
    return {
      release,
      target: join(place.path, "signalman.new"),
      list: () => readdir(place.path),
      [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
    };
  }

  test("is unpacked from an archive with the right checksum", async () => {
    await using archive = await createArchive({ "install.sh": program, agent: program });
    await unpackProgram(archive.release, "a.tar.gz", archive.target);
    expect(await readFile(archive.target)).toEqual(program);
    expect((await archive.list()).toSorted()).toEqual(["archive", "signalman.new"]);
  });

  test("is not unpacked from another archive, or one without a program", async () => {
    await using changed = await createArchive({ agent: program }, "0".repeat(64));
    await expect(unpackProgram(changed.release, "a.tar.gz", changed.target)).rejects.toThrow(
      /^"a\.tar\.gz" has the checksum [0-9a-f]{64}, and release 1\.2\.3 names 0{64}$/,
    );
    expect(await changed.list()).toEqual(["archive"]);
    await using empty = await createArchive({ README: program });
    await expect(unpackProgram(empty.release, "a.tar.gz", empty.target)).rejects.toThrow(
      'has no program "agent"',
    );
  });
});
