import { version as packageVersion } from "../../package.json" with { type: "json" };

/** The version of this program. The build replaces the variable by the version of the release. */
export const version: string = process.env.SIGNALMAN_VERSION ?? packageVersion;

/** The version of the plugins' contract: that of the package, also in a build between two releases. */
export const contractVersion: string = packageVersion;
