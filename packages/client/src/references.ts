import { uriOf } from "@sinter/northbound/urn";
import { clientErrors } from "./wire-error.ts";

/** An object of the manager: what an answer held, or its URN or URI. */
export type Reference = string | { readonly uri: string };

/** The path at which the object answers. Throws `invalid` REFERENCE_INVALID. */
export function pathOf(reference: Reference): string {
  const text = typeof reference === "string" ? reference : reference.uri;
  const path = text.startsWith("urn:") ? uriOf(text) : text;
  // Letters of the contract's paths only: what comes from a user must not reach another path.
  if (!/^\/(?:service|sinter)(?:\/[\w.-]+)+$/.test(path) || path.includes("..")) {
    throw clientErrors.referenceInvalid(text);
  }
  return path;
}
