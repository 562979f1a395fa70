/** The name of the only bucket. */
export const bucket = "cache";
