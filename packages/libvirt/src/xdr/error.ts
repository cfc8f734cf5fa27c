/** Bytes that are not what the protocol says, or a value that does not fit its XDR type. */
export class XdrError extends Error {
  override readonly name = "XdrError";
}
