import { AppError } from "@sinter/kit/errors";
import { client } from "../../api/client.ts";
import type { UploadPorts } from "./upload.ts";

/** Pieces to the manager, and time. */
export const uploadPorts: UploadPorts = {
  read: (id) => client.isos.get(id),
  put: async (id, first, totalBytes, piece, signal) => {
    const bytes = new Uint8Array(await piece.arrayBuffer());
    return client.isos.put(id, { first, totalBytes, bytes }, signal);
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
