import { AppError } from "@sinter/kit/errors";
import { ApiError, type Iso } from "@sinter/client/portable";
import { client } from "../../api/client.ts";
import { sessionStore } from "../../api/session-store.ts";
import type { UploadPorts } from "./upload.ts";

/** Pieces to the manager: raw bytes, which the client of the API does not send. */
export const uploadPorts: UploadPorts = {
  read: (id) => client.isos.get(id),
  async put(id, from, total, bytes, signal) {
    const now = sessionStore.get();
    const csrf = now.kind === "here" || now.kind === "expired" ? now.session.csrf : "";
    const answer = await fetch(client.isos.contentPath(id), {
      method: "PUT",
      body: bytes,
      headers: {
        "content-type": "application/octet-stream",
        "content-range": `bytes ${from}-${from + bytes.size - 1}/${total}`,
        "x-sinter-csrf": csrf,
      },
      credentials: "same-origin",
      cache: "no-store",
      signal,
    });
    const body = (await answer.json().catch(() => ({}))) as Partial<Iso> & {
      errorCode?: string;
      errorDes?: string;
    };
    if (answer.ok && body.id !== undefined) return body as Iso;
    if (answer.status === 401 && now.kind === "here")
      sessionStore.set({ kind: "expired", session: now.session });
    throw new ApiError(answer.status, body.errorCode ?? "", body.errorDes ?? answer.statusText);
  },
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        reject(new AppError("cancelled", "UPLOAD_PAUSED", "The upload was paused."));
      };
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", stop);
        resolve();
      }, ms);
      signal.addEventListener("abort", stop, { once: true });
    }),
  now: () => performance.now(),
};
