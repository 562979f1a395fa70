import { testExecutor } from "signalman/testing";
import { create, settings, startedCluster } from "./subjects.ts";
import { images } from "../support/cluster/images.ts";

await startedCluster();

testExecutor({
  name: "kubernetes",
  timeoutMs: 60_000,
  exportOrder: "request",
  create: (context) => create(context),
  createBroken: (context) => create(context, { settings: { ...settings, defaultImage: images.busybox } }),
});
