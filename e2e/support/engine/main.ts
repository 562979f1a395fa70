// A Docker engine for development: `bun e2e/support/engine/main.ts` starts one with the images of the tests, and
// ends it at Ctrl-C.

import { openEngine } from "./engine.ts";
import { images } from "./images.ts";

await using engine = await openEngine();
console.log(
  `${engine.isShared ? "an engine runs already" : "started an engine"}: export DOCKER_HOST=${engine.host}`,
);
console.log(`images: ${Object.values(images).join(", ")}`);
if (!engine.isShared) {
  console.log("Ctrl-C ends it");
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}
