/**
 * Checks the `Authorization` header of a request. Resolves to `undefined` when it is valid, otherwise to the
 * reason for the refusal.
 */
export type Authorize = (header: string) => Promise<string | undefined>;

/**
 * Accepts `<any word> <token>`, where the token is a JWT that is signed with the secret by HMAC (HS256,
 * HS384, HS512). `exp` and `nbf` are honoured; no other claim is needed (protocol section 8.3).
 */
export function createAuthorize(secret: string, now: () => number = Date.now): Authorize {
  const key = new TextEncoder().encode(secret);
  return async (header) => {
    if (header === "") return "An authorization header is required";
    const [, token, ...rest] = header.split(" ");
    // The library also accepts padding.
    if (token === undefined || rest.length > 0 || !/^[\w.-]+$/.test(token)) return invalid;
    const { jwtVerify } = await import("jose/jwt/verify");
    const options = { algorithms: ["HS256", "HS384", "HS512"], currentDate: new Date(now()) };
    return jwtVerify(token, key, options).then(
      () => undefined,
      () => invalid,
    );
  };
}

const invalid = "Invalid authorization token";
