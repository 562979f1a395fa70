import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { createWriterSearch } from "../../../src/os/file-trust/find-writer.ts";
import { tmpdir } from "../../../src/testing/index.ts";
import { makeSharedDirectory } from "../../shared-directory.ts";

const own = { uid: process.getuid!(), gid: process.getgid!() };
const isRoot = own.uid === 0;
const gids = new Set([0, own.gid]);
const uids = new Set([0, own.uid]);
const stranger = 12_345;
/** A group that is not trusted here. */
const group = isRoot ? 54_321 : own.gid;

const search = (
  trusted = { uids, gids: new Set([0]) },
  isReadOnly: (path: string) => boolean = () => false,
) => createWriterSearch(trusted, isReadOnly);

/** Creates a directory of mode 0755 with a file of mode 0644. */
async function createPlace() {
  const tmp = await tmpdir();
  chmodSync(tmp.path, 0o755);
  chownSync(tmp.path, own.uid, own.gid);
  const directory = join(tmp.path, "directory");
  mkdirSync(directory, { mode: 0o755 });
  const file = join(directory, "file");
  writeFileSync(file, "", { mode: 0o644 });
  return { directory, file, [Symbol.asyncDispose]: () => tmp[Symbol.asyncDispose]() };
}

describe("a file can be changed by other users", () => {
  test("not when only root and the agent's user may write it and its directories, the sticky /tmp included", async () => {
    await using place = await createPlace();
    expect(search()(place.file)).toBeUndefined();
  });

  test.each([
    ["every user may write", 0o646, "every user may write to"],
    ["a group may write", 0o664, `group ${group} may write to`],
  ])("when %s it", async (_, mode, reason) => {
    await using place = await createPlace();
    chownSync(place.file, own.uid, group);
    chmodSync(place.file, mode);
    expect(search()(place.file)).toMatchObject({
      path: place.file,
      reason: expect.stringContaining(
        `${reason} "${place.file}" (owner ${own.uid}, mode 0${mode.toString(8)})`,
      ),
      remedy: `chmod go-w ${place.file}`,
    });
  });

  test("not when a trusted group may write it", async () => {
    await using place = await createPlace();
    chownSync(place.file, own.uid, own.gid);
    chmodSync(place.file, 0o664);
    expect(search({ uids, gids })(place.file)).toBeUndefined();
  });

  test("when every user may write its directory, also through the parent of the directory", async () => {
    await using place = await createPlace();
    chmodSync(place.directory, 0o777);
    expect(search()(place.file)).toMatchObject({ path: place.directory });
    chmodSync(place.directory, 0o755);
    chmodSync(dirname(place.directory), 0o777);
    expect(search()(place.file)).toMatchObject({ path: dirname(place.directory) });
  });

  test("not in a sticky directory, unless the file is missing there", async () => {
    await using place = await createPlace();
    chmodSync(place.directory, 0o1777);
    expect(search()(place.file)).toBeUndefined();
    const missing = join(place.directory, "missing");
    expect(search()(missing)).toMatchObject({
      path: missing,
      reason: expect.stringContaining("may create it"),
    });
  });

  test("not when it is missing where other users cannot create it", async () => {
    await using place = await createPlace();
    expect(search()(join(place.directory, "missing", "file"))).toBeUndefined();
  });

  test("when a link on its path is in a directory that every user may write", async () => {
    await using place = await createPlace();
    const open = join(dirname(place.directory), "open");
    mkdirSync(open);
    chmodSync(open, 0o777);
    symlinkSync(place.directory, join(open, "link"));
    expect(search()(join(open, "link", "file"))).toMatchObject({ path: open });
  });

  test("when the target of a link on its path is in such a directory", async () => {
    await using place = await createPlace();
    const parent = dirname(place.directory);
    symlinkSync("directory", join(parent, "relative"));
    symlinkSync(join(parent, "relative", "..", "directory"), join(parent, "absolute"));
    const path = join(parent, "absolute", "file");
    expect(search()(path)).toBeUndefined();
    chmodSync(place.directory, 0o777);
    expect(search()(path)).toMatchObject({ path: place.directory });
  });

  test("when `..` behind a link leads to a directory that every user may write", async () => {
    await using place = await createPlace();
    const parent = dirname(place.directory);
    const target = join(parent, "open", "target");
    mkdirSync(target, { recursive: true });
    writeFileSync(join(parent, "open", "file"), "");
    writeFileSync(join(parent, "file"), "");
    symlinkSync(target, join(parent, "link"));
    const path = `${parent}/link/../file`;
    expect(search()(path)).toBeUndefined();
    chmodSync(join(parent, "open"), 0o777);
    expect(search()(path)).toMatchObject({ path: join(parent, "open") });
    expect(search()(relative(process.cwd(), parent) + "/link/../file")).toMatchObject({
      path: join(parent, "open"),
    });
  });

  test("not through links without an end, which no open follows", async () => {
    await using place = await createPlace();
    symlinkSync("loop", join(place.directory, "loop"));
    expect(search()(join(place.directory, "loop"))).toBeUndefined();
  });

  test("not on a mount that is read-only", async () => {
    await using place = await createPlace();
    chmodSync(place.directory, 0o777);
    const isReadOnly = (path: string) => path.startsWith(place.directory);
    expect(search(undefined, isReadOnly)(place.file)).toBeUndefined();
    expect(search(undefined, isReadOnly)(join(place.directory, "missing"))).toBeUndefined();
  });

  const needsRoot = isRoot ? "" : " (skipped: needs root)";
  test.skipIf(!isRoot)(
    `when another user owns it, its directory, or a link in a sticky directory${needsRoot}`,
    async () => {
      await using place = await createPlace();
      chownSync(place.file, stranger, 0);
      expect(search()(place.file)).toMatchObject({
        reason: `"${place.file}" belongs to user ${stranger} (mode 0644)`,
        remedy: `chown root ${place.file}`,
      });
      chownSync(place.file, 0, 0);
      chownSync(place.directory, stranger, 0);
      expect(search()(place.file)).toMatchObject({ path: place.directory });
      chownSync(place.directory, 0, 0);
      const sticky = join(dirname(place.directory), "sticky");
      makeSharedDirectory(sticky);
      symlinkSync(place.file, join(sticky, "link"));
      expect(search()(join(sticky, "link"))).toBeUndefined();
      lchownSync(join(sticky, "link"), stranger, 0);
      expect(search()(join(sticky, "link"))).toMatchObject({ path: join(sticky, "link") });
    },
  );
});
