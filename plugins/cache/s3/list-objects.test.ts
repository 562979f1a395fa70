import { describe, expect, test } from "bun:test";
import { storeObject } from "../testing/objects.ts";
import { faultOf, openScene, textsOf } from "../testing/scene.ts";

const project = "held-1";
async function scene(keys: readonly string[]) {
  const at = await openScene();
  for (const key of keys) await storeObject(at.store, { project, key: `held-1/${key}` }, Buffer.from(key));
  await storeObject(at.store, { project: "held-10", key: "held-10/secret" }, Buffer.from("x"));
  const list = async (query: string) => {
    const text = await (await at.client()("GET", `?${query}`)).text();
    const one = (name: string) => textsOf(text, name)[0];
    const [keys, prefixes] = [
      textsOf(text, "Key"),
      textsOf(text.replace(/<Prefix>.*?<\/Prefix>/, ""), "Prefix"),
    ];
    return { text, keys, prefixes, isTruncated: one("IsTruncated") === "true", one };
  };
  return { ...at, list };
}

describe("a list", () => {
  test("has what AWS says of each object", async () => {
    await using at = await scene(["a"]);
    const { text } = await at.list("prefix=held-1/");
    expect(text.replace(/(?<=LastModified>)[^<]+/, "TIME")).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>cache</Name><Prefix>held-1/</Prefix><Marker></Marker><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated><Contents><Key>held-1/a</Key><LastModified>TIME</LastModified><ETag>&quot;0cc175b9c0f1b6a831c399e269772661&quot;</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass><Owner><ID>held-1</ID></Owner></Contents></ListBucketResult>',
    );
  });

  test.each(["", "prefix=held-1", "list-type=2&prefix=held-1", "prefix=held-", "prefix="])(
    "with %j shows the objects of the key's project only",
    async (query) => {
      await using at = await scene(["a", "b"]);
      expect((await at.list(query)).keys).toEqual(["held-1/a", "held-1/b"]);
    },
  );

  test.each(["prefix=held-10", "prefix=held-2/", "prefix=x", "max-keys=0"])(
    "with %s is empty",
    async (query) => {
      await using at = await scene(["a", "b"]);
      const { keys, isTruncated } = await at.list(query);
      expect([keys, isTruncated]).toEqual([[], false]);
    },
  );

  const folders = ["a/1", "a/2", "b", "c/1", "c/x/2", "d"];

  test("with a delimiter has common prefixes", async () => {
    await using at = await scene(folders);
    const { keys, prefixes } = await at.list("prefix=held-1/&delimiter=/");
    expect([keys, prefixes]).toEqual([
      ["held-1/b", "held-1/d"],
      ["held-1/a/", "held-1/c/"],
    ]);
  });

  test("names the next marker only with a delimiter, and continues there", async () => {
    await using at = await scene(folders);
    const first = await at.list("prefix=held-1/&max-keys=2");
    expect([first.keys, first.isTruncated, first.one("NextMarker")]).toEqual([
      ["held-1/a/1", "held-1/a/2"],
      true,
      undefined,
    ]);
    const seen: string[] = [];
    let marker = "";
    for (let isTruncated = true; isTruncated;) {
      const page = await at.list(`prefix=held-1/&delimiter=/&max-keys=1&marker=${marker}`);
      seen.push(...page.keys, ...page.prefixes);
      marker = page.one("NextMarker") ?? "";
      ({ isTruncated } = page);
    }
    expect(seen).toEqual(["held-1/a/", "held-1/b", "held-1/c/", "held-1/d"]);
  });

  test("of version 2 continues at its token, and starts after a key", async () => {
    await using at = await scene(folders);
    const first = await at.list("list-type=2&max-keys=4");
    const token = first.one("NextContinuationToken")!;
    const second = await at.list(`list-type=2&max-keys=4&continuation-token=${token}`);
    expect([first.keys.length, first.one("KeyCount"), second.keys, second.isTruncated]).toEqual([
      4,
      "4",
      ["held-1/c/x/2", "held-1/d"],
      false,
    ]);
    expect((await at.list("list-type=2&start-after=held-1/c/1")).keys).toEqual(["held-1/c/x/2", "held-1/d"]);
  });

  test("is in the order of UTF-8 bytes, escaped or encoded", async () => {
    const names = ["\u0001", " ", "&<>", "Z", "a", "é", "\uffee", "\u{1f600}"];
    await using at = await scene(names.toReversed());
    const { keys } = await at.list("encoding-type=url");
    expect(keys.map((key) => decodeURIComponent(key.replaceAll("+", "%20")).slice(7))).toEqual(names);
    expect((await at.list("")).keys.slice(0, 3)).toEqual([
      "held-1/&#x1;",
      "held-1/ ",
      "held-1/&amp;&lt;&gt;",
    ]);
  });

  test.each(["max-keys=-1", "max-keys=x", "list-type=1", "encoding-type=xml"])(
    "refuses %s",
    async (query) => {
      await using at = await scene([]);
      expect(await faultOf(at.client()("GET", `?${query}`))).toBe("400 InvalidArgument");
    },
  );
});

test("100,000 keys are listed page by page, all of them once", async () => {
  await using at = await openScene();
  const { createObjectIndex } = await import("../store/object-index.ts");
  const index = createObjectIndex();
  const common = {
    project,
    generation: "",
    size: 1,
    etag: "",
    modifiedAt: 0,
    files: [1],
    cost: 1,
    readAt: 0,
    seenAt: 0,
  };
  for (let n = 0; n < 100_000; n++) index.put({ ...common, key: `held-1/${n * 7919}`, usedAt: 0 });
  const keys: string[] = [];
  let pages = 0;
  for (let after: string | undefined = ""; after !== undefined; pages++) {
    const page = index.list(project, { prefix: "held-1", after, delimiter: "", most: 1000 });
    keys.push(...page.keys);
    after = page.next;
  }
  expect([pages, keys.length, new Set(keys).size]).toEqual([100, 100_000, 100_000]);
  expect(at.store.cost).toBe(0);
});

describe("a deletion of many", () => {
  const toDocument = (keys: readonly string[], rest = "") =>
    `<?xml version="1.0"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${rest}${keys
      .map((key) => `<Object><Key>${key}</Key></Object>`)
      .join("")}</Delete>`;

  test("removes what exists, and answers for every key", async () => {
    await using at = await scene(["a", "b&amp;", "c"]);
    await storeObject(at.store, { project, key: "held-1/b&" }, Buffer.from("x"));
    const keys = ["held-1/a", "held-1/b&amp;", "held-1/missing", "held-10/secret"];
    const answer = await at.client()("POST", "?delete", { body: toDocument(keys) });
    expect(await answer.text()).toContain(
      '<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Deleted><Key>held-1/a</Key></Deleted><Deleted><Key>held-1/b&amp;</Key></Deleted><Deleted><Key>held-1/missing</Key></Deleted><Error><Key>held-10/secret</Key><Code>AccessDenied</Code>',
    );
    expect((await at.list("")).keys).toEqual(["held-1/b&amp;amp;", "held-1/c"]);
    const other = await at.store.open({ project: "held-10", key: "held-10/secret" });
    expect(other).toBeDefined();
    other?.[Symbol.dispose]();
  });

  test("that is quiet answers for faults only", async () => {
    await using at = await scene(["a"]);
    const body = toDocument(["held-1/a"], "<Quiet>true</Quiet>");
    const answer = await at.client()("POST", "?delete", { body });
    expect([answer.status, (await answer.text()).includes("Deleted")]).toEqual([200, false]);
  });

  test.each([
    ["1,001 keys", toDocument(Array(1001).fill("held-1/a")), "400 MalformedXML"],
    ["no keys", toDocument([]), "400 MalformedXML"],
    [
      "a version",
      toDocument([]).replace(
        "</Delete>",
        "<Object><Key>held-1/a</Key><VersionId>1</VersionId></Object></Delete>",
      ),
      "501 NotImplemented",
    ],
    ["3 MB", toDocument([" ".repeat(3_000_000)]), "400 MalformedXML"],
  ])("of %s is refused", async (_, body, code) => {
    await using at = await scene(["a"]);
    expect(await faultOf(at.client()("POST", "?delete", { body }))).toBe(code);
    expect((await at.list("")).keys).toEqual(["held-1/a"]);
  });
});
