export { type BlockSource, type NbdServer, serveNbd, type ServeNbdOptions } from "./nbd-server.ts";
export { RemoteFile, type RemoteFileOptions, type RemoteFileState } from "./remote-file.ts";
