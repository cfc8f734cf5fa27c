import { AppError } from "@sinter/kit";

/** The whole body as text. Throws `internal` REPLY_TOO_LARGE, so that an agent gone wild cannot fill the manager's memory. */
export async function readText(body: AsyncIterable<Buffer>, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > bytesMax) {
      throw new AppError(
        "internal",
        "REPLY_TOO_LARGE",
        `The agent's answer is larger than ${bytesMax} bytes.`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
