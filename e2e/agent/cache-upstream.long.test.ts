import { expect, test } from "bun:test";
import { runCacheRounds } from "../support/cache-rounds.ts";

const rounds = Number(process.env["CACHE_ROUNDS"] ?? 150);

test("a cache and its upstream that are killed many times agree in the end, and lose nothing", async () => {
  const seed = Number(process.env["CACHE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  expect({ seed, faults: await runCacheRounds({ seed, rounds }) }).toEqual({ seed, faults: [] });
}, 1_800_000);
