import { southboundError } from "@sinter/agent-link/agent-side";
import { AppError } from "@sinter/kit";

export const volumeErrors = {
  notFound: (datastoreId: string, volumeUuid: string) =>
    southboundError("VOLUME_NOT_FOUND", `There is no volume ${volumeUuid} on datastore ${datastoreId}.`, {
      params: { datastoreId, volumeUuid },
    }),
  differs: (volumeUuid: string, is: string, wanted: string) =>
    southboundError(
      "VOLUME_DIFFERS",
      `Volume ${volumeUuid} is there already as ${is}; wanted is ${wanted}.`,
      {
        params: { volumeUuid, is, wanted },
      },
    ),
  inUse: (volumeUuid: string, by: string, cause?: unknown) =>
    southboundError("VOLUME_IN_USE", `Volume ${volumeUuid} is in use by ${by}.`, {
      params: { volumeUuid, by },
      ...(cause === undefined ? {} : { cause }),
    }),
  fileNotFound: (volumeUuid: string, file: string) =>
    southboundError("VOLUME_NOT_FOUND", `Volume ${volumeUuid} has no file ${file}.`, {
      params: { volumeUuid, file },
    }),
  fileDiffers: (volumeUuid: string, file: string, is: string, wanted: string) =>
    southboundError(
      "VOLUME_FILE_DIFFERS",
      `Volume ${volumeUuid}, file ${file}: it is ${is}; expected is ${wanted}.`,
      { params: { volumeUuid, file, is, wanted } },
    ),
  imageNotFound: (datastoreId: string, name: string) =>
    southboundError("IMAGE_NOT_FOUND", `Datastore ${datastoreId} has no image ${JSON.stringify(name)}.`, {
      params: { datastoreId, name },
    }),
  imageUnsafe: (name: string, why: string) =>
    new AppError("invalid", "IMAGE_UNSAFE", `The image ${JSON.stringify(name)} cannot be used: ${why}.`, {
      params: { name, why },
    }),
  imageUnreadable: (name: string, cause: unknown) =>
    new AppError(
      "invalid",
      "IMAGE_UNREADABLE",
      `The image ${JSON.stringify(name)} cannot be read as a disk image.`,
      {
        params: { name },
        cause,
      },
    ),
};
