import { testJobSource } from "signalman/testing";
import { createBrokenSource, createControlPlane } from "./testing/control-plane.ts";

testJobSource({ name: "semaphore", create: createControlPlane, createBroken: createBrokenSource });
