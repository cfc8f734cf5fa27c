import { southboundError } from "@sinter/agent-link";
import type { AppError } from "@sinter/kit";
import type { DiskSpec } from "@sinter/southbound";
import type { SimStore } from "./sim-store.ts";

export function memoryKey({
  volumeUuid,
  snapshotUuid,
}: {
  volumeUuid: string;
  snapshotUuid: string;
}): string {
  return `${volumeUuid}/${snapshotUuid}`;
}

/** Throws unless the file is there and nothing lies upon it: who writes to a frozen file damages a snapshot. */
export function requireWritable(store: SimStore, disk: DiskSpec): void {
  const files = store.find(disk.volumeUuid)?.files;
  const file = disk.file ?? "base";
  if (!files?.has(file)) throw differs(disk.volumeUuid, file, "missing", "there");
  const above = [...files].find(([, { backing }]) => backing === file);
  if (above) throw differs(disk.volumeUuid, file, `frozen under ${above[0]}`, "the last one");
}

export function differs(volumeUuid: string, file: string, is: string, wanted: string): AppError {
  return southboundError(
    "VOLUME_FILE_DIFFERS",
    `Volume ${volumeUuid}, file ${file}: it is ${is}; expected is ${wanted}.`,
    { params: { volumeUuid, file } },
  );
}
