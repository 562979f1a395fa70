import { createDummyLogBackend, testLogBackend } from "../../src/testing/index.ts";

testLogBackend({
  name: "dummy",
  create() {
    const backend = createDummyLogBackend();
    return { ...backend, received: () => backend.received };
  },
});
