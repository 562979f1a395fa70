import { expect, test } from "bun:test";
import { withSecretFile } from "./secret-file.ts";

function createFiles() {
  const files = new Map<string, string>();
  const put = async (path: string, bytes: Uint8Array) => void files.set(path, Buffer.from(bytes).toString());
  return { files, put };
}

test("a secret file is empty after the work, whether the work succeeds or fails", async () => {
  for (const fails of [false, true]) {
    const { files, put } = createFiles();
    const work = withSecretFile(put, async ({ path, write }) => {
      expect(await write(Buffer.from("secret"))).toBe(path);
      expect(files.get(path)).toBe("secret");
      if (fails) throw new Error("the work fails");
      return 7;
    });
    if (fails) await expect(work).rejects.toThrow("the work fails");
    else expect(await work).toBe(7);
    expect([...files.values()]).toEqual([""]);
  }
});

test("the error of the work counts, not that of the clear after it", async () => {
  const put = () => Promise.reject(new Error("the container is gone"));
  const failing = withSecretFile(put, () => Promise.reject(new Error("the work fails")));
  await expect(failing).rejects.toThrow("the work fails");
  await expect(withSecretFile(put, async () => 0)).rejects.toThrow("the container is gone");
});
