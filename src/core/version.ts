import packageJson from "../../package.json" with { type: "json" };

/** Of this program. The build puts the release's version in the variable's place. */
export const version: string = process.env.SIGNALMAN_VERSION ?? packageJson.version;
