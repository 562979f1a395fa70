import { expect, test } from "bun:test";
import { Readable } from "node:stream";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { openScene, type SceneOptions } from "../testing/scene.ts";

/** A cache, and the AWS SDK for JavaScript with its own defaults: it adds checksums, and verifies those of answers. */
async function open(options: SceneOptions = {}) {
  const at = await openScene(options);
  const toClient = (access: Parameters<typeof at.issue>[0] = {}) => {
    const { id, secret } = at.issue(access);
    return new S3Client({
      endpoint: at.server.url,
      region: "auto",
      forcePathStyle: true,
      maxAttempts: 1,
      credentials: { accessKeyId: id, secretAccessKey: secret },
    });
  };
  const Bucket = "cache";
  const read = async (Key: string, more = {}) => {
    const { Body } = await toClient().send(new GetObjectCommand({ Bucket, Key, ...more }));
    return Body!.transformToString();
  };
  return { ...at, Bucket, client: toClient(), toClient, read };
}

function nameOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "no error",
    (error: unknown) => Object(error).name as unknown,
  );
}

test.each(["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] as const)(
  "the SDK stores and restores objects with the checksum %s",
  async (ChecksumAlgorithm) => {
    await using at = await open();
    const put = { Bucket: at.Bucket, Key: "held-1/a b/ü", ChecksumAlgorithm };
    await at.client.send(new PutObjectCommand({ ...put, Body: "content", Metadata: { note: "x" } }));
    expect(await at.read("held-1/a b/ü", { ChecksumMode: "ENABLED" })).toBe("content");
    expect(await at.read("held-1/a b/ü", { Range: "bytes=1-3" })).toBe("ont");
    const head = await at.client.send(new HeadObjectCommand({ Bucket: at.Bucket, Key: "held-1/a b/ü" }));
    expect([head.ContentLength, head.Metadata]).toEqual([7, { note: "x" }]);
  },
);

test("the SDK stores a stream, whose checksum follows in a trailer", async () => {
  await using at = await open();
  const body = "0123456789".repeat(50_000);
  await at.client.send(
    new PutObjectCommand({
      Bucket: at.Bucket,
      Key: "held-1/a",
      Body: Readable.from([Buffer.from(body.slice(0, 300_000)), Buffer.from(body.slice(300_000))]),
      ContentLength: body.length,
    }),
  );
  expect(await at.read("held-1/a")).toBe(body);
});

test("the SDK reads the end of an empty object, and no other range of it", async () => {
  await using at = await open();
  await at.client.send(new PutObjectCommand({ Bucket: at.Bucket, Key: "held-1/empty", Body: "" }));
  expect(await at.read("held-1/empty", { Range: "bytes=-5" })).toBe("");
  expect(await nameOf(at.read("held-1/empty", { Range: "bytes=0-" }))).toBe("InvalidRange");
});

test("the SDK stores an object in parts, and aborts another", async () => {
  await using at = await open();
  const own = { Bucket: at.Bucket, Key: "held-1/big", ChecksumAlgorithm: "CRC32" } as const;
  const begun = await at.client.send(new CreateMultipartUploadCommand(own));
  const upload = { ...own, UploadId: begun.UploadId };
  const bodies = ["a".repeat(5000), "b".repeat(10)];
  const parts = await Promise.all(
    bodies.map(async (Body, at_) => {
      const PartNumber = at_ + 1;
      const { ETag, ChecksumCRC32 } = await at.client.send(
        new UploadPartCommand({ ...upload, PartNumber, Body }),
      );
      return { PartNumber, ETag, ChecksumCRC32 };
    }),
  );
  await at.client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: parts } }));
  expect(await at.read("held-1/big")).toBe(bodies.join(""));
  const second = await at.client.send(new CreateMultipartUploadCommand(own));
  const aborted = { ...own, UploadId: second.UploadId };
  await at.client.send(new AbortMultipartUploadCommand(aborted));
  expect(await nameOf(at.client.send(new AbortMultipartUploadCommand(aborted)))).toBe("NoSuchUpload");
});

test("the SDK lists pages and common prefixes, and deletes many objects", async () => {
  await using at = await open();
  for (const key of ["a/1", "a/2", "b", "c", "d"])
    await at.client.send(new PutObjectCommand({ Bucket: at.Bucket, Key: `held-1/${key}`, Body: key }));
  const found: string[] = [];
  const query = { Bucket: at.Bucket, Prefix: "held-1/", Delimiter: "/", MaxKeys: 2 };
  for await (const { Contents = [], CommonPrefixes = [] } of paginateListObjectsV2(
    { client: at.client },
    query,
  ))
    found.push(...CommonPrefixes.map(({ Prefix }) => Prefix!), ...Contents.map(({ Key }) => Key!));
  expect(found).toEqual(["held-1/a/", "held-1/b", "held-1/c", "held-1/d"]);
  const Objects = ["held-1/a/1", "held-1/b", "held-2/x"].map((Key) => ({ Key }));
  const { Deleted = [], Errors = [] } = await at.client.send(
    new DeleteObjectsCommand({ Bucket: at.Bucket, Delete: { Objects } }),
  );
  expect([Deleted.map(({ Key }) => Key), Errors.map(({ Code }) => Code)]).toEqual([
    ["held-1/a/1", "held-1/b"],
    ["AccessDenied"],
  ]);
  await at.client.send(new DeleteObjectCommand({ Bucket: at.Bucket, Key: "held-1/c" }));
  const first = await at.client.send(new ListObjectsCommand({ Bucket: at.Bucket, Prefix: "held-1" }));
  expect(first.Contents?.map(({ Key }) => Key)).toEqual(["held-1/a/2", "held-1/d"]);
});

test("the SDK knows the errors of the cache by their names", async () => {
  await using at = await open();
  const { Bucket } = at;
  const own = { Bucket, Key: "held-1/a" };
  await at.client.send(new HeadBucketCommand({ Bucket }));
  expect(await nameOf(at.client.send(new HeadObjectCommand(own)))).toBe("NotFound");
  expect(await nameOf(at.client.send(new GetObjectCommand(own)))).toBe("NoSuchKey");
  expect(await nameOf(at.client.send(new GetObjectCommand({ Bucket, Key: "held-10/a" })))).toBe(
    "AccessDenied",
  );
  const copy = new CopyObjectCommand({ ...own, CopySource: "cache/held-1/b" });
  expect(await nameOf(at.client.send(copy))).toBe("NotImplemented");
  const reader = at.toClient({ canWrite: false });
  expect(await nameOf(reader.send(new PutObjectCommand({ ...own, Body: "x" })))).toBe("AccessDenied");
  await at.client.send(new PutObjectCommand({ ...own, Body: "x" }));
  const second = new PutObjectCommand({ ...own, Body: "y", IfNoneMatch: "*" });
  expect(await nameOf(at.client.send(second))).toBe("PreconditionFailed");
});
