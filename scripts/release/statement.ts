import type { Release } from "./bill-of-materials.ts";

export interface Subject {
  readonly name: string;
  readonly sha256: string;
}

export interface BuildTimes {
  readonly startedOn: Date;
  readonly finishedOn: Date;
}

/** Returns an in-toto statement of how the files were built (SLSA provenance, version 1). */
export function toStatement(
  { version, commit }: Release,
  subjects: readonly Subject[],
  { startedOn, finishedOn }: BuildTimes,
  bases: readonly { readonly name: string; readonly digest: string }[],
): string {
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    subject: subjects.map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: "urn:signalman:release:v1",
        externalParameters: { version },
        internalParameters: { bun: Bun.version },
        resolvedDependencies: [
          { name: "source", digest: { gitCommit: commit } },
          ...bases.map(({ name, digest }) => ({ name, digest: { sha256: digest.replace("sha256:", "") } })),
        ],
      },
      runDetails: {
        builder: { id: "urn:signalman:npm-run-release" },
        metadata: {
          invocationId: crypto.randomUUID(),
          startedOn: startedOn.toISOString(),
          finishedOn: finishedOn.toISOString(),
        },
      },
    },
  };
  return `${JSON.stringify(statement, undefined, 2)}\n`;
}
