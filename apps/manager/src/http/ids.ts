import { type ObjectKind, parseUrn } from "@sinter/northbound";

/** An id in a path. Anything that is no number becomes 0, which no object has, so that "not found" is the answer. */
export function readId(text: string | undefined): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

/** The id behind a URN (or URI) of this site and kind; undefined when it names something else. */
export function idOfUrn(text: string | undefined, kind: ObjectKind, siteId: string): number | undefined {
  const urn = parseUrn(text ?? "");
  return urn?.siteId === siteId && urn.kind === kind && urn.child === undefined ? urn.id : undefined;
}
